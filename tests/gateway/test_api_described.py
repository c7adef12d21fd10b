"""The API is what its description says: schemathesis asks every operation all kinds of things."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from golive_gateway.app import create_app

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
EXAMPLES = 12
"""Requests an operation; `GOLIVE`s own benchmark of hostile input asks far more often."""
OPERATIONS = sorted(
    (method.upper(), path)
    for path, methods in create_app().openapi()["paths"].items()
    for method in methods
    if path != "/v1/events"  # it never ends; test_observed.py listens to it
)


def test_every_operation_is_described() -> None:
    described = create_app().openapi()
    assert len(OPERATIONS) > 20
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            assert told.get("summary"), (method, path)
            assert told["responses"], (method, path)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_is_described(
    served: Callable[..., TestClient], method: str, path: str
) -> None:
    token = served().headers["authorization"]
    schema = openapi.from_asgi("/openapi.json", create_app(), headers={"host": "127.0.0.1:8000"})
    operation = schema[path][method]

    @settings(
        max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck), database=None, derandomize=True,
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def asks(case) -> None:
        headers = {"authorization": token, "host": "127.0.0.1:8000"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    asks()
