"""Images of a real registry, from being pushed to being deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oci_registry import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    OCI,
    Pusher,
    descriptor,
    digest,
)

from assets.load import IngestResult, ingest
from golive_core.lake import Lake
from ingest.oci.pull import Pull
from ingest.oci.state import State
from ingest.oci.tags import Revisits
from ingest.source import Context, Instance
from ingest.sources.registry import Registry

Ingest = Callable[..., IngestResult]
ATTESTS = {"vnd.docker.reference.type": "attestation-manifest"}


@pytest.fixture
def read(pusher: Pusher, lake: Lake, home: Path) -> Ingest:
    """Return a function that ingests the repository of the test."""

    def once(**more: Any) -> IngestResult:
        options = {"url": pusher.url, "repositories": [pusher.name], **more}
        instance = Instance("hub", "registry", "shop", options)
        done = ingest(lake, Registry(instance, Context(home, home)), instance, processes=1)
        assert done.error is None
        assert not done.conform.rejected
        return done

    return once


def image(lake: Lake, manifest: bytes) -> dict[str, Any]:
    """Return the row of an image."""
    found = lake.query("select * from core.images where digest = ?", [digest(manifest)])
    return found.row(0, named=True)


def tags(lake: Lake) -> dict[str, tuple[str, bool]]:
    rows = lake.query("select tag, digest, is_deleted from core.image_tags").rows()
    return {tag: (where, is_gone) for tag, where, is_gone in rows}


@pytest.mark.parametrize("kind", [MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_read_with_sizes_labels_and_platform(
    kind: str, pusher: Pusher, read: Ingest, lake: Lake
) -> None:
    labels = {"org.opencontainers.image.revision": "c0ffee", "team": "blue"}
    pushed = pusher.image("1.0.0", layers=(b"one", b"three"), kind=kind, labels=labels)
    pusher.manifest(json.loads(pushed), "latest")
    read()
    row = image(lake, pushed)
    config = json.loads(pushed)["config"]["size"]
    assert (row["image_id"], row["project_id"]) == (
        f"hub:{pusher.name}@{digest(pushed)}", "shop",
    )  # fmt: skip
    assert (row["media_type"], row["platforms"]) == (kind, ["linux/amd64"])
    assert (row["tags"], row["is_deleted"]) == (["1.0.0", "latest"], False)
    assert (row["size_bytes"], row["layers"]) == (config + 8, 2)
    assert (json.loads(row["labels"]), row["commit_sha"]) == (labels, "c0ffee")
    assert row["created_at"].isoformat() == "2026-03-01T12:00:00.500000+00:00"
    assert (row["attestations"], row["seen_at"]) == (0, None)
    assert tags(lake) == {
        "1.0.0": (digest(pushed), False), "latest": (digest(pushed), False),
    }  # fmt: skip


@pytest.mark.parametrize("kind", [INDEX, DOCKER_LIST])
def test_an_index_tells_of_its_platforms_and_attestations(
    kind: str, pusher: Pusher, read: Ingest, lake: Lake
) -> None:
    one = DOCKER_MANIFEST if kind == DOCKER_LIST else MANIFEST
    amd = pusher.image(layers=(b"base", b"amd"), kind=one, labels={"team": "blue"})
    arm = pusher.image(layers=(b"base", b"arm64"), kind=one, architecture="arm64")
    told = pusher.image(layers=(b"provenance",), kind=one)
    unknown = {"os": "unknown", "architecture": "unknown"}
    pushed = pusher.index("2.0.0", [
        descriptor(amd, one, platform={"os": "linux", "architecture": "amd64"}),
        descriptor(arm, one, platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
        descriptor(told, one, platform=unknown, annotations=ATTESTS),
    ], kind=kind)  # fmt: skip
    read()
    row = image(lake, pushed)
    configs = sum(json.loads(one)["config"]["size"] for one in (amd, arm))
    assert (row["media_type"], row["attestations"]) == (kind, 1)
    assert row["platforms"] == ["linux/amd64", "linux/arm64/v8"]
    assert (row["size_bytes"], row["layers"]) == (configs + len(b"baseamdarm64"), 3)
    assert json.loads(row["labels"]) == {"team": "blue"}
    assert lake.rows("core.images") == 1


def test_signatures_and_listed_referrers_count_as_attestations(
    pusher: Pusher, read: Ingest, lake: Lake
) -> None:
    pushed = pusher.image("1.0.0")
    subject = digest(pushed).replace(":", "-")
    read()
    assert image(lake, pushed)["attestations"] == 0
    pusher.image(f"{subject}.sig", layers=(b"signature",))
    bill = pusher.image(layers=(b"bill",), subject=descriptor(pushed, MANIFEST))
    pusher.index(subject, [descriptor(bill, MANIFEST, artifactType="application/spdx+json")])
    read()
    assert image(lake, pushed)["attestations"] == 2
    assert lake.rows("core.images") == lake.rows("core.image_tags") == 1
    pusher.delete(digest(json.dumps(index_of(pusher, subject)).encode()))
    read()
    assert image(lake, pushed)["attestations"] == 1


def index_of(pusher: Pusher, tag: str) -> Any:
    accept = {"accept": f"{OCI}.index.v1+json"}
    return json.loads(pusher.send("GET", f"manifests/{tag}", headers=accept).content)


def test_a_tag_moves_and_a_manifest_is_deleted(pusher: Pusher, read: Ingest, lake: Lake) -> None:
    old = pusher.image("latest", layers=(b"old",))
    kept = pusher.image("1.0.0", layers=(b"kept",))
    read()
    new = pusher.image("latest", layers=(b"new",))
    read()
    assert (image(lake, old)["tags"], image(lake, old)["is_deleted"]) == ([], True)
    assert image(lake, new)["tags"] == ["latest"]
    assert image(lake, new)["seen_at"] is not None
    pusher.delete(digest(kept))
    read()
    gone = image(lake, kept)
    assert (gone["tags"], gone["is_deleted"], gone["layers"]) == ([], True, 1)
    assert tags(lake) == {"latest": (digest(new), False), "1.0.0": (digest(kept), True)}
    pusher.image("1.0.0", layers=(b"kept",))
    read()
    assert (image(lake, kept)["tags"], image(lake, kept)["is_deleted"]) == (["1.0.0"], False)
    assert tags(lake)["1.0.0"] == (digest(kept), False)


def test_a_repository_costs_twenty_times_less_when_nothing_changed(
    pusher: Pusher, read: Ingest, lake: Lake, home: Path
) -> None:
    image = json.loads(pusher.image("latest"))
    for number in range(24):
        pusher.manifest({**image, "annotations": {"number": str(number)}}, f"1.0.{number}")
    options = {"url": pusher.url, "repositories": [pusher.name]}
    source = Registry(Instance("hub", "registry", "shop", options), Context(home, home))
    (first,) = source.pull("images", cursor=None, window=None)
    assert first.payloads.height == 25
    state, most = State.of(first.cursor), 0
    for _ in range(8):
        with source.http() as http:
            asked = Pull(http, state, Revisits(20)).run(source.names, are_all=False)
            assert list(asked) == []
            most = max(most, http.requests)
    assert most <= first.requests / 20, (first.requests, most)


def test_every_tag_has_its_turn(pusher: Pusher, read: Ingest, lake: Lake) -> None:
    """A version that was set again, against its name, is found without a whole reading."""
    for number in range(10):
        pusher.image(f"1.0.{number}", layers=(b"%d" % number,))
    read()
    moved = pusher.image("1.0.4", layers=(b"again",))
    read(watch=["1.0.*"])
    assert tags(lake)["1.0.4"] == (digest(moved), False)


def test_the_catalog_names_repositories_and_tells_of_those_that_went(
    tmp_path: Path, lake: Lake, home: Path
) -> None:
    from oci_registry import registry

    with registry(tmp_path) as url:
        for number in range(3):
            Pusher(url, f"team/app{number}").image("1.0.0")
        instance = Instance("hub", "registry", "shop", {"url": url})
        source = Registry(instance, Context(home, home))
        assert {one.state for one in source.check()} == {"ok"}
        ingest(lake, source, instance, processes=1)
        assert lake.query("select name from core.images order by 1")["name"].to_list() == [
            "team/app0", "team/app1", "team/app2",
        ]  # fmt: skip
        for path in sorted(tmp_path.glob("data/**/repositories/team/app1"), reverse=True):
            path.rename(tmp_path / "away")
        ingest(lake, source, instance, processes=1)
    gone = lake.query("select name from core.images where is_deleted")["name"].to_list()
    assert gone == ["team/app1"]
