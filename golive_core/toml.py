"""A TOML file whose every error names its line. What the keys mean is `golive_core.settings`."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from golive_core.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Section = TypeVar("Section", bound="DataclassInstance")
Scalar = TypeVar("Scalar", int, float, bool, str)
Table = dict[str, object]
Path = tuple[str, ...]
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def near(word: str, known: Iterable[str]) -> str:
    """Return a sentence that helps with a mistyped word, empty if there is nothing to say."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=2)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(names)}" if names else ""


@dataclass(frozen=True, slots=True)
class Toml:
    """The parsed file with its text at hand."""

    data: Table
    text: str
    name: str

    @classmethod
    def read(cls, content: bytes, name: str) -> Toml:
        """Parse `content`; raises SettingsError with file and line."""
        try:
            text = content.decode("utf-8-sig")
            return cls(tomllib.loads(text), text, name)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise SettingsError("not UTF-8", where=f"{name}:{line}") from error
        except tomllib.TOMLDecodeError as error:
            what, _, at = str(error).partition(" (at ")
            line_found = re.match(r"line (\d+)", at)
            where = f"{name}:{line_found[1]}" if line_found else name
            raise SettingsError(f"not valid TOML: {what}", where=where) from error

    def table(self, *path: str) -> Table:
        """Return the table at `path`, empty if there is none."""
        value: Table = self.data
        for depth, key in enumerate(path, 1):
            inner = value.get(key, {})
            if not isinstance(inner, dict):
                raise self.error(path[:depth], "is not a table", f"Write [{'.'.join(path)}]")
            value = cast("Table", inner)
        return value

    def known(self, path: Path, table: Mapping[str, object], names: Iterable[str]) -> None:
        """Refuse a key that nobody reads: it is a slip far more often than a plan."""
        names = tuple(names)
        for key in table:
            if key not in names:
                raise self.error((*path, key), "is not known", near(key, names))

    def error(self, path: Path, what: str, hint: str = "") -> SettingsError:
        """Return an error that names key, file and line."""
        line = line_of(self.text, path)
        where = f"{self.name}:{line}" if line else self.name
        return SettingsError(f"{'.'.join(path)} {what}", where=where, hint=hint)

    def section(self, path: str | Path, default: Section, *, skip: tuple[str, ...] = ()) -> Section:
        """Return the dataclass `default` with the values at `path`, cast to its types.

        Raises SettingsError for a key that is not a field (or is in `skip`) or a wrong value.
        """
        path = (path,) if isinstance(path, str) else path
        raw = self.table(*path)
        self.known(path, raw, [one.name for one in fields(default) if one.name not in skip])
        return replace(
            default,
            **{
                key: self.scalar((*path, key), value, getattr(default, key))
                for key, value in raw.items()
            },
        )

    def slug(self, path: Path) -> None:
        """Refuse a name, the last of `path`, that cannot be a part of ids and files."""
        if not SLUG.fullmatch(path[-1]):
            hint = "Use small letters, digits, dot, dash and underscore"
            raise self.error(path, "is not a usable name", hint)

    def instant(self, path: Path) -> datetime | None:
        """Return the instant of a TOML date, a TOML time or ISO text; without a zone it is UTC."""
        value = self.table(*path[:-1]).get(path[-1])
        if value in (None, ""):
            return None
        try:
            text = value.isoformat() if isinstance(value, date) else str(value)
            parsed = datetime.fromisoformat(text)
        except ValueError:
            hint = f"For example {path[-1]} = 2024-01-01"
            raise self.error(path, f"is {value!r}", hint) from None
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def scalar(self, path: Path, value: object, default: Scalar) -> Scalar:
        """Return `value` in the type of `default`; text of a variable may stand for any of them."""
        kind = type(default)
        found = _cast(value, kind)
        if found is None:
            raise self.error(path, f"is {value!r}", f"It must be {KINDS[kind]}")
        if isinstance(found, (int, float)) and found < 0:
            raise self.error(path, f"is {value!r}", "It must not be negative")
        return found


def _cast(value: object, kind: type[Scalar]) -> Scalar | None:
    """Return `value` as `kind`, None if it is not one."""
    if isinstance(value, bool) or kind is bool:
        truth = TRUTHS.get(str(value).lower())
        return None if truth is None or kind is not bool else kind(truth)
    if not isinstance(value, (str, kind)) and not (kind is float and isinstance(value, int)):
        return None
    try:
        return kind(value)
    except ValueError:
        return None


def line_of(text: str, path: Path) -> int | None:
    """Return the line (from 1) of the key at `path`, else of its table; None without both."""
    inside: Path = ()
    best = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line):
            inside = _parts(header[1])
            shorter = min(len(inside), len(path))
            best = number if inside[:shorter] == path[:shorter] and not best else best
        elif (key := re.match(r"\s*([\w.\"'-]+)\s*=", line)) and (*inside, *_parts(key[1])) == path:
            return number
    return best


def _parts(dotted: str) -> Path:
    return tuple(part.strip(" \"'") for part in dotted.split("."))
