"""`POST /v1/sql`: one SELECT over the lake, in a connection that reaches nothing else."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field

from golive_core import settings
from golive_core.errors import QueryError
from golive_core.lake import Lake
from golive_gateway import formats
from golive_gateway.auth import authorise
from golive_gateway.routes.reads import RESPONSES

router = APIRouter(prefix="/v1", tags=["read"])
MOST_ROWS = 100_000
MOST_S = 30.0


class Statement(BaseModel, extra="forbid"):
    """What is asked: one SELECT, and how many rows it may give before it is refused."""

    sql: Annotated[str, Field(max_length=50_000, examples=["select * from marts.test_health"])]
    max_rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 10_000


@router.post(
    "/sql",
    responses={
        **{code: told for code, told in RESPONSES.items() if code != 304},  # noqa: PLR2004 - of HTTP
        400: {"description": "The SQL is refused, wrong, too long or gives too many rows."},
    },
    response_class=Response,
)
def run(request: Request, statement: Statement, accept: Annotated[str, Header()] = "") -> Response:
    """Run one SELECT; limits of rows, time and memory hold, and nothing but the lake is reached."""
    caller = authorise(request, "read", "sql")
    if caller.projects:
        raise HTTPException(403, "who is held to single projects may not run SQL of their own")
    form = formats.chosen(accept)
    try:
        frame = Lake(settings.home() / "lake").sandbox(
            statement.sql, max_rows=statement.max_rows, timeout_s=MOST_S
        )
    except QueryError as error:
        said: dict[str, Any] = {"what": error.what, "hint": error.hint}
        raise HTTPException(400, said) from None
    return Response(formats.FORMS[form](frame), media_type=form)
