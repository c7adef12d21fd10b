"""DevLake's recorded answers of two SonarQubes, and its own expected rows beside ours.

All three cases of DevLake's tests. The mapping of columns is here, and every difference:

raw rows        The recordings hold several connections and projects. DevLake's domain rows are of
                one of them, its `_tool_*` rows of all that the two steps of a case read; we compare
                with the latter and see that the former are among them.
severity, type, status  We write our words and keep Sonar's severity beside. All recorded issues are
                open code smells.
debt, effort    DevLake has minutes, we seconds: of `effort`, which Sonar renamed `debt` to.
component       We keep the path inside the project, DevLake the key with the project before it.
project_key     core.code_findings has no column for the analyser's own project; it is in `url`.
start_line, end_line  `line` and `end_line`; offsets in a line have no column.
hash, tags, scope, vulnerability_probability, security_category, assignee: no columns.
code blocks     the further places of an issue (165 rows) have no table: `line` is the main one.
accounts        Seven are recorded, four have an expected row: the rest is of another connection or
                of a project's own list ("xxx"). DevLake's domain has those of connection 2 only and
                writes 0 as their `status`; ours is `is_active`.
projects        have no table: a project is the `component` of its measures, date and revision of
                its last analysis are the `at` and `commit_sha` of the newest.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ingest.parse import sonarqube
from ingest.payload import Payload
from ingest.source import Instance

Shared = Callable[[str], Path]
AT = Instance("s", "sonarqube", "shop", {"url": "https://sonar.example.org"})
csv.field_size_limit(10**8)


def table(shared: Shared, name: str) -> list[dict[str, str]]:
    path = shared(f"fixtures/devlake-e2e/sonarqube/{name}.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def raw(shared: Shared, name: str) -> list[dict]:
    rows = table(shared, f"raw_tables/_raw_sonarqube_api_{name}")
    return [json.loads(row["data"]) for row in rows]


def rows(kind: str, body: object, **context: object) -> dict[str, list[dict]]:
    payload = Payload(AT, "1", "u", json.dumps(body).encode(), {"kind": kind, **context})
    found = sonarqube.PARSERS[kind](payload)
    return {name: frame.to_dicts() for name, frame in found.items()}


def test_issues_are_those_of_devlake(shared: Shared) -> None:
    found = rows("issues", {"issues": raw(shared, "issues")})["core.code_findings"]
    mine = {row["finding_id"].removeprefix("s:"): row for row in found}
    theirs = table(shared, "snapshot_tables/_tool_sonarqube_issues")
    assert mine.keys() == {row["issue_key"] for row in theirs}
    for row in theirs:
        one = mine[row["issue_key"]]
        assert (one["rule_id"], one["message"]) == (row["rule"], row["message"])
        assert one["original_severity"] == row["severity"]
        assert one["severity"] == {"CRITICAL": "high", "MAJOR": "medium"}[row["severity"]]
        assert (one["kind"], one["status"]) == (row["type"].lower(), row["status"].lower())
        assert f"{row['project_key']}:{one['path']}" == row["component"]
        assert (one["line"], one["end_line"]) == (int(row["line"]), int(row["end_line"]))
        assert one["effort_s"] == int(row["effort"]) * 60
        assert (one["author"] or "") == row["author"]
        assert one["created_at"] == datetime.fromisoformat(row["creation_date"])
        assert one["updated_at"] == datetime.fromisoformat(row["update_date"])
        assert one["url"].endswith(f"?id={row['project_key']}&issues={row['issue_key']}")


def test_the_domain_rows_of_issues_are_among_ours(shared: Shared) -> None:
    recorded = {one["key"] for one in raw(shared, "issues")}
    domain = {row["id"].rpartition(":")[2] for row in table(shared, "snapshot_tables/issues")}
    assert domain < recorded
    assert len(domain) == 3


def test_accounts_are_those_of_devlake(shared: Shared) -> None:
    found = rows("users", {"users": raw(shared, "accounts")})["core.accounts"]
    mine = {row["login"]: row for row in found}
    theirs = table(shared, "snapshot_tables/_tool_sonarqube_accounts")
    assert mine.keys() - {row["login"] for row in theirs} == {"admin4"}
    for row in theirs:
        one = mine[row["login"]]
        assert (one["name"], one["email"] or "") == (row["name"], row["email"])
        assert one["is_active"] == (row["active"] == "1")
    domain = {
        row["user_name"]: row["full_name"] for row in table(shared, "snapshot_tables/accounts")
    }
    assert domain.items() <= {login: row["name"] for login, row in mine.items()}.items()


def test_a_project_is_the_component_of_its_measures(shared: Shared) -> None:
    told = {row["project_key"]: row for row in table(shared, "raw_tables/_tool_sonarqube_projects")}
    for row in table(shared, "snapshot_tables/projects"):
        key = row["id"].rpartition(":")[2]
        at = row["last_analysis_date"]
        history = [{"metric": "ncloc", "history": [{"date": at, "value": "12"}]}]
        found = rows("measures", {"measures": history}, component=key,
                     revisions={at: told[key]["revision"]})  # fmt: skip
        (measure,) = found["core.code_measures"]
        assert measure["component"] == key
        assert measure["commit_sha"] == row["commit_sha"]
        assert measure["at"] == datetime.fromisoformat(at)
