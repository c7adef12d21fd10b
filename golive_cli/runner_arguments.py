"""Tests as arguments of the tools that run them: pytest, Maven, Gradle, JUnit's console launcher.

A tool that does not tell single cases apart by parameters runs the whole case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

Test = Mapping[str, object]
"""A row with `file`, `class_name`, `suite`, `name` and `parameters`, as in core.tests."""


def pytest(tests: Sequence[Test]) -> list[str]:
    """Return node ids: `tests/test_a.py::TestB::test_c[1]`.

    Where no file is known it is read from the dotted class name; names that begin with a capital
    are classes.
    """
    return _once(_node(test) for test in tests)


def _node(test: Test) -> str:
    parts = _text(test, "class_name").split(".")
    classes = [part for part in parts if part[:1].isupper()]
    modules = [part for part in parts if part and part not in classes]
    file = _text(test, "file") or ("/".join(modules) + ".py" if modules else "")
    parameters = _text(test, "parameters")
    name = _text(test, "name") + (f"[{parameters}]" if parameters else "")
    return "::".join(part for part in (file, *classes, name) if part)


def maven(tests: Sequence[Test]) -> list[str]:
    """Return one `-Dtest=Class#method+method,Other#method` of Surefire."""
    methods: dict[str, list[str]] = {}
    for test in tests:
        of_class = methods.setdefault(_class(test), [])
        if (name := _method(test)) not in of_class:
            of_class.append(name)
    return ["-Dtest=" + ",".join(f"{one}#{'+'.join(of)}" for one, of in methods.items())]


def gradle(tests: Sequence[Test]) -> list[str]:
    """Return `--tests package.Class.method` for each."""
    names = _once(f"{_class(test)}.{_method(test)}" for test in tests)
    return [word for name in names for word in ("--tests", name)]


def junit(tests: Sequence[Test]) -> list[str]:
    """Return `--select-method=package.Class#method` for each."""
    return _once(f"--select-method={_class(test)}#{_method(test)}" for test in tests)


def _class(test: Test) -> str:
    return _text(test, "class_name") or _text(test, "suite")


def _method(test: Test) -> str:
    return _text(test, "name").partition("(")[0]


def _text(test: Test, name: str) -> str:
    return str(test.get(name) or "")


def _once(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


FORMATS: Mapping[str, Callable[[Sequence[Test]], list[str]]] = {
    "pytest": pytest, "maven": maven, "gradle": gradle, "junit": junit,
}  # fmt: skip
"""Formats of `golive select` but json."""
