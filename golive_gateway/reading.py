"""An answer of the read API: the rows of one statement over one version of the lake.

Every answer has an ETag made from the versions of the tables that it reads, so that an unchanged
one costs no query: the last answers are kept by it, whoever asks again. The SQL behind it, filled
in, is in the header X-GoLive-SQL.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from urllib.parse import urlencode

import polars as pl
from fastapi import HTTPException, Request, Response

from golive_core import settings
from golive_core.errors import LakeError, LakeVersionError
from golive_core.lake import Lake
from golive_core.lake.literals import Value, filled_in
from golive_core.lake.manifest import Manifest
from golive_core.sight import Sight
from golive_gateway import formats

MOST_HEADER = 6000
"""Characters of SQL that a header carries; servers on the way refuse longer ones."""
MOST_KEPT = 64 << 20
VERSION = version("golive")
MOST_S = 30.0
"""What a query may take: nobody waits longer, and it would keep others from their answers."""
CACHE = "private, no-cache"
"""Keep it, and ask whether it is still so."""


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its parameters, and the rows of it that are wanted."""

    sql: str
    order: str
    """The columns that the rows are ordered by, so that pages neither overlap nor leave any out."""
    parameters: Mapping[str, Value]
    tables: Sequence[str]
    limit: int
    offset: int = 0
    held: tuple[str, ...] = ()
    """Projects whose rows may be seen; empty means all of them."""
    as_of: datetime | None = None
    """The lake as it was then; None is now."""

    @property
    def statement(self) -> str:
        """The SQL with its page, and only with rows of the projects that may be seen."""
        held = f"list_contains({_listed(self.held)}, project_id)" if self.held else "true"
        order = f"order by {self.order}\n" if self.order else ""
        page = f"{order}limit {self.limit + 1} offset {self.offset}"
        return f"with answer as (\n{self.sql}\n)\nselect * from answer where {held}\n{page}"


def _listed(names: Sequence[str]) -> str:
    return filled_in("$names", {"names": list(names)})


def answer(request: Request, question: Question) -> Response:
    """Return the rows in the form that the request accepts, or 304 where nothing has changed."""
    form = formats.chosen(request.headers.get("accept", ""))
    lake = Lake(settings.home() / "lake", Sight(question.held))
    tag = etag(lake, question, form)
    headers = {"ETag": tag, "Cache-Control": CACHE, "Vary": "Accept, Authorization, Cookie"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    made = kept.get_or_make(tag, lambda: _made(lake, question, form))
    if made.has_more:
        headers["Link"] = f'<{_next(request, question, lake)}>; rel="next"'
    headers["X-GoLive-SQL"] = made.sql
    return Response(made.body, headers=headers, media_type=form)


def is_known(request: Request, tag: str) -> bool:
    """Tell whether the client has the answer of this ETag: its If-None-Match names it, or `*`."""
    known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or tag in [one.removeprefix("W/") for one in known]


def explanation(request: Request, question: Question) -> Response:
    """Return, instead of the rows, the SQL that gives them and the state of what it reads."""
    form = formats.chosen(request.headers.get("accept", ""))
    lake = Lake(settings.home() / "lake", Sight(question.held))
    known = shown(lake, question)
    sql = filled_in(question.statement, question.parameters)
    told = [
        {"table": name, "version": known.tables.get(name),
         "lake_version": known.n, "committed_at": known.committed_at, "sql": sql}
        for name in question.tables
    ]  # fmt: skip
    return Response(formats.FORMS[form](pl.DataFrame(told)), media_type=form)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as it is sent: the same for as long as its ETag is."""

    body: bytes
    sql: str
    has_more: bool


class Kept:
    """The answers that were asked for last, up to MOST_KEPT bytes; safe in many threads."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Made] = OrderedDict()
        self._making: dict[str, Future[Made]] = {}

    def get_or_make(self, tag: str, make: Callable[[], Made]) -> Made:
        """Return the answer of an ETag; who asks for one that is being made waits for it."""
        found = self.get(tag)
        if found is not None:
            return found
        with self._lock:
            mine = Future[Made]()
            making = self._making.setdefault(tag, mine)
        if making is not mine:
            return making.result()
        try:
            made = make()
            self.put(tag, made)
            mine.set_result(made)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._making[tag]
        return made

    def get(self, tag: str) -> Made | None:
        """Return the answer of an ETag, if it is still there."""
        with self._lock:
            if tag in self._answers:
                self._answers.move_to_end(tag)
            return self._answers.get(tag)

    def put(self, tag: str, made: Made) -> None:
        """Keep an answer, and let go of those that were asked for longest ago."""
        if len(made.body) > self._most // 8:
            return
        with self._lock:
            old = self._answers.pop(tag, None)
            self._size += len(made.body) - (len(old.body) if old else 0)
            self._answers[tag] = made
            while self._size > self._most:
                self._size -= len(self._answers.popitem(last=False)[1].body)


kept = Kept(MOST_KEPT)


def _made(lake: Lake, question: Question, form: str) -> Made:
    frame = rows(lake, question)
    text = " ".join(filled_in(question.statement, question.parameters).split())
    sql = text.encode("ascii", "backslashreplace").decode()[:MOST_HEADER]
    return Made(formats.FORMS[form](frame.head(question.limit)), sql, frame.height > question.limit)


def etag(lake: Lake, question: Question, form: str) -> str:
    """Return what changes when the answer may: our version, those of its tables, the question."""
    versions = shown(lake, question).tables
    seen = [(name, versions.get(name)) for name in question.tables]
    asked = question.statement, sorted(question.parameters.items()), form
    text = repr((VERSION, str(lake.root), seen, asked))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def shown(lake: Lake, question: Question) -> Manifest:
    """Return the versions that are asked for; raises HTTPException 410 for those long gone."""
    try:
        return lake.manifest(question.as_of)
    except LakeVersionError:
        raise
    except LakeError as error:
        if question.as_of is None:
            raise
        raise HTTPException(410, error.what) from error


def rows(lake: Lake, question: Question) -> pl.DataFrame:
    """Return up to limit + 1 rows; none where a table that is asked for has none yet."""
    known = shown(lake, question).tables
    if any(name.startswith("marts.") and name not in known for name in question.tables):
        return pl.DataFrame()
    given = dict(question.parameters)
    return lake.query(question.statement, given, as_of=question.as_of, timeout_s=MOST_S)


def _next(request: Request, question: Question, lake: Lake) -> str:
    """Return the address of the next page, of the same versions: a walk sees one state."""
    query = dict(request.query_params)
    query["offset"] = str(question.offset + question.limit)
    query["as_of"] = shown(lake, question).committed_at.isoformat()
    return f"{request.url.path}?{urlencode(query)}"
