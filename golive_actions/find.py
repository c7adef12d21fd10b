"""Finds targets and their verbs: every module here that holds a class with a `type`.

There is no list to edit: a target is added by adding its file, a verb by adding a method.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError

import golive_actions
from golive_actions.target import MARKED, Kind, Mark, Target
from golive_core.errors import SettingsError, UsageError
from golive_core.settings import REFERENCE, is_secret_name
from golive_core.toml import near

NOTHING: object = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a verb; `kind` is its type and `default` NOTHING where it must be given."""

    name: str
    kind: Any
    default: object

    def __str__(self) -> str:
        """Return how the parameter is written on the command line."""
        return f"{self.name}=" if self.default is NOTHING else f"[{self.name}=]"

    def value(self, given: object, where: str) -> object:
        """Return what was given in the type of the parameter; raises UsageError."""
        if is_secret_name(self.name) and given and not REFERENCE.fullmatch(str(given)):
            hint = "Give env:NAME or file:PATH instead"
            raise UsageError(f"{self.name} is a secret given as a value", where=where, hint=hint)
        try:
            return TypeAdapter[object](self.kind).validate_python(self._read(given))
        except ValidationError as error:
            said = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise UsageError(f"{self.name}: {said}", where=where) from None

    def _read(self, given: object) -> object:
        """Return lists and objects that came as text as what they are."""
        if self.kind is not str and isinstance(given, str) and given[:1] in ("[", "{"):
            try:
                return json.loads(given)
            except ValueError:
                return given
        return given


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of one target: `github.create_pull_request`."""

    name: str
    mark: Mark
    doc: str
    parameters: tuple[Parameter, ...]

    @property
    def kind(self) -> Kind:
        """What it does: reads, makes or sets."""
        return self.mark.kind

    def arguments(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return what was given in the types of the parameters; raises UsageError for a slip."""
        known = {one.name: one for one in self.parameters}
        for name in given:
            if name not in known:
                hint = near(name, known)
                raise UsageError(f"has no parameter {name!r}", where=self.name, hint=hint)
        missing = [one.name for one in self.parameters if one.default is NOTHING]
        if missing := [name for name in missing if name not in given]:
            hint = f"It takes {' '.join(map(str, self.parameters))}"
            raise UsageError(f"lacks {', '.join(missing)}", where=self.name, hint=hint)
        return {name: known[name].value(value, self.name) for name, value in given.items()}

    def subject(self, arguments: Mapping[str, object]) -> str:
        """Return what the verb acts on, as its mark says."""
        defaults = {one.name: one.default for one in self.parameters}
        return self.mark.subject.format(**{**defaults, **arguments})


@cache
def targets() -> dict[str, type[Target]]:
    """Return every target class by its type, sorted; raises SettingsError if two claim one."""
    found: dict[str, type[Target]] = {}
    for module in _modules():
        for kind in _classes(module):
            if found.setdefault(kind.type, kind) is not kind:
                raise SettingsError(f"two targets are of type {kind.type!r}", where=module.__name__)
    return dict(sorted(found.items()))


def target(name: str) -> type[Target]:
    """Return the target of this type; raises UsageError naming near matches."""
    if name not in targets():
        raise UsageError(f"no target is called {name!r}", hint=near(name, targets()))
    return targets()[name]


def verbs(name: str) -> dict[str, Verb]:
    """Return the verbs of a target by their short names, in the order in which it has them."""
    kind = target(name)
    marked = {word: getattr(value, MARKED, None) for word, value in vars(kind).items()}
    return {
        word: _verb(kind, word, mark) for word, mark in marked.items() if isinstance(mark, Mark)
    }


def verb(action: str) -> Verb:
    """Return the verb of an action, `github.create_pull_request`; raises UsageError."""
    name, _, word = action.partition(".")
    known = verbs(name)
    if word not in known:
        raise UsageError(f"{name} has no verb {word!r}", hint=near(word, known))
    return known[word]


def _verb(kind: type[Target], word: str, mark: Mark) -> Verb:
    method = getattr(kind, word)
    types = get_type_hints(method)
    taken = list(inspect.signature(method).parameters.values())[1:]
    parameters = tuple(Parameter(one.name, types[one.name], one.default) for one in taken)
    return Verb(f"{kind.type}.{word}", mark, inspect.getdoc(method) or "", parameters)


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.iter_modules(golive_actions.__path__, "golive_actions."):
        yield importlib.import_module(info.name)


def _classes(module: ModuleType) -> Iterator[type[Target]]:
    """Yield the targets that the module defines itself; what it imports is another's."""
    for _, value in inspect.getmembers(module, inspect.isclass):
        if value.__module__ == module.__name__ and isinstance(vars(value).get("type"), str):
            yield cast("type[Target]", value)
