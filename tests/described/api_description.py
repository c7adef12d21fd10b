"""An OpenAPI 3.0 description: what it says against a request, and the part of it that is asked.

Prism (`prism_server`) judges requests by the same descriptions, but lets parameters and fields pass
that are not described; here these are faults, and nothing has to be started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loopback import Asked
from openapi_schema_validator import (
    OAS30Validator,
    OAS30WriteValidator,
    oas30_format_checker,
)
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
WHOLE = "urn:described"


@dataclass(frozen=True)
class Operation:
    """One method of one described path."""

    route: str
    method: str
    told: Json
    parameters: tuple[Json, ...]


@dataclass
class Description:
    """One description. `renamed` tells where a path that is asked is described, if not there.

    `media_type` is what JSON is also called when it is asked for.
    """

    spec: Json
    media_type: str = "application/json"
    renamed: Callable[[str], str] = str

    @cached_property
    def routes(self) -> list[tuple[re.Pattern[str], str]]:
        """Patterns of the described paths; one with fewer names in braces comes first."""
        found = sorted(self.spec["paths"], key=lambda one: (one.count("{"), one))
        return [(re.compile(re.sub(r"\\\{[^/{}]+?\\\}", "([^/]+)", re.escape(one))), one)
                for one in found]  # fmt: skip

    @cached_property
    def registry(self) -> Registry[Any]:
        return Registry().with_resource(WHOLE, Resource(self.spec, DRAFT4))

    def seen(self, node: Json) -> Json:
        """Return what a reference points to, or the node itself."""
        while "$ref" in node:
            found: Any = self.spec
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the described operation that a request is, None if there is none."""
        plain = self.renamed("/" + path)
        for pattern, route in self.routes:
            if pattern.fullmatch(plain) and method.lower() in self.spec["paths"][route]:
                item = self.spec["paths"][route]
                told = item[method.lower()]
                named = [self.seen(one) for one in
                         [*item.get("parameters", ()), *told.get("parameters", ())]]  # fmt: skip
                return Operation(route, method.lower(), told, tuple(named))
        return None

    # ------------------------------------------------------------ requests

    def faults(self, asked: Asked) -> list[str]:
        """Return what is wrong with a request, nothing if the description allows it."""
        one = self.operation(asked.method, asked.path)
        if one is None:
            return [f"{asked.method} /{asked.path} is not described"]
        found = [
            *self._in_path(one, asked),
            *self._in_query(one, asked),
            *self._in_body(one, asked),
        ]
        return [f"{asked.method} {one.route}: {text}" for text in found]

    def _in_path(self, one: Operation, asked: Asked) -> Iterator[str]:
        pattern = next(pattern for pattern, route in self.routes if route == one.route)
        match = pattern.fullmatch(self.renamed("/" + asked.path))
        names = re.findall(r"\{([^/{}]+?)\}", one.route)
        for name, value in zip(names, match.groups() if match else (), strict=True):
            told = next(at for at in one.parameters if at["in"] == "path" and at["name"] == name)
            yield from self._value(name, value, told["schema"])

    def _in_query(self, one: Operation, asked: Asked) -> Iterator[str]:
        told = {at["name"]: at for at in one.parameters if at["in"] == "query"}
        for name, value in asked.query.items():
            if name in told:
                yield from self._value(name, value, told[name].get("schema", {}))
            else:
                yield f"no parameter {name}"
        for name in told.keys() - asked.query.keys():
            if told[name].get("required"):
                yield f"parameter {name} is missing"

    def _value(self, name: str, text: str, schema: Json) -> Iterator[str]:
        read = readings(text, self.seen(schema))
        errors = [self._errors(OAS30Validator, value, schema) for value in read]
        if all(errors):
            yield from (f"{name}={text}: {error}" for error in errors[-1])

    def _in_body(self, one: Operation, asked: Asked) -> Iterator[str]:
        told = self.seen(one.told.get("requestBody", {}))
        if not asked.body:
            if told.get("required"):
                yield "a body is missing"
            return
        if "application/json" not in told.get("content", {}):
            yield "takes no JSON"
            return
        schema, value = told["content"]["application/json"]["schema"], asked.json()
        yield from self._errors(OAS30WriteValidator, value, schema)
        yield from (f"no field {name}" for name in sorted(self._unknown(value, schema)))

    def _errors(self, kind: Any, value: object, schema: Json) -> list[str]:
        whole = {"$ref": f"{WHOLE}{schema['$ref']}"} if "$ref" in schema else located(schema)
        validator = kind(whole, registry=self.registry, format_checker=oas30_format_checker)
        return [f"{'.'.join(map(str, one.path)) or 'value'}: {one.message}"[:300]
                for one in validator.iter_errors(value)]  # fmt: skip

    def _unknown(self, value: object, schema: Json) -> set[str]:
        """Return fields, also inside objects (`config.url`), that the schema does not name."""
        plain = self.seen(schema)
        if not isinstance(value, dict) or "properties" not in plain:
            return set()
        named = plain["properties"]
        extra = plain.get("additionalProperties") not in (None, False)
        found = set() if extra else value.keys() - named.keys()
        for name in value.keys() & named.keys():
            found |= {f"{name}.{one}" for one in self._unknown(value[name], named[name])}
        return found

    # ------------------------------------------------------------ answers and parts

    def examples(self, one: Operation) -> dict[str, Any]:
        """Return the example answers to a success, by name; text that holds JSON is decoded."""
        for status in ("200", "201"):
            answer = self.seen(one.told["responses"].get(status, {}))
            content = answer.get("content", {}).get("application/json", {})
            named = {name: self.seen(at).get("value") for name, at in
                     content.get("examples", {}).items()}  # fmt: skip
            if "example" in content:
                named["example"] = content["example"]
            if named:
                return {name: decoded(value) for name, value in named.items()}
        return {}

    def part(self, asked: Iterable[Operation]) -> Json:
        """Return a description of these operations alone, as a server is given it.

        Answers are kept without headers: those that link to a next page or redirect name hosts.
        Where there are examples the schema is left out, since some official examples do not keep
        it. Examples that are JSON in a text are what they hold.
        """
        paths: dict[str, Json] = {}
        for one in asked:
            told = {**one.told, "parameters": list(one.parameters), "security": []}
            told["responses"] = {status: self._bare(self.seen(answer))
                                 for status, answer in one.told["responses"].items()}  # fmt: skip
            paths.setdefault(one.route, {})[one.method] = told
        components: dict[str, Json] = {}
        self._collect(paths, components)
        return {"openapi": "3.0.3", "info": {"title": "part", "version": "1"}, "paths": paths,
                "components": components}  # fmt: skip

    def _bare(self, answer: Json) -> Json:
        content = {kind: self._decoded(told) for kind, told in answer.get("content", {}).items()}
        if "application/json" in content:
            content = {self.media_type: content["application/json"]} | content
        return {"description": answer["description"], **({"content": content} if content else {})}

    def _decoded(self, told: Json) -> Json:
        if "example" in told:
            return {"example": decoded(told["example"])}
        return {"examples": told["examples"]} if told.get("examples") else told

    def _collect(self, node: object, components: dict[str, Json]) -> None:
        """Put what the node refers to, and what that refers to, into `components`."""
        for reference in references(node):
            _, _, kind, name = reference.split("/", 3)
            if name not in components.setdefault(kind, {}):
                components[kind][name] = self.spec["components"][kind][name]
                self._collect(components[kind][name], components)


def references(node: object) -> Iterator[str]:
    """Yield every `$ref` inside."""
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(one)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]


def located(node: Any) -> Any:
    """Return a schema whose references say in which document they look."""
    if isinstance(node, dict):
        return {key: f"{WHOLE}{value}" if key == "$ref" and isinstance(value, str)
                else located(value) for key, value in node.items()}  # fmt: skip
    return [located(one) for one in node] if isinstance(node, list) else node


def readings(text: str, schema: Json) -> list[object]:
    """Return what the text of a parameter may stand for by the type of its schema."""
    if schema.get("type") == "array":
        return [text.split(",")]
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    return [text, value]


def decoded(value: object) -> object:
    """Return what a text holds if that is JSON, as Atlassian writes its examples."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        return json.loads(value)
    return value
