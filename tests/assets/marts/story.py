"""Tells a small CI history build by build and puts it into a lake: rows by hand, in few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl

from assets import refresh
from golive_core import schema
from golive_core.ids import content_id
from golive_core.lake import Lake

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BAD = ("failed", "error")


def at(day: float) -> datetime:
    """Return the instant so many days after the start (Monday 2026-03-02, 09:00 UTC)."""
    return START + timedelta(days=day)


def case_id(name: str, project: str = "shop") -> int:
    """Return the id that the story gives a test."""
    return content_id(project, name)


@dataclass
class Story:
    """Rows of core tables by table, told in order."""

    lake: Lake
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **cells: object) -> None:
        """Add one row."""
        self.rows.setdefault(table, []).append(cells)

    def commit(
        self, sha: str, author: str = "Ada", subject: str = "Change", **cells: object
    ) -> None:
        """Add a commit of the shop's repository."""
        defaults = {"repository_id": "shop-git", "project_id": "shop", "committed_at": START}
        defaults |= {"day": START.date(), "is_merge": False, "files_changed": 1}
        self.add(
            "core.commits", sha=sha, author_name=author, author_email=f"{author.lower()}@shop",
            subject=subject, **(defaults | cells),
        )  # fmt: skip

    def build(
        self, number: int, status: str, *, day: float, attempt: int = 1, pipeline: str = "ci:main",
        tests: dict[str, str] | None = None, **cells: object,
    ) -> str:  # fmt: skip
        """Add a build, and one result of each test: `{"a": "failed passed"}` are two attempts."""
        build_id = f"{pipeline}#{number}" + (f"@{attempt}" if attempt > 1 else "")
        project = cells.get("project_id", "shop")
        defaults = {
            "project_id": "shop", "source": "jenkins", "day": at(day).date(), "queued_at": at(day),
            "started_at": at(day), "finished_at": at(day), "duration_s": 60.0, "queue_s": 5.0,
            "branch": "main", "commit_sha": f"c{number}",
        }  # fmt: skip
        row = defaults | cells
        self.add(
            "core.builds", build_id=build_id, pipeline_id=pipeline, number=number, attempt=attempt,
            status=status, **row,
        )  # fmt: skip
        for name, words in (tests or {}).items():
            for nth, word in enumerate(words.split(), start=1):
                self.result(build_id, name, word, nth, row, project)
        return build_id

    def result(
        self, build_id: str, name: str, status: str, attempt: int, row: dict[str, Any], project: str
    ) -> None:
        """Add one attempt of a test and its failure; `failed:why` names the signature."""
        word, _, why = status.partition(":")
        began_at = row["queued_at"] + timedelta(seconds=attempt)
        failure = content_id(why or name) if word in BAD else None
        self.add(
            "core.test_results", project_id=project, build_id=build_id, attempt=attempt,
            test_id=case_id(name, project), day=row["day"], status=word, duration_s=2.0,
            started_at=began_at, branch=row["branch"], commit_sha=row["commit_sha"],
            environment="", failure_id=failure, report_id="r",
        )  # fmt: skip
        self.add(
            "core.tests", test_id=case_id(name, project), project_id=project, suite="s",
            class_name="K", name=name, first_seen_at=row["queued_at"], last_seen_at=began_at,
        )  # fmt: skip
        if failure:
            self.add(
                "core.failures", failure_id=failure, signature_id=failure, type="AssertionError",
                message=why or name, details="", signature=why or name, first_seen_at=began_at,
            )  # fmt: skip

    def told(self) -> None:
        """Write the rows, first ones winning where a key comes twice."""
        with self.lake.transaction("story") as txn:
            for table, rows in self.rows.items():
                spec = schema.find(table)
                frame = pl.DataFrame(rows, infer_schema_length=None).unique(
                    list(spec.key), keep="first", maintain_order=True
                )
                (txn.insert if spec.is_fact else txn.merge)(table, schema.conform(spec, frame))
        self.rows.clear()

    def mart(self, name: str) -> list[dict[str, Any]]:
        """Write what was told, refresh all marts in order, and return the rows of one."""
        if self.rows:
            self.told()
        for mart in needed(f"marts.{name}"):
            refresh.refresh(self.lake, mart)
        return self.lake.query(f"select * from marts.{name}").to_dicts()


@cache
def known() -> dict[str, refresh.Mart]:
    """Return every mart by table, those that others read first."""
    return {mart.table: mart for mart in refresh.marts()}


def needed(table: str) -> list[refresh.Mart]:
    """Return a mart and the marts that it reads, in order."""
    wanted = {table}
    for name, mart in reversed(known().items()):
        if name in wanted:
            wanted.update(mart.inputs)
    return [mart for name, mart in known().items() if name in wanted]
