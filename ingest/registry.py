"""Finds the sources: every module of `ingest/sources/` that holds a class with a `type`.

There is no list to edit: a source is added by adding its file. What a source must offer is in
`ingest/source.py`; which instances there are is the business of golive.toml.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import cast

from pydantic import ValidationError

import ingest.sources
from golive_core.errors import SettingsError
from ingest.source import Context, Instance, Source


@cache
def sources() -> dict[str, type[Source]]:
    """Return every source class by its type, in the order of the types.

    Raises SettingsError if two modules claim one type.
    """
    found: dict[str, type[Source]] = {}
    for module in _modules():
        for kind in _classes(module):
            if found.setdefault(kind.type, kind) is not kind:
                raise SettingsError(
                    f"two sources are of type {kind.type!r}", where=module.__name__,
                    hint=f"The other one is in {found[kind.type].__module__}; rename one of them",
                )  # fmt: skip
    return dict(sorted(found.items()))


def named(word: str) -> type[Source] | None:
    """Return the class that a command line means by a type or an alias of one, if any."""
    known = sources()
    return known.get(word) or next((one for one in known.values() if word in aliases(one)), None)


def aliases(kind: type[Source]) -> tuple[str, ...]:
    """Return the further words by which the command line knows a type; few have any."""
    return getattr(kind, "aliases", ())


def source(type_name: str) -> type[Source]:
    """Return the class of the source type; raises SettingsError naming near matches."""
    known = sources()
    if type_name not in known:
        near = difflib.get_close_matches(type_name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}"
        raise SettingsError(f"no source type is called {type_name!r}", hint=hint)
    return known[type_name]


def build(instance: Instance, context: Context) -> Source:
    """Return the source that reads `instance`.

    Raises SettingsError for an unknown type, and for options that the type does not have or take:
    it names the option, never its value.
    """
    try:
        return source(instance.type)(instance, context)
    except ValidationError as error:
        raise _refused(instance, error) from None


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(ingest.sources.__path__, "ingest.sources."):
        yield importlib.import_module(info.name)


def _classes(module: ModuleType) -> Iterator[type[Source]]:
    """Yield the sources that the module defines itself; what it imports is another's."""
    for _, value in inspect.getmembers(module, inspect.isclass):
        if value.__module__ == module.__name__ and isinstance(vars(value).get("type"), str):
            yield cast("type[Source]", value)


def _refused(instance: Instance, error: ValidationError) -> SettingsError:
    """Return the options that were refused, without their values: one may be a secret."""
    wrong = [
        f"{'.'.join(map(str, detail['loc'])) or 'options'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_input=False)
    ]
    example = sources()[instance.type].example.strip()
    return SettingsError(
        "; ".join(wrong), where=f"[source.{instance.name}]", hint=f"An example:\n{example}"
    )
