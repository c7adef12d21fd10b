"""Revisions of deployments, as a cluster shows them from poll to poll."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from kube_server import T0

ROWS = """
    select service, environment, status, commit_sha, branch, queued_at, finished_at
    from core.deployments order by queued_at, deployment_id
"""


def test_a_rollout_is_the_revision_with_its_commit_and_times(cluster) -> None:
    cluster.world.deploy("web", "hub.example.org/team/web:v1@sha256:12",
                         **{"org.opencontainers.image.revision": "4f2a" * 10})  # fmt: skip
    assert cluster.ingest().error is None
    end = T0 + timedelta(seconds=90)
    assert cluster.rows(ROWS) == [("web", "shop", "passed", "4f2a" * 10, "v1", T0, end)]
    assert cluster.rows("select duration_s, source from core.deployments") == [(90.0, "kubernetes")]


@pytest.mark.parametrize(
    ("image", "labels", "options", "sha"),
    [
        ("web:1.0", {}, {}, None),
        ("web:0abcdef", {}, {}, "0abcdef"),
        ("web", {"git-commit": "1234567"}, {}, "1234567"),
        ("web", {"shop/rev": "7654321", "commit": "1234567"}, {"commit_label": "shop/rev"},
         "7654321"),
        ("web", {"commit": "release-7"}, {}, None),
    ],
)  # fmt: skip
def test_the_commit_is_told_by_labels_or_the_tag(cluster, image, labels, options, sha) -> None:
    cluster.world.deploy("web", image, **labels)
    cluster.ingest(**options)
    assert cluster.rows("select commit_sha from core.deployments") == [(sha,)]


def test_a_rollout_under_way_ends_later(cluster) -> None:
    cluster.world.is_stuck = True
    cluster.world.deploy("web", "web:1")
    cluster.ingest()
    assert [row[2] for row in cluster.rows(ROWS)] == ["running"]
    cluster.world.is_stuck = False
    found = cluster.world.objects["deployments"]["shop", "web"]
    found["status"] = cluster.world.progress(1)
    cluster.world.touch(found)
    cluster.ingest()
    assert [row[2] for row in cluster.rows(ROWS)] == ["passed"]


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
         "lastUpdateTime": "2026-03-01T12:10:00Z"},
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
         "lastTransitionTime": "2026-03-01T12:10:00Z"},
    ],
)  # fmt: skip
def test_a_rollout_fails_by_its_conditions(cluster, condition) -> None:
    cluster.world.is_stuck = True
    found = cluster.world.deploy("web", "web:1")
    found["status"]["conditions"].append(condition)
    cluster.ingest()
    assert [(row[2], row[6]) for row in cluster.rows(ROWS)] == [
        ("failed", T0 + timedelta(minutes=10))
    ]


def test_history_is_there_and_what_was_seen_stays_as_it_was_seen(cluster) -> None:
    for version in "12":
        cluster.world.deploy("web", f"web:{version}")
        cluster.world.later()
    cluster.ingest()
    assert [(row[4], row[2]) for row in cluster.rows(ROWS)] == [("1", None), ("2", "passed")]
    cluster.world.deploy("web", "web:3")
    cluster.ingest()
    assert [(row[4], row[2]) for row in cluster.rows(ROWS)] == [
        ("1", None), ("2", "passed"), ("3", "passed"),
    ]  # fmt: skip


def test_a_rollout_that_was_replaced_before_its_end_is_not_left_running(cluster) -> None:
    cluster.world.is_stuck = True
    cluster.world.deploy("web", "web:1")
    cluster.ingest()
    cluster.world.is_stuck = False
    cluster.world.later()
    cluster.world.deploy("web", "web:2")
    cluster.ingest()
    assert [(row[4], row[2]) for row in cluster.rows(ROWS)] == [("1", None), ("2", "passed")]


def test_going_back_is_a_rollout_of_its_own(cluster) -> None:
    for version in "121":
        cluster.world.deploy("web", f"web:{version}")
        cluster.ingest()
        cluster.world.later()
    begins = [T0, T0 + timedelta(minutes=5), T0 + timedelta(minutes=10, seconds=90)]
    assert [(row[4], row[2], row[5]) for row in cluster.rows(ROWS)] == [
        (version, "passed", at) for version, at in zip("121", begins, strict=True)
    ]
    cluster.world.touch(cluster.world.objects["deployments"]["shop", "web"])
    assert cluster.ingest().conform.tables["core.deployments"].changed == 0


def test_a_place_that_the_server_forgot_is_the_beginning_again(cluster) -> None:
    for number in range(25):
        cluster.world.deploy(f"app{number:02d}", "app:1")
    cluster.world.fault("v1/deployments?limit=10&continue", "410")
    assert cluster.ingest(page=10).error is None
    asked = [one for one in cluster.world.asked("v1/deployments?") if "continue" not in one]
    assert len(asked) == 2
    assert len(cluster.rows(ROWS)) == 25


def test_a_cursor_in_the_middle_of_a_list_may_be_forgotten_over_night(cluster) -> None:
    for number in range(25):
        cluster.world.deploy(f"app{number:02d}", "app:1")
    cluster.world.fault("v1/deployments?limit=10&continue", "500", times=9)
    assert cluster.ingest(page=10).error
    cluster.world.faults.clear()
    where = "stream = 'rollouts' and role = 'pull'"
    ((cursor,),) = cluster.rows(f"select cursor from ops.cursors where {where}")
    place = json.loads(cursor)["lists"]["deployments"]["next"]["params"]["continue"]
    cluster.world.forgotten.add(place)
    assert cluster.ingest(page=10).error is None
    assert [one for one in cluster.world.asked("continue") if place in one]
    assert len(cluster.rows(ROWS)) == 25
    assert cluster.ingest(page=10).pull.payloads == 0


def test_only_the_namespaces_that_are_named_are_read(cluster) -> None:
    for space in ("shop", "shop-staging", "other"):
        cluster.world.deploy("web", "web:1", space)
    assert cluster.ingest(namespaces=["shop", "shop-staging"]).error is None
    found = cluster.rows("select environment, environment_kind from core.deployments order by 1")
    assert found == [("shop", None), ("shop-staging", "staging")]
