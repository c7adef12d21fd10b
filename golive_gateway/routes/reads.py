"""`GET /v1/<resource>`: rows of the lake, one SQL file of `golive_gateway/resources` a resource."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import AwareDatetime

from golive_core import settings
from golive_core.lake.literals import Value
from golive_gateway.auth import authorise
from golive_gateway.reading import Question, answer, explanation
from golive_gateway.resources import Parameter, Resource, resources

DAYS = 30
MOST_ROWS = 10_000
EXAMPLE = [{"project_id": "shop"}]
router = APIRouter(prefix="/v1", tags=["read"])
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows; JSON is a list of objects.",
        "content": {
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}}, "example": EXAMPLE,
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string"}},
        },
        "headers": {
            "ETag": {"description": "Of the tables' versions.", "schema": {"type": "string"}},
            "Link": {"description": "The next page, if any.", "schema": {"type": "string"}},
            "X-GoLive-SQL": {"description": "The SQL behind it.", "schema": {"type": "string"}},
        },
    },
    304: {"description": "Nothing has changed since the ETag that was sent."},
    401: {"description": "There is no valid session or token."},
    403: {"description": "It may not read this."},
    406: {"description": "None of the accepted types can be given."},
    410: {"description": "Nothing is kept from so long ago (as_of)."},
    429: {"description": "Too many requests; Retry-After says when to come back."},
    503: {"description": "The lake cannot be read."},
}  # fmt: skip


PROJECT = Query(max_length=100, description="Only this project.")
FROM = Query(alias="from", description=f"First day (UTC), by default {DAYS} days up to the last.")
AS_OF = Query(description="The lake as it was then, with a time zone; the Link of a page has it.")
EXPLAIN = Query(description="Instead of rows: the SQL, and a row for each table that it reads.")
TO = Query(alias="to", description="Last day (UTC), by default today.")


def handler(resource: Resource) -> Callable[..., Response]:
    """Return the function that answers for a resource, with the signature of its parameters."""

    def read(
        request: Request,
        project: str | None,
        limit: int,
        offset: int,
        as_of: datetime | None,
        explain: bool,
        **given: Any,  # noqa: ANN401 - as FastAPI checked them
    ) -> Response:
        caller = authorise(request, "read", "data", project or "")
        parameters: dict[str, Value] = {"project": project, **_period(resource, given)}
        parameters |= {one.name: given[one.name] for one in resource.parameters}
        parameters |= _rule(resource)
        question = Question(
            resource.sql, resource.order, parameters, resource.tables, limit, offset,
            caller.projects, as_of,
        )  # fmt: skip
        return (explanation if explain else answer)(request, question)

    read.__signature__ = inspect.Signature(_signature(resource))  # type: ignore[attr-defined]
    read.__doc__ = resource.doc
    return read


def _signature(resource: Resource) -> list[inspect.Parameter]:
    made = [
        _argument("request", Request),
        _argument("project", Annotated[str | None, PROJECT], None),
        *(_filter(one) for one in resource.parameters),
    ]
    if resource.has_period:
        made += [
            _argument("first", Annotated[date | None, FROM], None),
            _argument("last", Annotated[date | None, TO], None),
        ]
    return [
        *made,
        _argument("limit", Annotated[int, Query(ge=1, le=MOST_ROWS)], 100),
        _argument("offset", Annotated[int, Query(ge=0, le=10_000_000)], 0),
        _argument("as_of", Annotated[AwareDatetime | None, AS_OF], None),
        _argument("explain", Annotated[bool, EXPLAIN], False),
    ]


def _filter(one: Parameter) -> inspect.Parameter:
    doc = one.doc[:1].upper() + one.doc[1:]
    limits: dict[Any, dict[str, Any]] = {
        int: {"ge": -(2**63), "le": 2**63 - 1},
        str: {"max_length": 500},
    }
    told = Query(description=doc, **limits.get(one.type, {}))
    if one.is_required:
        return _argument(one.name, Annotated[one.type, told])
    return _argument(one.name, Annotated[one.type | None, told], None)


def _argument(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:  # noqa: ANN401 - of any type
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, keyword, default=default, annotation=kind)


def _period(resource: Resource, given: dict[str, Any]) -> dict[str, Value]:
    if not resource.has_period:
        return {}
    last = given["last"] or datetime.now(UTC).date()
    try:
        first = given["first"] or last - timedelta(days=DAYS - 1)
    except OverflowError:
        raise HTTPException(422, "the period begins before the calendar does") from None
    return {"first": first, "last": last}


def _rule(resource: Resource) -> dict[str, Value]:
    """Return what counts as a failed deployment, for the one resource that asks."""
    if "$hotfix" not in resource.sql:
        return {}
    known = settings.load().delivery
    return {"hotfix": known.hotfix, "hours": known.incident_hours}


for _one in resources().values():
    router.add_api_route(
        f"/{_one.name}", handler(_one), methods=["GET"], name=_one.name, responses=RESPONSES,
        summary=_one.doc.partition(". ")[0], response_class=Response,
    )  # fmt: skip
