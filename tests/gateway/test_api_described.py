"""The API is what its description says: schemathesis asks every operation all kinds of things."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis import BaseSchema, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from golive_core.lake import Lake
from golive_gateway.app import create_app
from golive_gateway.resources import resources

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
EXAMPLES = 8
"""Requests an operation; a benchmark of hostile input asks far more often."""
OPERATIONS = {
    (method.upper(), path): told
    for path, methods in create_app().openapi()["paths"].items()
    for method, told in methods.items()
    if path != "/v1/events"  # it never ends; test_events.py listens to it
}
HOST = {"host": "127.0.0.1:8000"}
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
TRIED = [
    (method, path, mode)
    for (method, path), told in sorted(OPERATIONS.items())
    for mode in (POSITIVE, NEGATIVE)
    if mode is POSITIVE or told.get("parameters") or told.get("requestBody")
]


def test_every_operation_is_described() -> None:
    described = create_app().openapi()
    assert len(OPERATIONS) > 20
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            assert told.get("summary"), (method, path)
            assert told["responses"], (method, path)


@pytest.mark.parametrize("name", sorted(resources()))
def test_every_row_is_as_described(
    served: Callable[..., TestClient], simulated: Path, name: str
) -> None:
    client = served()
    told = client.get("/openapi.json").json()["paths"][f"/v1/{name}"]["get"]
    form = told["responses"]["200"]["content"]["application/json"]
    check = Draft202012Validator(form["schema"], format_checker=FormatChecker())
    check.validate(form["example"])
    failed = "select test_id as test, build_id as build from core.test_results"
    found = (
        Lake(simulated / "lake")
        .query(f"{failed} where status = 'failed' limit 1")
        .row(0, named=True)
    )
    needed = {one["name"]: found[one["name"]] for one in told["parameters"] if one["required"]}
    rows = client.get(f"/v1/{name}", params={"limit": 200, **needed}).json()
    assert rows
    check.validate(rows)
    check.validate(client.get(f"/v1/{name}", params={"explain": 1, **needed}).json())
    wrong = [{**rows[0], "surprise": 1}]
    assert not check.is_valid(wrong)


def test_an_empty_lake_is_described_without_columns(home: Path) -> None:
    told = create_app().openapi()["paths"]["/v1/flaky"]["get"]["responses"]["200"]
    assert "properties" not in told["content"]["application/json"]["schema"]["items"]


@lru_cache
def loaded() -> BaseSchema:
    """Return the description as a gateway over the simulated home gives it."""
    return openapi.from_asgi("/openapi.json", create_app(), headers=HOST)


@pytest.mark.parametrize(("method", "path", "mode"), TRIED)
def test_every_answer_is_one_that_is_described(
    served: Callable[..., TestClient], method: str, path: str, mode: GenerationMode
) -> None:
    token = served().headers["authorization"]
    operation = loaded()[path][method]
    is_closed = "security" in OPERATIONS[method, path]

    @settings(
        max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck), database=None, derandomize=True,
    )  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def asks(case) -> None:
        headers = {"authorization": token, **HOST}
        case.call_and_validate(headers=headers, checks=CHECKS)
        if is_closed:
            stranger = case.call(headers={"authorization": "Bearer x", **HOST})
            assert stranger.status_code in (400, 401, 422)  # wrong input is seen first

    asks()
