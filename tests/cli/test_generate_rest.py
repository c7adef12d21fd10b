"""`golive generate-tests openapi.json`: checks that a real server keeps, run by golive again."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI
from pydantic import BaseModel

from golive_agents.rest_tests import checks
from tests.cli.conftest import Run
from tests.runner.rest.shop_server import served


class Item(BaseModel):
    name: str
    price: float | None = None


def shop() -> FastAPI:
    """Return a service: two operations as described, one that lies, one shaken, one unknown."""
    app = FastAPI()

    @app.get("/items/{number}", response_model=Item, summary="One item")
    def item(number: int) -> object:
        return {"name": f"n{number}"}

    @app.get("/items")
    def items(kind: str = "all") -> list[Item]:
        return [Item(name=kind)]

    @app.get("/lies", response_model=Item)
    def lies() -> object:
        from fastapi.responses import JSONResponse

        return JSONResponse({"price": "none"})

    @app.get("/shaken", response_model=int)
    def shaken() -> object:
        from fastapi.responses import JSONResponse

        shaken.calls += 1  # type: ignore[attr-defined]
        return JSONResponse(1 if shaken.calls % 2 else "odd")  # type: ignore[attr-defined]

    shaken.calls = 0  # type: ignore[attr-defined]

    @app.get("/named/{name}")
    def named(name: str) -> str:
        return name

    @app.delete("/items/{number}")
    def gone(number: int) -> None:
        raise AssertionError("nobody may ask for it")

    return app


@pytest.mark.slow
def test_what_a_server_keeps_is_written_and_runs_again(golive: Run, tmp_path: Path) -> None:
    app = shop()
    (tmp_path / "openapi.json").write_text(json.dumps(app.openapi()))
    assert "--base" in golive("generate-tests", "openapi.json").err
    with served(app) as base:
        said = golive("generate-tests", "openapi.json", "--base", base, "--runs", "2",
                      "--write", "checks", "--json")  # fmt: skip
        found = said.json
        assert [one["operation"] for one in found["kept"]] == [
            "GET /items/{number}", "GET /items"
        ]  # fmt: skip
        assert set(found["dropped"]) == {"GET /lies", "GET /shaken", "GET /named/{name}"}
        assert "no value is told" in found["dropped"]["GET /named/{name}"]
        assert sorted(one.name for one in (tmp_path / "checks").iterdir()) == [
            "get_items.yaml", "get_items_by_number.yaml"
        ]  # fmt: skip
        assert golive("test", "run", "checks").code == 0


def test_what_is_no_description_is_wrong_use(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "b.yaml").write_text("a: [")
    far = {"paths": {}, "servers": [{"url": "https://shop.example.org"}]}
    (tmp_path / "c.json").write_text(json.dumps(far))
    wrong = {"c.json": "where does its server run", "a.json": "no paths",
             "b.yaml": "cannot be read"}  # fmt: skip
    for name, why in wrong.items():
        said = golive("generate-tests", name)
        assert (said.code, why in said.err) == (2, True)


def test_references_and_nullable_become_a_schema_of_its_own() -> None:
    description = {
        "paths": {"/a/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {"responses": {"200": {"content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/A"}}}}}},
        }},
        "components": {
            "parameters": {"id": {"in": "path", "name": "id", "required": True, "example": "x{1}",
                                  "schema": {"type": "string"}}},
            "schemas": {"A": {"type": "object", "properties": {
                "next": {"$ref": "#/components/schemas/A"},
                "n": {"type": "integer", "nullable": True}}}},
        },
    }  # fmt: skip
    (one,) = checks(description, "http://127.0.0.1")
    assert one.why == "its path has a parameter that is not described"
    description["components"]["parameters"]["id"]["example"] = 7  # type: ignore[index]
    (one,) = checks(description, "http://127.0.0.1")
    assert one.document is not None
    step = one.document["steps"][0]
    assert step["get"] == "/a/7"
    schema = step["expect"]["schema"]
    assert schema["components"]["schemas"]["A"]["properties"]["n"] == {"type": ["integer", "null"]}
    assert yaml.safe_load(yaml.safe_dump(one.document)) == one.document


def test_large_descriptions_of_others_are_read(shared: object) -> None:
    path = shared("fixtures/openapi/jira-cloud-platform-swagger.v3.json")  # type: ignore[operator]
    found = checks(json.loads(path.read_text()), "http://127.0.0.1")
    asked = [one for one in found if one.document]
    assert len(found) > 200
    assert len(asked) > 80
    assert all(one.why for one in found if not one.document)
    json.dumps(random.Random(1).sample([one.document for one in asked], 20))
