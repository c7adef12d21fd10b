"""Notifications of a real registry, as it sends them to a listener."""

from __future__ import annotations

import json
from pathlib import Path

from hosted_reader import core, rows
from oci_registry import SECRET, Listener, Pusher, digest, events

from ingest.source import Context, Instance
from ingest.sources.registry import Registry, parse_webhook, verify


def source(pusher: Pusher, home: Path) -> Registry:
    options = {"url": pusher.url, "repositories": [pusher.name]}
    return Registry(Instance("hub", "registry", "shop", options), Context(home, home))


def test_a_notification_gives_the_tags_that_a_pull_gives(
    pusher: Pusher, listener: Listener, home: Path
) -> None:
    pushed = pusher.image("1.0.0", layers=(b"a",))
    subject = digest(pushed).replace(":", "-")
    pusher.image(f"{subject}.sig", layers=(b"signature",))
    pusher.image(layers=(b"without a tag",))
    pusher.manifest(json.loads(pushed), "latest")
    heard = listener.of(pusher.name, "push", 4)
    reader, found = source(pusher, home), []
    for headers, body in heard:
        assert verify(headers, body, SECRET)
        for context, one in parse_webhook(headers, body):
            if context["name"] == pusher.name:
                found += rows(reader, context, one)["core.image_tags"]
    pulled = core(reader, "images")["core.image_tags"].sort("tag").to_dicts()
    assert sorted(found, key=lambda one: one["tag"]) == pulled
    assert [one["tag"] for one in pulled] == ["1.0.0", "latest"]


def test_a_deleted_digest_is_left_to_the_pull(
    pusher: Pusher, listener: Listener, home: Path
) -> None:
    """The registry names the digest alone, not the tags that went with it."""
    pusher.delete(digest(pusher.image("1.0.0", layers=(b"gone",))))
    bodies = [body for _, body in listener.of(pusher.name, "delete", 1)]
    told = [
        one for body in bodies for one in events(body, pusher.name) if one["action"] == "delete"
    ]
    assert told
    assert parse_webhook({}, json.dumps({"events": told}).encode()) == []


def test_only_the_secret_in_the_header_lets_a_notification_in() -> None:
    assert verify({"Authorization": f"Bearer {SECRET}"}, b"", SECRET)
    assert verify({"authorization": SECRET}, b"", SECRET)
    assert not verify({"authorization": "Bearer other"}, b"", SECRET)
    assert not verify({"authorization": "Bearer "}, b"", "")
    assert not verify({}, b"", SECRET)
