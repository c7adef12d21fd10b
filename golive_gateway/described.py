"""The description of the API for programs (OpenAPI): the framework's, with what rows look like.

The columns of a resource are those that its SQL gives over the lake as it is, so they are there as
soon as its tables are, and cannot differ from the answers.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from fastapi import FastAPI

import assets
from golive_core import access, schema, settings
from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from golive_core.lake.literals import Value
from golive_gateway.formats import JSON, plain
from golive_gateway.resources import Resource, resources

Told = dict[str, Any]
SCHEMES: Told = {
    "token": {"type": "http", "scheme": "bearer", "description": "golive token create NAME"},
    "session": {"type": "apiKey", "in": "cookie", "name": access.COOKIE},
}
INPUTS = re.compile(r"^-- inputs: (.*)$", re.MULTILINE)
ASKS, OPENS = ("/v1/", "/badge/"), "/v1/session"
"""How a path begins that asks for a session or a token, and one that gives them."""
EXAMPLES = {
    "project_id": "shop", "branch": "main", "status": "passed", "source": "jenkins",
    "name": "test_pays_with_card", "class_name": "checkout.PaymentTest", "verdict": "flaky",
    "build_id": "jenkins:shop#1042", "commit_sha": "9fceb02d0ae598e95dc970b74767f19372d61af8",
}  # fmt: skip
ANY = {
    "403": "It is not allowed, or another site asks.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "Too much to do, or the home cannot be read.",
}
"""What stands before every operation may answer."""
BODY = {"400": "The body cannot be read."}
EXPLAINED: Told = {
    "type": "object",
    "description": "With explain=true: a table that is read.",
    "properties": {
        "table": {"type": "string"}, "version": {"type": ["integer", "null"]},
        "lake_version": {"type": "integer"},
        "committed_at": {"type": ["string", "null"], "format": "date-time"},
        "sql": {"type": "string"},
    },
    "required": ["table", "version", "lake_version", "committed_at", "sql"],
}  # fmt: skip


class Described(FastAPI):
    """An application whose description follows the lake."""

    _document: Told
    _state: tuple[Path, tuple[str, ...]] | None = None

    def openapi(self) -> Told:
        """Return the OpenAPI document as of now; made anew where tables came or went."""
        lake, tables = _seen()
        state = settings.home(), tables
        if state != self._state:
            self._document, self._state = self._made(lake), state
        return self._document

    def _made(self, lake: Lake | None) -> Told:
        document = copy.deepcopy(super().openapi())
        document.setdefault("components", {})["securitySchemes"] = SCHEMES
        for path, methods in document["paths"].items():
            for told in methods.values():
                told["summary"] = told.get("description", told["summary"]).partition(". ")[0]
                known = ANY | (BODY if "requestBody" in told else {})
                told["responses"] = {
                    **{code: {"description": why} for code, why in known.items()},
                    **told["responses"],
                }
                if path.startswith(ASKS) and not path.startswith(OPENS):
                    told["security"] = [{name: []} for name in SCHEMES]
        if lake:
            for resource in resources().values():
                answer = document["paths"][f"/v1/{resource.name}"]["get"]["responses"]["200"]
                _describe(answer["content"][JSON], resource, lake)
        return document


def _seen() -> tuple[Lake | None, tuple[str, ...]]:
    """Return the lake with its tables; None for one that cannot be read (see /health/ready)."""
    try:
        lake = Lake(settings.home() / "lake")
        return lake, tuple(lake.tables())
    except GoLiveError:
        return None, ()


def _describe(told: Told, resource: Resource, lake: Lake) -> None:
    columns = columns_of(resource, lake)
    if columns is None:
        return
    known = meanings(resource.tables)
    row: Told = {
        "type": "object",
        "properties": {
            name: {**_typed(dtype), "description": known.get(name, "")}
            for name, dtype in columns.items()
        },
        "required": list(columns),
        "additionalProperties": False,
    }
    told["schema"] = {"type": "array", "items": {"anyOf": [row, EXPLAINED]}}
    told["example"] = [{name: _example(name, dtype) for name, dtype in columns.items()}]


def columns_of(resource: Resource, lake: Lake) -> dict[str, pl.DataType] | None:
    """Return the columns of an answer as JSON has them; None where a table is not there yet."""
    today = datetime.now(UTC).date()
    given: dict[str, Value] = dict.fromkeys(one.name for one in resource.parameters)
    given |= {"project": None, "first": today, "last": today, "hotfix": "x", "hours": 1}
    used = {name: value for name, value in given.items() if f"${name}" in resource.sql}
    try:
        if not all(lake.exists(name) or name in schema.TABLES for name in resource.tables):
            return None
        return dict(plain(lake.query(f"from ({resource.sql}) limit 0", used)).schema)
    except GoLiveError:
        return None


def meanings(tables: Iterable[str]) -> dict[str, str]:
    """Return what columns mean by name; those of a mart mean what they mean in its inputs."""
    found: dict[str, str] = {}
    for name in tables:
        if name in schema.TABLES:
            told = {column.name: column.doc for column in schema.find(name).columns}
        else:
            told = meanings(_inputs(name))
        found = told | found  # what the first table says counts
    return found


@cache
def _inputs(mart: str) -> tuple[str, ...]:
    """Return the tables that a mart is made of, from the header of its file."""
    path = Path(assets.__file__).parent / "marts" / f"{mart.partition('.')[2]}.sql"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    match = INPUTS.search(text)
    return tuple(match[1].split(", ")) if match else ()


def _typed(dtype: pl.DataType) -> Told:
    """Return the JSON schema of a value; every one may be null."""
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.DataType):
        return {"type": ["array", "null"], "items": _typed(dtype.inner)}
    if isinstance(dtype, pl.Date | pl.Datetime):
        form = "date" if isinstance(dtype, pl.Date) else "date-time"
        return {"type": ["string", "null"], "format": form}
    kinds = {"integer": dtype.is_integer(), "number": dtype.is_float(),
             "boolean": dtype == pl.Boolean, "object": isinstance(dtype, pl.Struct)}  # fmt: skip
    return {"type": [next((kind for kind, fits in kinds.items() if fits), "string"), "null"]}


def _example(name: str, dtype: pl.DataType) -> object:
    if name in EXAMPLES:
        return EXAMPLES[name]
    if name.endswith("_id"):
        return (
            "6917529027641081857" if name in ("test_id", "failure_id", "signature_id") else "1042"
        )
    told = _typed(dtype)
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.DataType):
        return [_example("", dtype.inner)]
    by_format = {"date-time": "2026-05-04T10:00:00+00:00", "date": "2026-05-04"}
    by_type: Told = {"object": {}, "boolean": True, "integer": 3, "number": 0.25}
    return by_format.get(told.get("format", "")) or by_type.get(told["type"][0], "text")
