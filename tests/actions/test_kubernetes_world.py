"""Restart and undo on a cluster with a deployment controller, and what the source then reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import serving

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest" / "kubernetes"))

from kube_server import Kube

from assets.load import ingest
from golive_actions.action import Action, Outcome, perform
from golive_core.errors import SourceDataError
from golive_core.lake import Lake
from golive_core.settings import Instance
from ingest.source import Context
from ingest.sources.kubernetes import KubernetesSource


@pytest.fixture
def cluster() -> Iterator[Kube]:
    with serving(Kube()) as world:
        for version in "123":
            world.deploy("web", f"web:{version}")
            world.later()
        yield world


def do(world: Kube, lake: Lake, verb: str, *, dry_run: bool = False, **said: object) -> Outcome:
    instance = Instance("cluster", "kubernetes", "shop", {"url": world.url})
    parameters = {"name": "web", "namespace": "shop", **said}
    return perform(Action(f"kubernetes.{verb}", instance, parameters), dry_run=dry_run,
                   actor="ada", lake=lake)  # fmt: skip


def image(world: Kube) -> str:
    template = world.objects["deployments"]["shop", "web"]["spec"]["template"]
    return template["spec"]["containers"][0]["image"]


def test_undo_goes_back_and_forth_and_is_read_as_rollouts(
    cluster: Kube, lake: Lake, home: Path
) -> None:
    assert do(cluster, lake, "undo").result["undone_to"] == 2
    assert image(cluster) == "web:2"
    assert do(cluster, lake, "get_rollout").result["revision"] == "4"
    assert do(cluster, lake, "undo", revision=1).result["undone_to"] == 1
    assert image(cluster) == "web:1"
    source = KubernetesSource(
        Instance("k8s", "kubernetes", "shop", {"url": cluster.url}), Context(home, home)
    )
    assert ingest(lake, source, source.instance, processes=1).error is None
    found = lake.query(
        "select branch, status, split_part(deployment_id, '@', 2) from core.deployments order by 3"
    )
    assert found.rows() == [("3", None, "3"), ("2", None, "4"), ("1", "passed", "5")]


def test_a_restart_is_a_new_revision_of_the_same_image(cluster: Kube, lake: Lake) -> None:
    do(cluster, lake, "restart", at="2026-03-01T13:00:00Z")
    assert do(cluster, lake, "get_rollout").result == {
        "revision": "4", "replicas": 2, "updated": 2, "ready": 2,
    }  # fmt: skip
    assert image(cluster) == "web:3"


def test_a_dry_run_leaves_the_cluster_as_it_is(cluster: Kube, lake: Lake) -> None:
    do(cluster, lake, "restart", dry_run=True)
    do(cluster, lake, "undo", dry_run=True)
    assert do(cluster, lake, "get_rollout").result["revision"] == "3"


def test_what_is_not_there_is_told(cluster: Kube, lake: Lake) -> None:
    with pytest.raises(SourceDataError, match="no revision 9") as caught:
        do(cluster, lake, "undo", revision=9)
    assert caught.value.hint == "Kept: 1, 2, 3"
    with pytest.raises(SourceDataError, match="not found"):
        do(cluster, lake, "undo", name="none")
