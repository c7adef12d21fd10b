"""Documents that a JSON schema or a model of an OpenAPI description allows.

Each document is held against its schema by jsonschema where the schema says more than types and
bounds; one that breaks it is made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, cast

from golive_core.errors import UsageError
from golive_runner.data.json_values import Values
from golive_runner.data.shape import Column, Kind, Shares, Value
from golive_runner.data.tables import BATCH

TRIES = 200
SAFE = frozenset((
    "$schema", "$id", "$ref", "$defs", "definitions", "title", "description", "default", "example",
    "examples", "type", "properties", "required", "items", "enum", "const", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "format", "pattern", "additionalProperties", "readOnly", "writeOnly", "deprecated", "$comment",
    "components", "openapi", "info", "paths", "servers", "xml", "externalDocs",
))  # fmt: skip
"""Words whose meaning is kept by construction; with any other a document is validated."""
KINDS: Mapping[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "float",
    "boolean": "boolean",
}


def documents(
    said: dict[str, Any], path: Path, count: int, seed: int, shares: Shares
) -> dict[str, Documents]:
    """Return what can be made, by name: the schema itself, or each model of a description."""
    models = said.get("components", {}).get("schemas") or said.get("definitions")
    if "openapi" in said or "swagger" in said:
        if not models:
            raise UsageError("the description has no models", where=str(path))
        root: dict[str, Any] = _plain(said)
        where = "components/schemas" if "openapi" in said else "definitions"
        found = {name: {"$ref": f"#/{where}/{name}"} for name in models}
    else:
        root, found = said, {str(said.get("title") or path.stem): said}
    return {
        name: Documents(name, schema, root, count, seed, shares, str(path))
        for name, schema in found.items()
    }


@dataclass(frozen=True)
class Documents:
    """Documents of one schema, made when they are asked for, the same ones every time."""

    name: str
    schema: dict[str, Any]
    root: dict[str, Any]
    count: int
    seed: int
    shares: Shares
    where: str
    refers_to_itself = False

    def rows(self) -> Iterator[dict[str, Value]]:
        """Yield the documents; raises UsageError if none is found that the schema allows."""
        random = Random(f"{self.seed}/{self.name}")  # noqa: S311 - the same seed has to give the same bytes
        values = Values(self.root, random, self.shares, f"{self.where}, {self.name}")
        wrong = self._wrong
        for number in range(self.count):
            yield self._one(values, wrong, number)

    def _one(self, values: Values, wrong: Any, number: int) -> dict[str, Value]:  # noqa: ANN401
        """Return a document; edge cases are left out where they do not fit together."""
        said = ""
        for tries in range(TRIES):
            found = values.document(self.schema, number, plain=tries > TRIES // 2)
            if not isinstance(found, dict):
                hint = "Rows are made of a schema whose type is object"
                raise UsageError(f"{self.name} is no object", where=self.where, hint=hint)
            said = wrong(found) if wrong else ""
            if not said:
                return cast("dict[str, Value]", found)
        raise UsageError(f"no document of {self.name} was found that its schema allows: {said}",
                         where=self.where)  # fmt: skip

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the properties as columns, in the order of the schema."""
        values = Values(self.root, Random(0), self.shares, self.where)  # noqa: S311 - the same seed has to give the same bytes
        whole = values.merged(self.schema)
        found = whole.get("properties", {})
        return tuple(Column(name, _kind(values.merged(one))) for name, one in found.items())

    def batches(self) -> Iterator[list[list[Value]]]:
        """Yield up to BATCH rows at a time, a list of values for each column."""
        names, rows = [column.name for column in self.columns], self.rows()
        while some := list(islice(rows, BATCH)):
            yield [[row.get(name) for row in some] for name in names]

    @cached_property
    def _wrong(self) -> Any:  # noqa: ANN401 - a function of jsonschema's error, or None
        from jsonschema import SchemaError
        from jsonschema.validators import Draft202012Validator, validator_for

        kind: Any = validator_for(self.root, default=Draft202012Validator)
        try:
            kind.check_schema(self.schema)
        except SchemaError as error:
            raise UsageError(f"is no JSON schema: {error.message}", where=self.where) from error
        if _is_simple(self.root):
            return None
        whole = self.schema if self.schema is self.root else {**self.root, **self.schema}
        validator = kind(whole, format_checker=kind.FORMAT_CHECKER)

        def wrong(found: Value) -> str:
            error = next(iter(validator.iter_errors(found)), None)
            return str(error.message)[:200] if error else ""

        return wrong


def _kind(schema: Mapping[str, Any]) -> Kind:
    kinds = schema.get("type")
    given = cast("list[object]", kinds) if isinstance(kinds, list) else [kinds]
    named = [one for one in given if one != "null"]
    return KINDS.get(str(named[0]), "json") if len(named) == 1 else "json"


def _is_simple(schema: Any) -> bool:  # noqa: ANN401 - a part of a schema
    """Tell whether a schema has no word but the safe ones."""
    if isinstance(schema, list):
        return all(map(_is_simple, cast("list[object]", schema)))
    if not isinstance(schema, dict):
        return True
    schema = cast("dict[str, Any]", schema)
    return all(word in SAFE and _is_simple_under(word, schema[word]) for word in schema)


def _is_simple_under(word: str, value: object) -> bool:
    if word in ("enum", "const", "default", "examples", "example"):
        return True
    if word in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return all(map(_is_simple, cast("dict[str, Any]", value).values()))
    return _is_simple(value)


def _plain(said: Any) -> Any:  # noqa: ANN401 - a part of a description
    """Return a description of OpenAPI 2 or 3.0 with the words of JSON schema 2020-12."""
    if isinstance(said, list):
        return [_plain(one) for one in cast("list[object]", said)]
    if not isinstance(said, dict):
        return said
    given = cast("dict[str, Any]", said)
    found: dict[str, Any] = {key: _plain(value) for key, value in given.items()}
    if found.pop("nullable", None) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if isinstance(found.get("enum"), list) and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(word), bool) and found.pop(word):
            found[word] = found.pop(bound)
    return found
