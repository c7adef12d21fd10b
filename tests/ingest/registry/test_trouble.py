"""What goes wrong between registry and lake, and what the specification has that is rare."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Asked, Reply, ok, serving

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))

from contract_stage import FILES, QUICK, module

from assets.load import IngestResult, ingest
from golive_core.errors import SourceAuthError, SourceDataError, SourceUnreachableError
from golive_core.lake import Lake
from ingest.oci.tags import Revisits, is_moving
from ingest.source import Context, Instance
from ingest.sources.registry import Registry

case = module(FILES["registry"])
NAME = case.NAME


class World(case.World):
    """The world of the contract, with the list of referrers that newer registries have."""

    referrers: dict[str, int] | None = None

    def answer(self, asked: Asked) -> Reply:
        name, _, digest = asked.path.partition("/referrers/")
        if digest and self.referrers is not None:
            count, last = self.referrers.get(digest, 0), int(asked.query.get("last", 0))
            entries = [{"digest": f"sha256:{n}"} for n in range(count)][last : last + 2]
            more = {"Link": f'</{name}/referrers/{digest}?last={last + 2}>; rel="next"'}
            return ok({"manifests": entries}, **(more if last + 2 < count else {}))
        return super().answer(asked)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(Registry, "retry", QUICK)
    with serving(World()) as served:
        served.fill()
        yield served


def read(world: World, lake: Lake, home: Path, **options: object) -> IngestResult:
    instance = Instance("it", "registry", "shop", {"url": world.url, **options})
    return ingest(lake, Registry(instance, Context(home, home)), instance, processes=1)


def attestations(lake: Lake, digest: str) -> int:
    return lake.query("select attestations from core.images where digest = ?", [digest]).item()


def test_referrers_are_counted_page_by_page_and_again_when_a_tag_has_its_turn(
    world: World, lake: Lake, home: Path
) -> None:
    latest = world.tags[NAME]["latest"]
    world.referrers = {latest: 5}
    assert read(world, lake, home).error is None
    assert attestations(lake, latest) == 5
    world.referrers[latest] = 6
    assert read(world, lake, home, watch=["latest"]).error is None
    assert attestations(lake, latest) == 6


def test_a_registry_without_referrers_is_asked_for_them_once(
    world: World, lake: Lake, home: Path
) -> None:
    read(world, lake, home)
    read(world, lake, home, watch=["*"])
    assert len(world.asked("/referrers/")) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"), [("500", SourceUnreachableError), ("403", SourceAuthError)]
)
@pytest.mark.parametrize("where", ["/manifests/sha256", "/blobs/", "/manifests/latest"])
def test_trouble_between_two_requests_loses_nothing(
    where: str, trouble: str, kind: type, world: World, lake: Lake, home: Path
) -> None:
    world.fault(where, trouble, times=999, seconds=900)
    assert isinstance(read(world, lake, home).error, kind)
    world.faults.clear()
    assert read(world, lake, home).error is None
    counts = {name: lake.rows(name) for name in world.expected()}
    assert counts == world.expected()


def test_a_repository_that_is_closed_stops_no_other(world: World, lake: Lake, home: Path) -> None:
    world.fault(f"{NAME}/tags", "403", times=999)
    assert isinstance(read(world, lake, home).error, SourceAuthError)
    assert lake.query("select name from core.images")["name"].to_list() == [case.OTHER]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"config": 3, "layers": 7}'])
def test_a_manifest_that_its_digest_does_not_fit_is_told_and_left_out(
    body: bytes, world: World, lake: Lake, home: Path
) -> None:
    bad = world.tags[NAME]["1.0.3"]
    good, world.blobs[bad] = world.blobs[bad], body
    assert isinstance(read(world, lake, home).error, SourceDataError)
    assert lake.rows("core.images") == world.expected()["core.images"] - 1
    world.blobs[bad] = good
    assert read(world, lake, home).error is None
    assert lake.rows("core.images") == world.expected()["core.images"]


def test_what_was_left_out_is_read_later_though_the_list_of_tags_is_unchanged(
    world: World, lake: Lake, home: Path
) -> None:
    bad = world.tags[case.OTHER]["main"]
    good, world.blobs[bad] = world.blobs[bad], b"{}"
    options = {"repositories": [case.OTHER]}
    assert isinstance(read(world, lake, home, **options).error, SourceDataError)
    world.blobs[bad] = good
    assert read(world, lake, home, **options).error is None
    assert lake.query("select tags from core.images").item().to_list() == ["main"]
    world.seen.clear()
    assert read(world, lake, home, **options).error is None
    assert world.seen == ["v2/team/tools/tags/list?n=1000", "v2/team/tools/manifests/main?"]


def test_a_configuration_that_is_none_is_told_and_left_out(
    world: World, lake: Lake, home: Path
) -> None:
    manifest = json.loads(world.blobs[world.tags[NAME]["1.0.3"]])
    world.blobs[manifest["config"]["digest"]] = b'{"config": "x", "created": "yesterday"}'
    error = read(world, lake, home).error
    assert isinstance(error, SourceDataError)
    assert error.where.startswith("it")
    assert lake.rows("core.images") == world.expected()["core.images"] - 1


def test_an_address_that_is_no_registry_is_told(world: World, lake: Lake, home: Path) -> None:
    error = read(world, lake, home, url=f"{world.url}/other", repositories=[NAME]).error
    assert isinstance(error, SourceDataError)
    assert "/v2" in error.hint


def test_a_repository_that_is_not_there_is_no_error(world: World, lake: Lake, home: Path) -> None:
    def answer(asked: Asked) -> Reply:
        return 404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"not known"}]}', {}

    world.answer = answer
    assert read(world, lake, home, repositories=["team/none"]).error is None


@pytest.mark.parametrize(
    ("tag", "moves"),
    [
        ("latest", True), ("main", True), ("1", True), ("1.2", True), ("v2", True),
        ("1.2.3-SNAPSHOT", True), ("feature-login", True), ("1.2.3", False), ("v1.2.3-rc1", False),
        ("main-2026-03-01", False), ("nightly-20260301", False), ("deadbee", True),
        ("sha-deadb33f", False), ("c0ffee1", False), ("1234", False),
        (f"sha256-{'a' * 64}", True),
    ],
)  # fmt: skip
def test_names_of_tags_tell_whether_they_are_likely_to_move(tag: str, moves: bool) -> None:
    assert is_moving(tag) is moves


def test_tags_are_asked_about_again_by_what_is_known_of_them() -> None:
    tags = [f"1.0.{n}" for n in range(100)] + [f"branch-{n}x" for n in range(20)]
    choose = Revisits(most=20, watched=["1.0.99"])
    for _ in range(20):
        chosen = choose(tags, ["gone", "1.0.5", "1.0.7"])
        assert {"1.0.99", "1.0.5", "1.0.7"} <= set(chosen)
        assert 8 <= len(chosen) <= 9
    turns = {tag for _ in range(800) for tag in choose(tags, [])}
    assert turns == set(tags)
