"""REST checks from an OpenAPI description: one document for each operation that only reads.

Each asks for the operation with the values that the description gives as examples, defaults or
enumerations, and holds the answer to the status and schema that it promises. What has a required
parameter for which no value is told is left out: a guess would test the guess. The format is that
of `docs/rest_checks.md`; whether a check holds is for others to try.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

Json = dict[str, Any]
READS = ("get", "head")
GUESSED: Mapping[str, object] = {"integer": 1, "number": 1, "boolean": True}
"""Values for types of which any will do."""
FIRST_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json")
WORD = re.compile(r"\W+")
DEEP = 200
"""Schemas that one check may carry."""


@dataclass(frozen=True, slots=True)
class RestCheck:
    """One operation, `GET /v1/users/{id}`, and the document that checks it; None with a `why`."""

    label: str
    document: Json | None
    why: str = ""

    @property
    def file(self) -> str:
        """The name of a file for it."""
        return f"{WORD.sub('_', self.label.lower().replace('{', 'by_')).strip('_')}.yaml"


def checks(description: Json, base: str) -> list[RestCheck]:
    """Return a check for each operation of a description that reads, in its order."""
    paths = _object(description.get("paths"))
    return [
        _check(description, base, method, path, _object(item))
        for path, item in paths.items()
        for method in READS
        if method in _object(item)
    ]


def _check(description: Json, base: str, method: str, path: str, item: Json) -> RestCheck:
    label = f"{method.upper()} {path}"
    operation = _object(item[method])
    filled, params, headers = path, Json(), dict[str, str]()
    for one in _parameters(description, item, operation):
        value, name = _value(description, one), str(one.get("name"))
        if value is None:
            if one.get("required"):
                return RestCheck(label, None, f"no value is told for {one.get('in')} {name}")
        elif one.get("in") == "path":
            filled = filled.replace(f"{{{name}}}", str(value))
        elif one.get("in") == "query":
            params[name] = value
        elif one.get("in") == "header":
            headers[name] = str(value)
    if "{" in filled:
        return RestCheck(label, None, "its path has a parameter that is not described")
    step = {method: filled, "params": params, "headers": headers,
            "expect": _expected(description, operation)}  # fmt: skip
    title = operation.get("summary") or operation.get("operationId") or label
    document = {"checks": str(title).replace("{", "").replace("}", ""), "base": base,
                "steps": [{name: one for name, one in step.items() if one}]}  # fmt: skip
    return RestCheck(label, document)


def _parameters(description: Json, item: Json, operation: Json) -> Iterator[Json]:
    """Yield the parameters of an operation; those of its own come before those of its path."""
    seen = set[tuple[object, object]]()
    for one in (*operation.get("parameters", []), *item.get("parameters", [])):
        found = _followed(description, _object(one))
        key = (found.get("in"), found.get("name"))
        if key not in seen:
            seen.add(key)
            yield found


def _value(description: Json, parameter: Json) -> object:
    """Return the value that is told for a parameter, None for none; needed ones are guessed."""
    schema = _followed(description, _object(parameter.get("schema")))
    examples = [_object(one).get("value") for one in _object(parameter.get("examples")).values()]
    told = (parameter.get("example"), *examples[:1], schema.get("example"), schema.get("default"),
            next(iter(schema.get("enum") or []), None))  # fmt: skip
    value = next((one for one in told if isinstance(one, str | int | float)), None)
    if value is None and parameter.get("required"):
        return GUESSED.get(str(schema.get("type")))
    return value


def _expected(description: Json, operation: Json) -> Json:
    """Return the status and schema that an operation promises for what goes well."""
    answers = {str(status): one for status, one in _object(operation.get("responses")).items()}
    status = next((one for one in answers if one.startswith("2")), "")
    answer = _followed(description, _object(answers.get(status)))
    content = _object(answer.get("content"))
    schema = next(
        (_object(one).get("schema") for kind, one in content.items() if FIRST_JSON.match(kind)),
        answer.get("schema"),
    )
    expected: Json = {"status": int(status) if status.isdigit() else "2xx"}
    if isinstance(schema, dict):
        whole = _whole(description, cast("Json", schema))
        expected |= {"schema": whole} if whole else {}
    return expected


def _whole(description: Json, schema: Json) -> Json:
    """Return a schema with what it refers to in the description; {} where that is too much."""
    found: Json = {}
    waiting = list(_references(schema))
    while waiting:
        name = waiting.pop()
        parts = name.removeprefix("#/").split("/")
        if name in found:
            continue
        found[name] = _at(description, parts)
        if found[name] is None or len(found) > DEEP:
            return {}
        waiting += _references(found[name])
    whole: Json = dict(_plain(schema))
    for name, one in found.items():
        place = whole
        *folders, last = name.removeprefix("#/").split("/")
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = _plain(one)
    return whole


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a schema of OpenAPI 3.0 as JSON Schema has it: nullable is a type."""
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    made = {name: _plain(one) for name, one in cast("Json", value).items() if name != "nullable"}
    if cast("Json", value).get("nullable") is not True:
        return made
    if isinstance(made.get("type"), str) and "enum" not in made:
        return {**made, "type": [made["type"], "null"]}
    return {"anyOf": [made, {"type": "null"}]}


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        told = cast("Json", value).get("$ref")
        if isinstance(told, str):
            yield told
        for one in cast("Json", value).values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in cast("list[object]", value):
            yield from _references(one)


def _followed(description: Json, value: Json) -> Json:
    told = value.get("$ref")
    return _object(_at(description, told.removeprefix("#/").split("/"))) if told else value


def _at(description: Json, parts: list[str]) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return what a local reference points to, None for nothing."""
    place: Any = description
    for part in parts:
        place = _object(place).get(part.replace("~1", "/").replace("~0", "~"))
    return place


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
