"""Documents of JSON schemas and OpenAPI models, held against them by another validator."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from golive_core.errors import UsageError
from golive_runner.data import make

USER = {
    "title": "User", "type": "object", "required": ["id", "email", "tags", "home"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1}, "email": {"type": "string", "format": "email"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3,5}$"},
        "age": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 130},
        "step": {"type": "number", "multipleOf": 0.25, "minimum": -2, "maximum": 2},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True,
                 "minItems": 1, "maxItems": 3},
        "home": {"$ref": "#/$defs/Address"}, "born": {"type": "string", "format": "date"},
        "seen": {"type": "string", "format": "date-time"}, "key": {"type": "string",
        "format": "uuid"},
        "pay": {"oneOf": [{"type": "object", "required": ["card"], "properties": {
            "card": {"type": "string", "minLength": 4, "maxLength": 4}}},
            {"type": "object", "required": ["iban"], "properties": {"iban": {"type": "string"}},
             "not": {"required": ["card"]}}]},
        "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2},
    },
    "$defs": {"Address": {"allOf": [
        {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}},
        {"required": ["zip"], "properties": {"zip": {"type": "string", "minLength": 5}}},
    ]}},
}  # fmt: skip


def written(tmp_path: Path, said: object, name: str = "schema.json") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(said))
    return path


def test_each_document_is_valid_and_the_seed_decides_it(tmp_path):
    path = written(tmp_path, USER)
    [one] = make(path, rows=300, seed=5).values()
    rows = list(one.rows())
    validator = jsonschema_rs.validator_for(USER, validate_formats=True)
    assert [str(error) for row in rows for error in validator.iter_errors(row)] == []
    assert rows == list(make(path, rows=300, seed=5)["User"].rows())
    assert rows != list(make(path, rows=300, seed=6)["User"].rows())
    assert [row["id"] for row in rows[:3]] == [1, 2, 3]
    assert {"card", "iban"} == {key for row in rows for key in row.get("pay", {})} & {
        "card",
        "iban",
    }


def test_models_of_an_openapi_3_0_description_are_read_as_it_means_them(tmp_path):
    model = {"type": "object", "required": ["n", "s"], "properties": {
        "n": {"type": "number", "minimum": 3, "exclusiveMinimum": True, "maximum": 4},
        "s": {"type": "string", "nullable": True, "enum": ["x", "y"]},
        "at": {"type": "string", "format": "date-time", "example": "2020"},
    }}  # fmt: skip
    said = {"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {},
            "components": {"schemas": {"Item": model, "Other": {"type": "string"}}}}  # fmt: skip
    found = make(written(tmp_path, said), rows=200)
    rows = list(found["Item"].rows())
    assert all(3 < row["n"] <= 4 for row in rows)
    assert {row["s"] for row in rows} <= {"x", "y", None}
    with pytest.raises(UsageError, match="Other is no object"):
        list(found["Other"].rows())


def test_models_of_a_large_description_can_be_made(tmp_path, shared):
    """Jira's own models, written by others: most of them objects that refer to others."""
    path = shared("fixtures/openapi/jira-cloud-platform-swagger.v3.json")
    said = json.loads(path.read_text())
    found = make(path, rows=3)
    objects = [name for name, one in said["components"]["schemas"].items()
               if one.get("type") == "object" and "properties" in one][:60]  # fmt: skip
    refused = 0
    for name in objects:
        root = {
            "$ref": f"#/components/schemas/{name}",
            "components": found[name].root["components"],
        }
        validator = jsonschema_rs.Draft202012Validator(root)
        try:
            assert all(validator.is_valid(row) for row in found[name].rows()), name
        except UsageError:
            refused += 1  # some allow nothing: oneOf beside additionalProperties: false
    assert (len(objects), refused) == (60, 1)


def _all_of(path: Path) -> None:
    for one in make(path, rows=3).values():
        list(one.rows())


WRONG = [
    ({"type": "array"}, "is no object"),
    ({"type": "object", "properties": {"a": {"type": "strin"}}}, "is no JSON schema"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/no"}}}, "is not there"),
    ({"type": "object", "required": ["a"], "properties": {"a": False}}, "allows nothing"),
    ({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}, "without end"),
    ({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "integer", "minimum": 5, "maximum": 3}}}, "allows no number"),
    ({"type": "object", "required": ["a"], "not": {"required": ["a"]}}, "no document of"),
    ({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "pattern": "("}}}, "pattern|no JSON schema"),
    ({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string", "pattern": "^abc$", "maxLength": 2}}}, "its length allow"),
    ([1], "is no schema"),
    ({"openapi": "3.0.0", "info": {}, "paths": {}}, "has no models"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "told"), WRONG)
def test_a_schema_that_cannot_be_kept_is_refused_by_name(tmp_path, said, told):
    path = written(tmp_path, said)
    with pytest.raises(UsageError, match=told):
        _all_of(path)


def test_nested_documents_are_json_in_cells(tmp_path):
    from io import BytesIO

    from golive_runner.data.writing import write

    [one] = make(written(tmp_path, USER), rows=5).values()
    for kind in ("csv", "sql", "parquet"):
        out = BytesIO()
        assert write(one, kind, out) == 5
    assert [column.name for column in one.columns][:2] == ["id", "email"]
