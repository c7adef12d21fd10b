"""Release notes are the same for the same rows, in Markdown and in Confluence's own format."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from golive_actions.action import Action, perform
from golive_actions.release_notes import Commit, Edge, between, naming, render
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.settings import Instance

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
ISSUES = [
    ("SHOP-12", "Vouchers can be paid with", "requirement", ["1.2.0"]),
    ("SHOP-9", "Total is wrong for <three> items & more", "bug", ["1.1.9", "1.2.0"]),
    ("SHOP-2", "The shop was down for an hour", "incident", ["1.2.0"]),
    ("SHOP-13", "Not in this version", "bug", ["1.3.0"]),
    ("SHOP-14", "Update the *library*", "task", ["1.2.0"]),
]
COMMITS = [
    ("a" * 40, [], "Begin", "Ada"),
    ("b" * 40, ["a" * 40], "SHOP-9 Round only once", "Ada"),
    ("c" * 40, ["b" * 40], "feat(cart)!: count items", "émile"),
    ("d" * 40, ["b" * 40], "Pay with vouchers (SHOP-12)", "Bob"),
    ("e" * 40, ["c" * 40, "d" * 40], "Merge branch vouchers", "Bob"),
    ("f" * 40, ["e" * 40], "fix: say SHOP-120 in the log", "Bob"),
    ("9" * 40, ["f" * 40], "After the release", "Carl"),
]


def fill(lake: Lake, *, backwards: bool = False) -> None:
    step = -1 if backwards else 1
    issues = [
        {"issue_id": f"it:{key}", "project_id": "shop", "key": key, "title": title, "kind": kind,
         "fix_versions": versions, "url": f"https://jira.example.org/browse/{key}"}
        for key, title, kind, versions in ISSUES
    ]  # fmt: skip
    commits = [
        {"repository_id": "shop", "project_id": "shop", "sha": sha, "parents": parents,
         "subject": subject, "message": f"{subject}\n", "author_name": author, "committed_at": AT,
         "day": AT.date(), "is_merge": len(parents) > 1}
        for sha, parents, subject, author in COMMITS
    ]  # fmt: skip
    tags = [
        {"repository_id": "shop", "branch": tag, "kind": "tag", "head_sha": sha * 40}
        for tag, sha in (("v1.1.0", "a"), ("v1.2.0", "f"))
    ]
    deployments = [
        {"deployment_id": name, "project_id": "shop", "environment": name, "status": "passed",
         "commit_sha": sha * 40, "day": AT.date(), "finished_at": AT.replace(hour=hour)}
        for name, sha, hour in (("production", "f", 12), ("staging", "f", 11), ("other", "a", 1))
    ]  # fmt: skip
    lake.merge("core.repositories", shaped(schema.REPOSITORIES, [
        {"repository_id": "shop", "project_id": "shop"}]))  # fmt: skip
    lake.merge("core.issues", shaped(schema.ISSUES, issues[::step]))
    lake.insert("core.commits", shaped(schema.COMMITS, commits[::step]))
    lake.merge("core.branches", shaped(schema.BRANCHES, tags[::step]))
    lake.merge("core.deployments", shaped(schema.DEPLOYMENTS, deployments[::step]))


def shaped(spec: schema.Table, rows: list[dict[str, object]]) -> pl.DataFrame:
    return schema.conform(spec, pl.DataFrame(rows))


def written(lake: Lake, **parameters: str) -> str:
    tracker = Instance("it", "jira", "shop", {"url": "https://jira.example.org"})
    action = Action("jira.release_notes", tracker, {"version": "1.2.0", **parameters})
    return str(perform(action, actor="ada", lake=lake).result)


@pytest.mark.parametrize(("form", "file"), [("markdown", "notes.md"), ("confluence", "notes.xml")])
def test_the_notes_are_those_of_the_golden_file(lake: Lake, form: str, file: str) -> None:
    fill(lake, backwards=form == "confluence")
    assert written(lake, since="1.1.0", form=form) == (GOLDEN / file).read_text()


def test_the_storage_format_is_well_formed() -> None:
    root = ET.fromstring(f"<page>{(GOLDEN / 'notes.xml').read_text()}</page>")
    assert [one.text for one in root.iter("h2")] == [
        "New", "Changed", "Fixed", "Deployments", "Thanks to",
    ]  # fmt: skip


def test_without_the_version_before_only_what_names_an_issue_counts(lake: Lake) -> None:
    fill(lake)
    text = written(lake)
    assert "Round" not in text  # a commit stands behind its issue
    assert "bbbbbbbbbb" in text
    assert "count items" not in text.lower()


def test_an_unknown_version_is_no_empty_page(lake: Lake) -> None:
    fill(lake)
    with pytest.raises(UsageError, match="nothing is known"):
        written(lake, version="7.0")


def test_a_key_is_not_the_start_of_a_longer_one() -> None:
    pattern = naming(["SHOP-1", "#7"])
    found = re.compile(pattern)
    assert [bool(found.search(text)) for text in (
        "SHOP-1: x", "fix (SHOP-1)", "SHOP-12", "XSHOP-1", "A-SHOP-1", "#7.", "#70", "SHOP-1-2",
    )] == [True, True, False, False, False, True, False, False]  # fmt: skip


def test_between_two_commits_lies_what_only_the_newer_reaches() -> None:
    edges = [Edge(sha[0], tuple(one[0] for one in parents)) for sha, parents, *_ in COMMITS]
    assert between(edges, "f", "b") == {"c", "d", "e", "f"}
    assert between(edges, "f", "") == {"a", "b", "c", "d", "e", "f"}
    assert between(edges, "nowhere", "b") == set()


def test_nothing_changed_is_said() -> None:
    assert "Nothing that is known of" in render("1.0", [], [], [], "markdown")
    merge = Commit("a" * 40, "x <b>y</b>", "Ada")
    assert r"x \<b\>y\</b\>" in render("1.0", [], [merge], [], "markdown")
