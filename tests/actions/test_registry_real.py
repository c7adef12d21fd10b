"""Promoting and copying in a real registry, whose answers nobody made up."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))
sys.path.insert(0, str(Path(__file__).parents[1] / "ingest" / "registry"))

from oci_registry import (
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    PASSWORD,
    USER,
    Pusher,
    descriptor,
    digest,
    registry,
)

from golive_actions.action import Action, Outcome, perform
from golive_core.errors import SourceAuthError, SourceError
from golive_core.lake import Lake
from golive_core.settings import Instance

ALL = f"{MANIFEST}, {DOCKER_MANIFEST}, {INDEX}"


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the url of a registry that wants user and password."""
    with registry(tmp_path_factory.mktemp("actions"), is_closed=True) as url:
        yield url


@pytest.fixture
def shop(closed: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pusher:
    """Return what pushes into a repository of this test's own."""
    monkeypatch.setenv("REGISTRY_TOKEN", PASSWORD)
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return Pusher(closed, f"shop/{name}", PASSWORD)


def act(shop: Pusher, lake: Lake, verb: str, *, dry_run: bool = False, **more: str) -> Outcome:
    options = {"url": shop.url, "user": USER, "token": "env:REGISTRY_TOKEN"}
    instance = Instance("hub", "registry", "shop", options)
    key = more.pop("key", "")
    action = Action(f"registry.{verb}", instance, {"image": shop.name, **more}, key)
    return perform(action, dry_run=dry_run, lake=lake, actor="ada")


def there(shop: Pusher, tag: str, name: str = "") -> bytes:
    """Return the manifest at a tag."""
    path = f"{shop.url}/v2/{name or shop.name}/manifests/{tag}"
    return shop.send("GET", path, headers={"accept": ALL}).content


@pytest.mark.parametrize("kind", [MANIFEST, DOCKER_MANIFEST])
def test_an_image_is_promoted_once(kind: str, shop: Pusher, lake: Lake) -> None:
    pushed = shop.image("1.2-rc1", kind=kind)
    shop.image("live", layers=(b"older",), kind=kind)
    tags = {"tag": "1.2-rc1", "to": "live"}
    shown = act(shop, lake, "promote", dry_run=True, **tags).result
    assert there(shop, "live") != pushed
    assert (shown["request"]["method"], shown["request"]["body"]) == ("PUT", json.loads(pushed))
    done = act(shop, lake, "promote", **tags)
    assert done.result == {
        "image": shop.name, "tag": "live", "digest": digest(pushed), "existed": False,
    }  # fmt: skip
    assert there(shop, "live") == pushed
    assert act(shop, lake, "promote", **tags).is_repeated


def test_what_is_promoted_already_is_left_alone(shop: Pusher, lake: Lake) -> None:
    pushed = shop.image("1.2-rc1")
    shop.manifest(json.loads(pushed), "live")
    done = act(shop, lake, "promote", tag=digest(pushed), to="live")
    assert done.result["existed"] is True


def index(shop: Pusher, tag: str) -> bytes:
    """Push an index of two platforms and an attestation."""
    parts = [shop.image(layers=(name.encode(),), architecture=name) for name in ("amd64", "arm64")]
    told = shop.image(layers=(b"provenance",))
    unknown = {"os": "unknown", "architecture": "unknown"}
    return shop.index(tag, [
        *(descriptor(one, MANIFEST, platform={"os": "linux", "architecture": name})
          for one, name in zip(parts, ("amd64", "arm64"), strict=True)),
        descriptor(told, MANIFEST, platform=unknown,
                   annotations={"vnd.docker.reference.type": "attestation-manifest"}),
    ])  # fmt: skip


def test_an_index_is_promoted_as_it_is(shop: Pusher, lake: Lake) -> None:
    pushed = index(shop, "2.0.0")
    done = act(shop, lake, "promote", tag="2.0.0", to="live")
    assert done.result["digest"] == digest(pushed)
    assert there(shop, "live") == pushed


def test_an_image_is_copied_into_another_repository(shop: Pusher, lake: Lake) -> None:
    pushed, into = shop.image("1.2", layers=(b"one", b"two", b"one")), f"{shop.name}-prod"
    where = {"tag": "1.2", "into": into, "to": "live"}
    shown = act(shop, lake, "copy", dry_run=True, **where).result["request"]
    assert shown["method"] == "POST"
    assert f"/v2/{into}/blobs/uploads/?mount=" in shown["url"]
    done = act(shop, lake, "copy", **where)
    assert done.result == {
        "image": into, "tag": "live", "digest": digest(pushed), "existed": False,
    }  # fmt: skip
    assert there(shop, "live", into) == pushed
    for one in (json.loads(pushed)["config"], *json.loads(pushed)["layers"]):
        assert shop.send("GET", f"{shop.url}/v2/{into}/blobs/{one['digest']}").content
    assert act(shop, lake, "copy", key="again", **where).result["existed"] is True


def test_an_index_is_copied_with_all_that_it_names(shop: Pusher, lake: Lake) -> None:
    pushed, into = index(shop, "2.0.0"), f"{shop.name}-prod"
    act(shop, lake, "copy", tag="2.0.0", into=into, to="live")
    assert there(shop, "live", into) == pushed
    for child in json.loads(pushed)["manifests"]:
        assert digest(there(shop, child["digest"], into)) == child["digest"]


@pytest.mark.parametrize("verb", ["promote", "copy"])
def test_a_digest_that_is_not_there_changes_nothing(verb: str, shop: Pusher, lake: Lake) -> None:
    kept = shop.image("live")
    more: dict[str, Any] = {"into": f"{shop.name}-prod"} if verb == "copy" else {}
    with pytest.raises(SourceError, match="404"):
        act(shop, lake, verb, tag=f"sha256:{'0' * 64}", to="live", **more)
    assert there(shop, "live") == kept


def test_a_wrong_password_is_told(
    shop: Pusher, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.image("1.2")
    monkeypatch.setenv("REGISTRY_TOKEN", "hunter2-wrong")
    with pytest.raises(SourceAuthError) as caught:
        act(shop, lake, "promote", tag="1.2", to="live")
    assert "hunter2" not in str(caught.value)


def test_tags_are_listed(shop: Pusher, lake: Lake) -> None:
    pushed = json.loads(shop.image("1.2"))
    shop.manifest(pushed, "live")
    assert act(shop, lake, "get_tags").result == ["1.2", "live"]
