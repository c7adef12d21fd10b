"""`POST /v1/sql`: one SELECT over the lake, in a connection that reaches nothing else."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field

from golive_core import settings
from golive_core.errors import QueryError
from golive_core.lake import Lake
from golive_core.sight import Sight
from golive_gateway import formats
from golive_gateway.auth import authorise
from golive_gateway.routes.reads import RESPONSES

router = APIRouter(prefix="/v1", tags=["read"])
MOST_ROWS = 100_000
MOST_S = 30.0
MOST_RUNNING = 4
"""Statements at a time; each may take 1 GB."""
WAIT_S = 2.0
running = threading.BoundedSemaphore(MOST_RUNNING)


class Statement(BaseModel, extra="forbid"):
    """What is asked: one SELECT, and how many rows it may give before it is refused."""

    sql: Annotated[str, Field(max_length=50_000, examples=["select * from marts.test_health"])]
    max_rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 10_000


@router.post(
    "/sql",
    responses={
        **{code: told for code, told in RESPONSES.items() if code not in (304, 410)},
        400: {"description": "The SQL is refused, wrong, too long or gives too many rows."},
    },
    response_class=Response,
)
def run(request: Request, statement: Statement, accept: Annotated[str, Header()] = "") -> Response:
    """Run one SELECT; limits of rows, time and memory hold, and nothing but the lake is reached.

    Who is held to projects sees their rows alone, in every table.
    """
    caller = authorise(request, "read", "sql")
    form = formats.chosen(accept)
    with _turn():
        return Response(formats.FORMS[form](_asked(statement, caller.sight)), media_type=form)


@contextmanager
def _turn() -> Generator[None]:
    """Let in as many statements as there is memory for; raise HTTPException 503 for more."""
    if not running.acquire(timeout=WAIT_S):
        told = f"{MOST_RUNNING} statements are running already"
        raise HTTPException(503, told, headers={"Retry-After": "2"})
    try:
        yield
    finally:
        running.release()


def _asked(statement: Statement, sight: Sight) -> pl.DataFrame:
    lake = Lake(settings.home() / "lake", sight)
    try:
        return lake.sandbox(statement.sql, max_rows=statement.max_rows, timeout_s=MOST_S)
    except QueryError as error:
        said: dict[str, Any] = {"what": error.what, "hint": error.hint}
        raise HTTPException(400, said) from None
