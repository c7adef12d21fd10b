"""Calls functions with small arguments and notes what comes out: what a test can hold on to.

Runs under the Python of the project that is tested: standard library only.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import itertools
import math
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

POOLS: dict[str, list[Any]] = {
    "int": [0, 1, -1, 2, 3, 10, 100], "float": [0.0, 1.0, -1.5, 0.25, 100.0],
    "str": ["", "a", "Ab c", "0", "a,b\n"], "bool": [True, False], "bytes": [b"", b"ab"],
    "list[int]": [[], [1], [3, 1, 2], [0, 0]], "list[str]": [[], ["a"], ["b", "a", "b"]],
    "list[float]": [[], [0.5], [1.0, -2.0, 3.5]], "list": [[], [1], [3, 1, 2]],
    "dict": [{}, {"a": 1}, {"b": 2, "a": 0}], "dict[str, int]": [{}, {"a": 1}, {"b": 2, "a": 0}],
    "tuple": [(), (1, 2)], "set": [set(), {1, 2}], "None": [None],
}  # fmt: skip
"""Values by annotation; Sequence and Iterable are taken for lists."""
LISTS = ("Sequence[", "Iterable[", "Collection[", "List[")
GUESSED = ("int", "str", "list[int]", "list[str]", "dict[str, int]", "float", "bool")
"""What a parameter without annotation may be, in this order."""
MOST_CALLS, KEPT, FEW = 200, 12, 5
CALL_S = 1.0
LONGEST = 400
WRONG_TYPE = (TypeError, AttributeError)


def observe(module: str, names: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what calls of functions gave: function, args (as source), and value or error."""
    loaded = importlib.import_module(module)
    for name in names:
        function = getattr(loaded, name, None)
        if inspect.isfunction(function):
            yield from _of(name, function)


def _of(name: str, function: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any function
    seen: set[str] = set()
    for args in itertools.islice(_arguments(function), MOST_CALLS):
        said = _call(function, args)
        if said is None or said["source"] in seen:
            continue
        seen.add(said["source"])
        yield {"function": name, **said}
        if len(seen) >= KEPT:
            return


def _arguments(function: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - any function
    """Yield arguments: of what has to be given alone, then of all parameters."""
    every = [
        one for one in inspect.signature(function).parameters.values()
        if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}
    ]  # fmt: skip
    needed = [one for one in every if one.default is inspect.Parameter.empty]
    if len(needed) < len(every):
        yield from itertools.islice(_varied(needed), FEW)
    yield from _varied(every)


def _varied(wanted: Sequence[inspect.Parameter]) -> Iterator[tuple[Any, ...]]:
    """Yield values, varied one after the other so that each shows up soon."""
    pools = [_pool(one) for one in wanted]
    if any(pool is None for pool in pools):
        return
    if not pools:
        yield ()
        return
    for kinds in itertools.product(*(pool for pool in pools if pool is not None)):
        values = [POOLS[kind] for kind in kinds]
        longest = range(max(map(len, values)))
        for shift, step in itertools.product(longest, longest):
            yield tuple(one[(step + shift * at) % len(one)] for at, one in enumerate(values))


def _pool(one: inspect.Parameter) -> tuple[str, ...] | None:
    """Return the kinds of values for a parameter; None where nobody can make one."""
    if one.annotation is inspect.Parameter.empty:
        default = type(one.default).__name__
        return (default,) if default in POOLS else GUESSED
    told = one.annotation if isinstance(one.annotation, str) else inspect.formatannotation(
        one.annotation
    )  # fmt: skip
    text = told.replace("typing.", "").replace("collections.abc.", "")
    for word in LISTS:
        text = text.replace(word, "list[")
    parts = [part.strip() for part in text.removeprefix("Optional[").split("|")]
    known = tuple(_known(part.rstrip("]") if part.count("]") > part.count("[") else part)
                  for part in parts)  # fmt: skip
    kinds = tuple(kind for kind in known if kind)
    return kinds or None


def _known(text: str) -> str:
    bare = text.partition("[")[0]
    return text if text in POOLS else bare if bare in POOLS and bare in {"list", "dict"} else ""


def _call(function: Any, args: tuple[Any, ...]) -> dict[str, str] | None:  # noqa: ANN401
    """Return a call as source with its outcome; None for one that tells nothing."""
    source = ", ".join(map(repr, args))
    try:
        with _in_time():
            value = function(*copy.deepcopy(args))
    except WRONG_TYPE:
        return None
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is noted
        kind = type(error)
        return _raised(source, kind) if kind.__module__ == "builtins" else None
    return _returned(source, value)


@contextmanager
def _in_time() -> Generator[None]:
    """End what takes longer than CALL_S by a TimeoutError, where the system has such clocks."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, CALL_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _late(*_: object) -> None:
    raise TimeoutError


def _raised(source: str, kind: type[BaseException]) -> dict[str, str] | None:
    is_guard = issubclass(kind, OSError | RecursionError | MemoryError)
    return None if is_guard else {"source": source, "raises": kind.__name__}


def _returned(source: str, value: Any) -> dict[str, str] | None:  # noqa: ANN401 - any value
    """Return the outcome if the value can be written down and is the same when read again."""
    text = repr(value)
    if len(text) > LONGEST:
        return None
    if isinstance(value, float):
        return {"source": source, "value": text} if math.isfinite(value) else None
    try:
        is_plain = ast.literal_eval(text) == value
    except (ValueError, SyntaxError, TypeError):
        return None
    return {"source": source, "value": text} if is_plain else None
