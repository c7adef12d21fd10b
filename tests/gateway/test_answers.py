"""Answers that every reader understands: all types in all forms, ids, filters, what is behind."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from golive_core.errors import QueryError
from golive_core.lake import Lake
from golive_gateway import formats, reading
from golive_gateway.app import create_app
from golive_gateway.resources import resources
from golive_gateway.routes import sql

Served = Callable[..., TestClient]
CELLS = {
    "1::utinyint": 1, "170141183460469231731687303715884105727::hugeint": str(2**127 - 1),
    "1.50::decimal(10, 2)": "1.50", "'nan'::double": None, "true": True, "null": None,
    "blob 'ab'": "6162", "[blob 'a', null]": ["61", None], "interval '1 month'": "1 month",
    "date '2026-01-02'": "2026-01-02", "'infinity'::date": None, "date '0044-03-15 (BC)'": None,
    "timestamp '2026-01-02 03:04:05'": "2026-01-02T03:04:05+00:00",
    "'-infinity'::timestamptz": None, "timestamptz '10000-01-01'": None,
    "timestamptz '2026-01-02 03:04:05+02'": "2026-01-02T01:04:05+00:00",
    "['infinity'::date, date '2026-01-02']": [None, "2026-01-02"], "[]::int[]": [],
    "null::int[]": None, "{'build_id': 9223372036854775807}": {"build_id": str(2**63 - 1)},
    "{'a': [{'b': blob 'x'}]}": {"a": [{"b": "78"}]}, "array[1, 2]": [1, 2],
    "'x'::enum ('x', 'y')": "x", "map {'k': 1}": "{k=1}", "'101'::bit": "101",
}  # fmt: skip


def test_every_type_of_sql_can_be_told_in_every_form(served: Served) -> None:
    client = served()
    names = [f"cell_{number}" for number in range(len(CELLS))]
    columns = ", ".join(f"{cell} as {name}" for cell, name in zip(CELLS, names, strict=True))
    body = {"sql": f"select {columns}"}
    told = client.post("/v1/sql", json=body).json()
    assert told == [dict(zip(names, CELLS.values(), strict=True))]
    for form, read in ((formats.ARROW, pl.read_ipc_stream), (formats.PARQUET, pl.read_parquet)):
        answer = client.post("/v1/sql", json=body, headers={"accept": form})
        assert read(io.BytesIO(answer.content)).columns == names
    answer = client.post("/v1/sql", json=body, headers={"accept": "text/csv"})
    row = next(csv.DictReader(io.StringIO(answer.text)))
    for name, cell in told[0].items():
        if isinstance(cell, list | dict):
            assert json.loads(row[name]) == cell
        elif isinstance(cell, str) and "T" not in cell:
            assert row[name] == cell


def test_ids_of_64_bits_survive_readers_that_know_doubles_alone(served: Served) -> None:
    client = served()
    rows = client.get("/v1/tests", params={"limit": 50}).json()
    assert max(abs(int(row["test_id"])) for row in rows) > 2**53
    assert all(isinstance(row["test_id"], str) for row in rows)
    one = client.get("/v1/test_results", params={"test": rows[0]["test_id"]}).json()
    assert {row["test_id"] for row in one} == {rows[0]["test_id"]}


def test_words_that_a_filter_does_not_know_are_refused(served: Served) -> None:
    client = served()
    answer = client.get("/v1/builds", params={"status": "broken"})
    assert answer.status_code == 422
    assert "'passed'" in answer.text
    assert client.get("/v1/builds", params={"status": "passed"}).json()


@pytest.mark.parametrize("name", sorted(resources()))
def test_what_is_behind_an_answer_can_be_asked(served: Served, simulated: Path, name: str) -> None:
    needed = {"test": 1, "build": "b"} if resources()[name].parameters else {}
    told = served().get(f"/v1/{name}", params={"explain": "true", **needed}).json()
    assert [row["table"] for row in told] == list(resources()[name].tables)
    lake = Lake(simulated / "lake")
    assert [row["version"] for row in told] == [
        lake.manifest().tables[row["table"]] for row in told
    ]
    lake.query(told[0]["sql"])  # whole, where the header has only the beginning of a long one


def test_pages_elsewhere_read_with_a_token_where_they_are_named(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = "https://wiki.example.org"
    ask = {"origin": known, "access-control-request-method": "GET",
           "access-control-request-headers": "authorization"}  # fmt: skip
    assert "access-control-allow-origin" not in served().options("/v1/flaky", headers=ask).headers
    monkeypatch.setenv("GOLIVE_GATEWAY_ORIGINS", f"{known} https://portal.example.org")
    client = served()
    asked = client.options("/v1/flaky", headers=ask)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, known)
    given = client.get("/v1/flaky", headers={"origin": known}).headers
    assert given["access-control-allow-origin"] == known
    assert "X-GoLive-SQL" in given["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in given  # a session is never lent
    stranger = client.get("/v1/flaky", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers
    refused = TestClient(create_app(), base_url="http://127.0.0.1:8000").get(
        "/v1/flaky", headers={"origin": known}
    )
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, known)


def test_more_statements_than_there_is_memory_for_wait_their_turn(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = served()
    monkeypatch.setattr(sql, "WAIT_S", 0.01)
    for _ in range(sql.MOST_RUNNING):
        assert sql.running.acquire(timeout=0)
    busy = client.post("/v1/sql", json={"sql": "select 1"})
    for _ in range(sql.MOST_RUNNING):
        sql.running.release()
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
    wrong = [client.post("/v1/sql", json={"sql": "selec"}) for _ in range(sql.MOST_RUNNING + 1)]
    assert {answer.status_code for answer in wrong} == {400}
    assert client.post("/v1/sql", json={"sql": "select 1"}).status_code == 200


def test_what_many_ask_at_once_is_made_once() -> None:
    kept, calls, start = reading.Kept(1 << 20), [], threading.Barrier(8)

    def make() -> reading.Made:
        calls.append(1)
        time.sleep(0.05)
        return reading.Made(b"x", "", has_more=False)

    def ask() -> reading.Made:
        start.wait(30)
        return kept.get_or_make("tag", make)

    with ThreadPoolExecutor(8) as threads:
        found = {id(one.result()) for one in [threads.submit(ask) for _ in range(8)]}
    assert (len(calls), len(found)) == (1, 1)


def test_an_answer_that_cannot_be_made_stands_in_nobodys_way() -> None:
    kept = reading.Kept(1 << 20)

    def fail() -> reading.Made:
        raise QueryError("no", where="SQL")

    for _ in range(3 + (os.cpu_count() or 2)):
        with pytest.raises(QueryError):
            kept.get_or_make("tag", fail)
    made = reading.Made(b"x", "", has_more=False)
    assert kept.get_or_make("tag", lambda: made) is made
