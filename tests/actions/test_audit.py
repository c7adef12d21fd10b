"""The audit log is a chain: every edited, missing or added record is found."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from golive_actions import audit
from golive_actions.audit import Subject
from golive_core.errors import LakeError
from golive_core.lake import Lake

SUBJECT = Subject("ada", "github.create_pull_request", "gh: team/shop", "k-1")


@pytest.fixture
def chain(lake: Lake) -> Lake:
    """Return a lake with four records."""
    for phase in ("asked", "failed", "asked", "done"):
        audit.append(lake, SUBJECT, phase, {"title": "Änderung", "dry_run": False})
    return lake


def rewritten(lake: Lake, change: pl.Expr | None = None, keep: pl.Expr | None = None) -> None:
    frame = lake.query("select * from ops.audit_log order by number")
    frame = frame.filter(keep) if keep is not None else frame.with_columns(change)
    lake.overwrite("ops.audit_log", frame)


def test_a_chain_holds(chain: Lake) -> None:
    found = audit.verify(chain)
    assert (found.records, found.breaks) == (4, ())
    assert len(found.head) == 64


def test_an_empty_chain_holds(lake: Lake) -> None:
    assert audit.verify(lake) == audit.Verdict(0, "", ())


def test_it_holds_after_small_files_were_joined(chain: Lake) -> None:
    chain.compact("ops.audit_log")
    chain.vacuum(timedelta(0))
    assert audit.verify(chain).breaks == ()
    assert audit.append(chain, SUBJECT, "asked", {}) == 5
    assert audit.verify(chain).breaks == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", datetime(2026, 1, 1, tzinfo=UTC)), ("actor", "eve"), ("action", "jira.x"),
        ("target", "elsewhere"), ("idempotency_key", "k-2"), ("phase", "done"),
        ("detail", '{"dry_run": false, "title": "Anderung"}'), ("previous_hash", "0" * 64),
        ("hash", "0" * 64), ("day", datetime(2026, 1, 1, tzinfo=UTC).date()),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)  # fmt: skip
def test_every_edited_column_is_found(chain: Lake, column: str, value: object) -> None:
    edited = pl.when(pl.col("number") == 2).then(pl.lit(value)).otherwise(pl.col(column))
    rewritten(chain, change=edited.alias(column))
    assert 2 in {one.number for one in audit.verify(chain).breaks}


def test_a_missing_record_is_found(chain: Lake) -> None:
    rewritten(chain, keep=pl.col("number") != 2)
    assert [(one.number, one.what) for one in audit.verify(chain).breaks] == [
        (3, "record 2 is missing"), (3, "does not follow the record before it"),
    ]  # fmt: skip


def test_one_changed_byte_in_a_file_is_found(chain: Lake) -> None:
    file = next((chain.root / "ops" / "audit_log").rglob("*.parquet"))
    before, whole, changed = records(chain), file.read_bytes(), 0
    for place in range(4, len(whole), 101):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if records(chain) != before:
            changed += 1
            assert audit.verify(chain).breaks
    assert changed


def records(lake: Lake) -> object:
    """Return the records as they are read, the error if they cannot be."""
    try:
        return lake.query("select * from ops.audit_log order by number").rows()
    except LakeError as error:
        return str(error)


def test_writers_at_once_make_one_chain(lake: Lake) -> None:
    threads = [
        threading.Thread(target=audit.append, args=(lake, SUBJECT, "asked", {})) for _ in range(6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert audit.verify(lake).records == 6
    assert audit.verify(lake).breaks == ()
