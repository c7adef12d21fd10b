"""Values that a JSON schema allows: objects, arrays, numbers, texts by format or pattern."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor
from random import Random
from typing import Any, cast

from golive_core.errors import UsageError
from golive_runner.data.makers import LONGEST, Maker, maker
from golive_runner.data.shape import Column, Shares, Value
from golive_runner.data.words import topic_of, usual

DEEPEST = 6
"""Levels of a schema that refers to itself; below it only what is required is made."""
MOST_ITEMS = 5
OPTIONAL = 0.8
"""Share of the properties that are there although they need not be."""
LARGEST = 10_000
TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
HINTS = (
    ("properties", "object"), ("additionalProperties", "object"), ("items", "array"),
    ("minItems", "array"), ("pattern", "string"), ("minLength", "string"), ("maxLength", "string"),
    ("format", "string"), ("minimum", "number"), ("maximum", "number"),
)  # fmt: skip
"""The type that a word speaks of, where a schema names none."""
Schema = Mapping[str, Any]


class Values:
    """Makes values of one root schema with one stream of random numbers."""

    def __init__(self, root: Schema, random: Random, shares: Shares, where: str) -> None:
        self._root, self._random, self._where = root, random, where
        self._shares = self._wanted = shares
        self._number = 0
        self._makers: dict[tuple[object, ...], Maker] = {}
        self._merged: dict[int, tuple[Any, Schema]] = {}

    def document(self, schema: Schema, number: int, *, plain: bool) -> Value:
        """Return the document of a number; without edge cases where `plain` says so."""
        self._number = number
        self._shares = Shares(0.0, 0.0) if plain else self._wanted
        return self._any(schema, "", 0)

    def _is_edge(self) -> bool:
        return self._random.random() < self._shares.edges

    def _any(self, schema: Any, name: str, depth: int) -> Value:  # noqa: ANN401 - true and {} are schemas
        if schema is False:
            raise UsageError(f"{name or 'the schema'} allows nothing", where=self._where)
        if depth > 8 * DEEPEST:
            raise UsageError(f"{name} refers to itself without end", where=self._where)
        told = self.merged(cast("Schema", schema) if isinstance(schema, Mapping) else {})
        for word in ("oneOf", "anyOf"):
            if options := told.get(word):
                rest = {key: value for key, value in told.items() if key != word}
                return self._any(_both(rest, self.merged(self._pick(options))), name, depth + 1)
        if "const" in told:
            return told["const"]
        if "enum" in told:
            return self._pick(told["enum"])
        return self._typed(told, name, depth)

    def _typed(self, told: Schema, name: str, depth: int) -> Value:
        kind = self._kind(told)
        if kind == "object":
            return self._object(told, depth)
        if kind == "array":
            return self._array(told, name, depth)
        if kind == "null":
            return None
        if kind == "boolean":
            return self._random.random() < 0.5  # noqa: PLR2004 - half of them
        if kind == "string":
            return self._text(told, name)
        return self._amount(told, name, kind)

    def _kind(self, told: Schema) -> str:
        kinds = told.get("type")
        if isinstance(kinds, str):
            return kinds
        if kinds:
            others = [one for one in kinds if one != "null"]
            is_null = "null" in kinds and self._random.random() < self._shares.nulls
            return "null" if is_null or not others else self._pick(others)
        return next((kind for word, kind in HINTS if word in told), "string")

    def _object(self, told: Schema, depth: int) -> dict[str, Value]:
        needed, known = told.get("required", ()), told.get("properties", {})
        least = told.get("minProperties", 0)
        found: dict[str, Value] = {}
        for name, inner in known.items():
            is_wanted = depth < DEEPEST and self._random.random() < OPTIONAL
            if name in needed or (inner is not False and (is_wanted or len(known) <= least)):
                found[name] = self._any(inner, name, depth + 1)
        extra = told.get("additionalProperties", True)
        for name in (one for one in needed if one not in found):
            found[name] = self._any(extra, name, depth + 1)
        if extra is not False:
            while len(found) < least:
                found[f"extra{len(found)}"] = self._any(extra, "", depth + 1)
        return found

    def _array(self, told: Schema, name: str, depth: int) -> list[Value]:
        least, first = told.get("minItems", 0), told.get("prefixItems", [])
        most = min(told.get("maxItems", max(least, MOST_ITEMS)), max(least, MOST_ITEMS))
        items = told.get("items", {})
        count = self._random.randint(least, most)
        if self._is_edge() or depth >= DEEPEST:
            count = least
        found = [self._any(one, name, depth + 1) for one in first]
        for _ in range(20 * count):
            if len(found) >= count or items is False:
                break
            made = self._any(items, name, depth + 1)
            if not (told.get("uniqueItems") and made in found):
                found.append(made)
        return found

    def _amount(self, told: Schema, name: str, kind: str) -> Value:
        """Return a number between its bounds, a multiple of what it has to be."""
        step = told.get("multipleOf") or (1 if kind == "integer" else None)
        low, high = _bounds(told, kind, step)
        if low > high:
            raise UsageError(f"{name} allows no number", where=self._where)
        if step is None:
            return self._real(low, high)
        first, last = ceil(low / step), floor(high / step)
        if kind == "integer" and name.lower() == "id" and step == 1:
            return first + (1 - first if first <= 1 <= last else 0) + self._number
        if self._is_edge():
            near = [one for one in (first, last, 0, 1, -1) if first <= one <= last]
            return self._whole(self._pick(near) * step, kind)
        start, (near, far) = (0 if first <= 0 <= last else first), usual(name)
        start = max(start, min(near, last))
        place = self._random.randint(start, min(last, far if start < far else start + LARGEST))
        return self._whole(place * step, kind)

    def _whole(self, value: float, kind: str) -> int | float:
        return int(value) if kind == "integer" else round(value, 10)

    def _real(self, low: float, high: float) -> float:
        if self._is_edge():
            return float(self._pick([one for one in (low, high, 0) if low <= one <= high]))
        start = 0.0 if low <= 0 <= high else low
        width = min(high - start, float(LARGEST))
        return min(high, start + round(self._random.random() * width, 4))

    def _text(self, told: Schema, name: str) -> str:
        least, most = told.get("minLength", 0), told.get("maxLength")
        if pattern := told.get("pattern"):
            return self._by_pattern(pattern, least, most)
        if make := FORMATS.get(told.get("format", "")):
            return make(self, name)
        made = self._maker(Column(name, "text", least=least, most=most))
        return str(self._value(made))

    def _by_pattern(self, pattern: str, least: int, most: int | None) -> str:
        from rstr import Rstr

        made = Rstr(self._random)
        for _ in range(100):
            try:
                found = made.xeger(pattern)
            except (re.error, ValueError, KeyError, OverflowError) as error:
                what = f"the pattern {pattern} is not understood ({error})"
                raise UsageError(what, where=self._where) from error
            fits = least <= len(found) <= (LONGEST * 4 if most is None else most)
            if fits and re.search(pattern, found):
                return found
        what = f"no text was found that the pattern {pattern} and its length allow"
        raise UsageError(what, where=self._where)

    def _value(self, made: Maker) -> Value:
        return (
            self._pick(made.edges) if made.edges and self._is_edge() else made.plain(self._random)
        )

    def by_kind(self, kind: Any, name: str = "") -> Value:  # noqa: ANN401 - a kind of Column
        """Return a value of a column's kind."""
        return self._value(self._maker(Column(name, kind, is_zoned=True)))

    def about(self, name: str) -> str:
        """Return a text as a column of that name has it."""
        return topic_of(name).make(self._random)

    def _maker(self, column: Column) -> Maker:
        key = (column.name, column.kind, column.least, column.most)
        if key not in self._makers:
            self._makers[key] = maker(column)
        return self._makers[key]

    def _pick(self, options: Sequence[Any]) -> Any:  # noqa: ANN401 - a value or a part of a schema
        return options[int(self._random.random() * len(options))]

    def merged(self, schema: Schema) -> Schema:
        """Return a schema with its `$ref` and `allOf` folded in; raises UsageError."""
        if "$ref" not in schema and "allOf" not in schema:
            return schema
        known = self._merged.get(id(schema))
        if known is None:
            known = self._merged[id(schema)] = (schema, self._fold(schema, 0))
        return known[1]

    def _fold(self, schema: Schema, depth: int) -> Schema:
        if depth > 50:  # noqa: PLR2004 - no schema that means something is as deep
            raise UsageError("a $ref refers to itself", where=self._where)
        found: Schema = {k: v for k, v in schema.items() if k not in ("$ref", "allOf")}
        if "$ref" in schema:
            found = _both(self._fold(self._at(schema["$ref"]), depth + 1), found)
        for one in schema.get("allOf", ()):
            found = _both(found, self._fold(one, depth + 1))
        return found

    def _at(self, reference: str) -> Schema:
        """Return what a reference within the document names."""
        place: Any = self._root if reference.startswith("#") else None
        for part in filter(None, reference.removeprefix("#").split("/")):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(place, Mapping) or key not in place:
                hint = "Only references within the file are followed"
                raise UsageError(f"{reference} is not there", where=self._where, hint=hint)
            place = cast("Any", place[key])
        return cast("Schema", place)


def _both(one: Schema, other: Schema) -> Schema:
    """Return a schema that says what both say."""
    found = {**one, **other}
    for word in one.keys() & other.keys():
        left, right = one[word], other[word]
        if word == "properties":
            found[word] = {**left, **{key: _both_of(left.get(key), inner)
                                      for key, inner in right.items()}}  # fmt: skip
        elif word == "required":
            found[word] = list(dict.fromkeys((*left, *right)))
        elif word in ("minimum", "minLength", "minItems", "exclusiveMinimum"):
            found[word] = max(left, right)
        elif word in ("maximum", "maxLength", "maxItems", "exclusiveMaximum"):
            found[word] = min(left, right)
    return found


def _both_of(one: object, other: object) -> object:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return _both(cast("Schema", one), cast("Schema", other))
    return other


def _bounds(told: Schema, kind: str, step: float | None) -> tuple[float, float]:
    """Return lowest and highest number; the narrowest format is what a schema names."""
    size = {"int32": (1 << 31) - 1, "int64": (1 << 63) - 1}.get(told.get("format", ""))
    far = size if size else (1 << 53) - 1 if kind == "integer" else 1e12
    low, high = told.get("minimum", -far), told.get("maximum", far)
    gap = step or 1e-6
    if (above := told.get("exclusiveMinimum")) is not None:
        low = max(low, above + gap)
    if (below := told.get("exclusiveMaximum")) is not None:
        high = min(high, below - gap)
    return low, high


def _moment(values: Values, _name: str) -> str:
    return str(values.by_kind("timestamp")).replace(" ", "T").replace("+00:00", "Z")


def _of(kind: str) -> Callable[[Values, str], str]:
    return lambda values, _name: str(values.by_kind(kind))


def _about(topic: str) -> Callable[[Values, str], str]:
    return lambda values, _name: values.about(topic)


FORMATS: dict[str, Callable[[Values, str], str]] = {
    "date-time": _moment, "date": _of("date"), "uuid": _of("uuid"), "email": _about("email"),
    "time": lambda values, _name: f"{values.by_kind('time')}Z",
    "idn-email": _about("email"), "hostname": _about("host"), "ipv4": _about("ip"),
    "ipv6": lambda values, name: f"2001:db8::{len(values.about(name)):x}",
    "uri": _about("url"), "url": _about("url"), "iri": _about("url"),
    "uri-reference": _about("url"),
    "byte": lambda values, name: base64.b64encode(values.about(name).encode()).decode(),
    "duration": lambda values, name: f"PT{len(values.about(name))}M",
}  # fmt: skip
