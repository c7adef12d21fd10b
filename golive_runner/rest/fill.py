"""Fills `{name}` from rows and captures and `${NAME}` from the environment into texts.

A text that is one `{name}` alone becomes the value with its type. `{{name}}` stands for `{name}`.
What comes from the environment is masked from then on, wherever it is spelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast
from urllib.parse import quote

from golive_core.errors import SettingsError, UsageError
from golive_core.settings import resolve

VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
NAME = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|(?<![${])\{([A-Za-z_]\w*)\}")
Values = Mapping[str, object]


def filled(value: object, values: Values) -> object:
    """Return a value with its texts filled, at any depth; raises SettingsError, KeyError."""
    if isinstance(value, str):
        alone = NAME.fullmatch(value)
        return values[alone[2]] if alone and alone[2] else text(value, values)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {text(key, values): filled(inner, values) for key, inner in items}
    if isinstance(value, list):
        return [filled(inner, values) for inner in cast("list[object]", value)]
    return value


def text(template: str, values: Values, spell: Callable[[str], str] = str) -> str:
    """Return a text filled; `spell` writes what is put into it."""
    if "{" not in template:
        return template
    told = NAME.sub(lambda m: f"{{{m[1]}}}" if m[1] else spell(shown(values[m[2]])), template)
    return VARIABLE.sub(lambda m: resolve(f"env:{m[1]}"), told)


def address(template: str, values: Values) -> str:
    """Return an address filled; what is put into a part of it is percent-encoded."""
    alone = NAME.fullmatch(template)
    if alone and alone[2]:
        return shown(values[alone[2]])
    return text(template, values, lambda value: quote(value, safe=""))


def resolved(value: object) -> None:
    """Read every variable that a document names; raises UsageError for one that is not set."""
    for text_ in _texts(value):
        for name in VARIABLE.findall(text_):
            try:
                resolve(f"env:{name}")
            except SettingsError as error:
                what = f"the variable {name} is not set, which the document names"
                raise UsageError(what, hint=f"Run: export {name}=...") from error


def shown(value: object) -> str:
    """Return a value as text: true and null as JSON writes them."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def names(value: object) -> Iterator[str]:
    """Yield the `{names}` that a value uses."""
    for text_ in _texts(value):
        yield from (found[2] for found in NAME.finditer(text_) if found[2])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from (key, *_texts(inner))
    elif isinstance(value, (list, tuple)):
        for inner in cast("list[object]", value):
            yield from _texts(inner)
