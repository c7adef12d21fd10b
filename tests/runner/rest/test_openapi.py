"""Checks made from an OpenAPI description, against servers that keep to it and that do not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from shop_server import raw, served

from golive_core.errors import UsageError


class Item(BaseModel):
    name: str
    size: int


def stock() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{number}")
    def item(number: int) -> dict[str, int]:
        return {"number": number}

    @app.get("/broken", response_model=Item)
    def broken() -> JSONResponse:
        return JSONResponse({"name": 3})

    @app.post("/items", status_code=201)
    def new(item: Item) -> JSONResponse:
        return JSONResponse({"oh": "no"}, 500 if item.size > 100 else 201)

    return app


@pytest.fixture(scope="module")
def stocked() -> Iterator[str]:
    with served(stock()) as address:
        yield address


def test_each_operation_is_a_test_and_each_kind_of_failure_an_attempt(check, stocked, evidence):
    attempts = check(f"checks: Stock\nbase: {stocked}\nopenapi: {stocked}/openapi.json\n")
    found = {(one.name, one.status) for one in attempts}
    assert {("GET /items/{number}", "passed"), ("GET /broken", "failed")} <= found
    broken = next(one for one in attempts if one.name == "GET /broken")
    assert "Response violates schema" in broken.message
    assert broken.details.startswith(f"curl -X GET {stocked}/broken")
    assert evidence(broken, "response")["body"] == '{"name":3}'
    server_error = next(one for one in attempts if one.name == "POST /items")
    assert "Server error" in server_error.message
    assert "--data-binary" in server_error.details


def test_the_same_seed_sends_the_same_cases(check, stocked):
    text = (
        f"checks: Stock\nopenapi: {{file: '{stocked}/openapi.json', only: ['POST *'], seed: 3}}\n"
    )
    one, two = ([(a.status, a.message) for a in check(text)] for _ in range(2))
    assert one == two
    assert one


def test_operations_and_checks_may_be_left_out(check, stocked):
    attempts = check(f"""checks: Stock
base: {stocked}
openapi:
  file: {stocked}/openapi.json
  cases: 4
  skip: ["POST *", "GET /items*"]
  without: [response_schema_conformance]
""")
    assert [(one.name, one.status) for one in attempts] == [("GET /broken", "passed")]


def test_a_server_that_hangs_is_an_error_of_each_operation(check, tmp_path, stocked):
    description = stock().openapi()
    (tmp_path / "stock.json").write_text(json.dumps(description))
    with raw(lambda connection: connection.recv(1) and None) as base:
        attempts = check(
            f"checks: a\nbase: {base}\ntimeout_s: 0.1\n"
            "openapi: {file: stock.json, cases: 2, only: ['GET /broken']}\n"
        )
    assert {(one.status, one.type) for one in attempts} == {("error", "NoAnswer")}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{", "neither JSON nor YAML"),
        ("a.json", '{"a": 1}', "is no OpenAPI description"),
        ("a.json", '{"openapi": "3.0.0", "info": {}, "paths": {}}', "names no server"),
        ("a.yaml", "openapi: 3.0.0\nservers: [{url: 'http://localhost'}]\npaths:\n  /a: "
         "{$ref: 'http://x.example.org/a'}", "which is not fetched"),
        ("a.yaml", "openapi: 3.0.0\ninfo: {title: a, version: '1'}\npaths: {}\n"
         "servers: [{url: 'http://localhost'}]", "no operation is chosen"),
        (None, None, "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_wrong_use(check, tmp_path, name, content, said):
    if name:
        (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=said):
        check(f"checks: a\nopenapi: {name or 'none.json'}\n")


def test_a_wrong_word_has_its_near_miss(check):
    with pytest.raises(UsageError, match="Did you mean not_a_server_error"):
        check("checks: a\nopenapi: {file: a, without: [not_server_error]}\n")


def test_the_description_of_a_large_api_is_read_and_asked(check, shared, tmp_path):
    """Jira's own description: 400 operations and more, of which two are asked at a real server."""
    path = shared("fixtures/openapi/jira-cloud-platform-swagger.v3.json")
    with served(stock()) as base:
        attempts = check(
            f"checks: Jira\nbase: {base}\n"
            f"openapi: {{file: '{path}', cases: 2, only: ['GET /rest/api/3/myself', "
            "'GET /rest/api/3/serverInfo']}\n"
        )
    assert {one.name for one in attempts} == {
        "GET /rest/api/3/myself",
        "GET /rest/api/3/serverInfo",
    }
    assert all("Undocumented" in one.message for one in attempts if one.status == "failed")
