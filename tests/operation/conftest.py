"""A home with something of everything that GoLive keeps."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from golive_core.accounts import Accounts
from golive_core.artifacts import ArtifactStore
from golive_core.inbox import Delivery, Inbox
from golive_core.lake import Lake
from tests.lake.rows import builds, results

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)


def fill(home: Path) -> None:
    """Write tables, artifacts, deliveries, an account and a model into a home."""
    lake = Lake(home / "lake")
    lake.insert("core.test_results", results(MONDAY, 50))
    lake.merge("core.builds", builds(MONDAY, range(3)))
    lake.merge("core.builds", builds(MONDAY, range(2), status="failed"))
    lake.overwrite("marts.sample", pl.DataFrame({"day": [MONDAY, TUESDAY], "n": [1, 2]}))
    store = ArtifactStore(home)
    for number in range(5):
        store.put_bytes(b"<testsuite/>" * (number + 1))
    Inbox(home).put([Delivery("ci", f"d{number}", "push", b"{}") for number in range(4)])
    Accounts(home).add("ada", "admin", "correct horse battery")
    (home / "models").mkdir()
    (home / "models" / "one.skops").write_bytes(b"\x00" * 100)
    (home / "logs").mkdir()
    (home / "logs" / "gateway.log").write_text("not saved\n")


@pytest.fixture
def filled(home: Path) -> Path:
    """Return a home that holds a little of everything."""
    fill(home)
    return home
