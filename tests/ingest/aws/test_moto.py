"""Against a real moto server: what boto3 sends is what AWS understands, as far as moto knows it.

moto ends a build as soon as it is looked at, numbers builds by chance and knows no throttling; it
has the costs that it is told. What it lacks is in the contract, in AWS's own protocol.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from golive_core.errors import SourceAuthError, SourceDataError, SourceUnreachableError

NOW = datetime.now(UTC)
GROUP = "/aws/codebuild/web-app"


def start_build(account, **more: object) -> None:
    client = account.moto.client("codebuild")
    client.create_project(
        name="web-app", source={"type": "S3", "location": "bucket/path"},
        artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::123456789012:role/x/r",
        environment={"type": "LINUX_CONTAINER", "image": "x:1",
                     "computeType": "BUILD_GENERAL1_SMALL"},
    )  # fmt: skip
    client.start_build(projectName="web-app", sourceVersion="main", **more)


def test_an_empty_account_gives_nothing(account) -> None:
    done = account.ingest()
    assert done.error is None
    assert done.conform.rows_new == 0


def test_a_build_with_its_phases(account) -> None:
    start_build(account)
    assert account.ingest().error is None
    ((pipeline, status, branch, runner),) = account.rows(
        "select pipeline_id, status, branch, runner from core.builds"
    )
    assert (pipeline, status, branch) == ("cloud:web-app", "passed", "main")
    assert runner.startswith("BUILD_GENERAL1_SMALL ")
    stages = account.rows("select name, status, duration_s from core.stages order by ordinal")
    assert [name for name, _, _ in stages][:3] == ["SUBMITTED", "QUEUED", "PROVISIONING"]
    assert stages[2][1] == "passed"
    assert stages[2][2] > 0, "moto makes lengths up"
    assert account.rows("select name, is_deleted from core.pipelines") == [("web-app", False)]


def test_a_project_that_is_gone_is_marked(account) -> None:
    start_build(account)
    account.ingest()
    account.moto.client("codebuild").delete_project(name="web-app")
    account.ingest()
    assert account.rows("select name, is_deleted from core.pipelines") == [("web-app", True)]


def put_lines(account, *lines: tuple[int, str]) -> None:
    client = account.moto.client("logs")
    try:
        client.create_log_group(logGroupName=GROUP)
        client.create_log_stream(logGroupName=GROUP, logStreamName="s")
    except client.exceptions.ResourceAlreadyExistsException:
        pass
    began = int((time.time() - 3600) * 1000)
    events = [{"timestamp": began + 1000 * at, "message": text} for at, text in lines]
    client.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=events)


def test_lines_of_a_group_come_once_late_ones_too(account) -> None:
    put_lines(account, (0, "starting"), (300, '{"level":"error","msg":"boom"}'))
    options = {"codebuild": False, "log_groups": [GROUP]}
    assert account.ingest(**options).error is None
    put_lines(account, (290, "late"), (400, "new"))
    assert account.ingest(**options).error is None
    found = account.rows("select service, level, message from core.log_lines order by log_lines.at")
    assert [message for _, _, message in found] == ["starting", "late", "boom", "new"]
    assert {service for service, _, _ in found} == {GROUP}
    assert [level for _, level, _ in found][2] == "error"


def test_a_group_that_is_not_there_stops_no_other(account) -> None:
    put_lines(account, (0, "here"))
    error = account.ingest(codebuild=False, log_groups=["/none", GROUP]).error
    assert isinstance(error, SourceDataError)
    assert "logs:FilterLogEvents" in error.where
    assert account.rows("select message from core.log_lines") == [("here",)]


def test_metrics_of_periods_that_are_over(account) -> None:
    at = NOW.replace(minute=0, second=0, microsecond=0)
    dimensions = [{"Name": "Service", "Value": "web"}]
    account.moto.client("cloudwatch").put_metric_data(
        Namespace="Shop", MetricData=[
            {"MetricName": "Latency", "Dimensions": dimensions, "Value": value,
             "Timestamp": at - timedelta(hours=hours)}
            for hours, value in ((3, 1.0), (3, 3.0), (2, 5.0))
        ],
    )  # fmt: skip
    metric = {"namespace": "Shop", "name": "Latency", "dimensions": {"Service": "web"},
              "period_s": 3600}  # fmt: skip
    options = {"codebuild": False, "metrics": [metric], "days": 1}
    assert account.ingest(**options).error is None
    found = account.rows("select series, value, p.at from core.metric_points p order by p.at")
    assert [(series, value) for series, value, _ in found] == [
        ('Latency{Service="web",namespace="Shop",stat="Average"}', 2.0),
        ('Latency{Service="web",namespace="Shop",stat="Average"}', 5.0),
    ]
    assert found[0][2] == at - timedelta(hours=3)
    source = account.source(**options)
    where = "stream = 'metrics' and role = 'pull'"
    ends = json.loads(account.rows(f"select cursor from ops.cursors where {where}")[0][0])
    assert source.has_news("metrics", ends) is False


def bill(account, **amounts: str) -> None:
    """Tell moto what Cost Explorer is to answer next."""
    day = (NOW - timedelta(days=2)).date()
    units = ("AmortizedCost", "UnblendedCost", "UsageQuantity")
    result = {
        "ResultsByTime": [{
            "TimePeriod": {"Start": f"{day}", "End": f"{day + timedelta(days=1)}"},
            "Estimated": True,
            "Groups": [
                {"Keys": [service, "123456789012"],
                 "Metrics": {unit: {"Amount": amount, "Unit": "USD"} for unit in units}}
                for service, amount in amounts.items()
            ],
        }],
        "GroupDefinitions": [], "DimensionValueAttributes": [],
    }  # fmt: skip
    account.moto.post(
        "static/ce/cost-and-usage-results", json.dumps({"results": [result]}).encode()
    )


def test_costs_are_revised_and_asked_for_rarely(account, monkeypatch: pytest.MonkeyPatch) -> None:
    bill(account, CodeBuild="1.5", S3="2")
    options = {"codebuild": False, "costs": True}
    assert account.ingest(**options).error is None
    query = "select service, cost, is_deleted from core.costs order by service"
    assert account.rows(query) == [("CodeBuild", 1.5, False), ("S3", 2.0, False)]
    bill(account, CodeBuild="1.75")
    assert account.ingest(**options).pull.requests == 0, "AWS bills each request"
    later = time.time() + 13 * 3600
    monkeypatch.setattr("ingest.aws.costs.time.time", lambda: later)
    assert account.ingest(**options).error is None
    assert account.rows(query) == [("CodeBuild", 1.75, False), ("S3", 0.0, True)]


def test_a_missing_right_is_named(
    account, limited: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = limited()
    monkeypatch.setenv("BOB", key["secret"])
    mine = {"access_key_id": key["id"], "secret_access_key": "env:BOB"}
    error = account.ingest(**mine).error
    assert isinstance(error, SourceAuthError)
    assert error.hint == "Allow codebuild:ListProjects in the IAM policy"
    bad = [one for one in account.source(**mine).check() if one.state == "failed"]
    assert {one.check for one in bad} == {"scopes"}
    assert all(one.hint.startswith("The token needs codebuild:ListProjects") for one in bad)
    monkeypatch.setenv("BOB", "not-the-secret")
    error = account.ingest(**mine).error
    assert isinstance(error, SourceAuthError)
    assert "not-the-secret" not in str(error)
    assert "keys" in error.hint


def test_a_role_is_taken_on(account) -> None:
    role = "arn:aws:iam::210987654321:role/reader"
    start_build(account)
    with account.source(role_arn=role).account() as aws:
        assert aws.call("codebuild", "ListProjects")["projects"] == []
    with account.source().account() as aws:
        assert aws.call("codebuild", "ListProjects")["projects"] == ["web-app"]


def test_doctor_says_which_calls_are_allowed(account) -> None:
    put_lines(account, (0, "here"))
    found = list(account.source(log_groups=[GROUP], costs=True).check())
    assert {one.state for one in found} == {"ok"}
    (scopes,) = [one.detail for one in found if one.check == "scopes"]
    assert scopes.startswith("builds, logs, metrics, costs")


def test_nobody_there_is_told(account) -> None:
    error = account.ingest(endpoint_url="http://127.0.0.1:9").error
    assert isinstance(error, SourceUnreachableError)
    assert error.where == "cloud: codebuild:ListProjects"
