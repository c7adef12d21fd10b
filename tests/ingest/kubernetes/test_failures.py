"""Pods and jobs that fail, and events; what a kubelet reports from poll to poll."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from kube_server import T0, crashing, running, unpulled, written

ALERTS = "select name, service, status, started_at, resolved_at from core.alerts order by name"


def test_what_fails_is_an_alert_of_its_name(cluster) -> None:
    world = cluster.world
    world.pod("web-1", running("web"))
    world.pod("cart-1", crashing("cart"))
    world.pod("pay-1", crashing("pay", reason="OOMKilled"))
    world.pod("new-1", unpulled("new"))
    world.pod("old-1", phase="Failed", reason="Evicted", message="low on memory")
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                     "message": "0/3 nodes", "lastTransitionTime": written(T0)}  # fmt: skip
    world.pod("big-1", phase="Pending", conditions=[unschedulable])
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
              "lastTransitionTime": written(T0)}  # fmt: skip
    world.put("jobs", "nightly", spec={"backoffLimit": 6}, status={"conditions": [failed]})
    world.put("jobs", "fine", spec={"backoffLimit": 6}, status={"succeeded": 1})
    assert cluster.ingest().error is None
    minutes = timedelta(minutes=5)
    assert cluster.rows(ALERTS) == [
        ("CrashLoopBackOff", "cart", "firing", T0 + minutes, None),
        ("Evicted", "old", "firing", T0, None),
        ("ImagePullBackOff", "new", "firing", T0, None),
        ("JobFailed", "nightly", "firing", T0, None),
        ("OOMKilled", "pay", "firing", T0 + minutes, None),
        ("Unschedulable", "big", "firing", T0, None),
    ]
    ((text,),) = cluster.rows("select summary from core.alerts where name = 'OOMKilled'")
    assert text.startswith("exit code 137, 5 restarts: CrashLoopBackOff: back-off")


def test_an_alert_goes_on_through_restarts_and_ends_once_the_container_runs(cluster) -> None:
    cluster.world.pod("web-1", crashing("web", restarts=1))
    cluster.ingest()
    ((*_, began, _),) = cluster.rows(ALERTS)
    cluster.world.pod("web-1", crashing("web", restarts=9))
    cluster.ingest()
    just = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=30)
    runs = {"running": {"startedAt": written(just)}}
    cluster.world.pod("web-1", running("web", restartCount=10, state=runs))
    cluster.ingest()
    assert cluster.rows(ALERTS) == [("CrashLoopBackOff", "web", "firing", began, None)]
    long = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    runs = {"running": {"startedAt": written(long)}}
    cluster.world.pod("web-1", running("web", restartCount=10, state=runs))
    cluster.ingest()
    assert [row[:4] for row in cluster.rows(ALERTS)] == [
        ("CrashLoopBackOff", "web", "resolved", began)
    ]


def test_a_pod_that_is_gone_has_no_alert_any_more(cluster) -> None:
    cluster.world.pod("web-1", unpulled("web"))
    cluster.ingest()
    del cluster.world.objects["pods"]["shop", "web-1"]
    cluster.ingest()
    ((_, _, status, _, resolved),) = cluster.rows(ALERTS)
    assert status == "resolved"
    assert abs((datetime.now(UTC) - resolved).total_seconds()) < 60


def test_failing_again_is_another_alert(cluster) -> None:
    cluster.world.pod("web-1", crashing("web", restarts=1))
    cluster.ingest()
    cluster.world.pod("web-1", running("web"))
    cluster.ingest()
    cluster.world.pod("web-1", crashing("web", restarts=20))
    cluster.ingest()
    assert sorted(row[2] for row in cluster.rows(ALERTS)) == ["firing", "resolved"]


def test_an_event_that_is_counted_up_is_a_line_each_time(cluster) -> None:
    cluster.world.event("e1", "restarting failed container")
    cluster.ingest()
    cluster.world.later()
    cluster.world.event("e1", "restarting failed container", count=7)
    cluster.ingest()
    cluster.ingest()
    query = "select service, level, message from core.log_lines l order by l.at"
    line = ("shop/pod/web-1", "warning", "BackOff: restarting failed container")
    assert cluster.rows(query) == [line, line]


@pytest.mark.parametrize(("events", "asked"), [("none", 0), ("warning", 1), ("all", 1)])
def test_events_are_asked_for_as_configured(cluster, events, asked) -> None:
    cluster.ingest(events=events)
    found = cluster.world.asked("/events?")
    assert len(found) == asked
    assert all(("type=Warning" in one) is (events == "warning") for one in found)


def test_a_list_that_the_token_may_not_see_is_named(cluster) -> None:
    cluster.world.forbids = {"pods"}
    error = cluster.ingest().error
    assert "pods is forbidden" in error.what
    (bad,) = [one for one in cluster.source().check() if one.state == "failed"]
    assert (bad.check, bad.detail[:9]) == ("scopes", "failures:")
    assert bad.hint.startswith("The token needs the verb list on pods and jobs")
