"""Container images: manifests, indexes and configurations, of OCI and of Docker (schema 1 and 2).

Sources: OCI image specification 1.1 (manifest, index, config, annotations), Docker image manifest
version 2, schema 1 and 2; attestations inside an index as BuildKit stores them. Notifications of a
registry are those of the CNCF distribution. Pure: nothing is asked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import polars as pl

from golive_core.errors import SourceDataError
from ingest.oci.tags import subject
from ingest.parse.hosted import Hooked, event, own
from ingest.parse.rows import frame, instant
from ingest.payload import Parser, Payload

Json = dict[str, Any]
INDEXES = frozenset((
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
))  # fmt: skip
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
CONFIGS = frozenset((
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
))  # fmt: skip
REFERENCE = "vnd.docker.reference.type"
"""BuildKit's annotation of an entry of an index that is no image but tells of one."""
REVISION, CREATED = "org.opencontainers.image.revision", "org.opencontainers.image.created"
Tables = Mapping[str, pl.DataFrame]


def image(payload: Payload) -> Tables:
    """Return the row of an image and those of the tags that point to it or did until they went.

    The body holds the `facts`, or what they are made from; see `facts`.
    """
    told, body = payload.context, payload.object()
    known: Json = body["facts"] if "facts" in body else facts(body, told["media_type"])
    tags: list[str] = told["tags"]
    row = {
        **own(payload), **known, "name": told["name"],
         "image_id": _image_id(payload, told["digest"]),
        "digest": told["digest"], "tags": tags, "is_deleted": not tags,
        "seen_at": told["seen_at"],
        "attestations": known["attestations"] + told["referrers"] + told["signatures"],
    }  # fmt: skip
    rows = [(tag, told["digest"], tag in told["gone"]) for tag in (*tags, *told["gone"])]
    return {"core.images": frame("core.images", [row]), "core.image_tags": _tags(payload, rows)}


def hook(payload: Payload) -> Tables:
    """Return the row of the tag that a notification tells of."""
    told = payload.object()
    target = told["target"]
    rows = [(target["tag"], target["digest"], told["action"] == "delete")]
    return {"core.image_tags": _tags(payload, rows)}


PARSERS: Mapping[str, Parser] = {"image": image, "hook": hook}


def notified(body: bytes) -> list[Hooked]:
    """Return contexts and bodies of the tags that a registry's notification tells of.

    What it tells of blobs, of manifests by digest alone and of pulls is left out. Raises
    SourceDataError for a body that is no notification.
    """
    found: list[Hooked] = []
    for one in cast("list[Json]", event(body).get("events") or []):
        target: Json = one.get("target") or {}
        tag, name = target.get("tag"), target.get("repository")
        is_change = one.get("action") in ("push", "delete") and target.get("digest")
        if is_change and tag and name and not subject(tag):
            found.append(({"kind": "hook", "name": name}, json.dumps(one).encode()))
    return found


def facts(body: Json, media_type: str) -> Json:
    """Return what is the same for as long as an image exists, as columns of core.images.

    `body` has the texts that were received: `manifest`; `children`, the manifests of an index; and
    `config`, that of the image or of the first child.
    """
    manifest: Json = json.loads(body["manifest"])
    config: Json = json.loads(body["config"]) if body.get("config") else {}
    single: list[Json] = [json.loads(text) for text in body.get("children") or ()]
    is_index = media_type in INDEXES
    blobs = dict(_blobs(single if is_index else [manifest]))
    labels = _labels(manifest, config)
    return {
        "media_type": media_type,
        "platforms": _platforms(manifest) if is_index else _platform(config),
        "size_bytes": sum(size for size, _ in blobs.values()) if blobs else None,
        "layers": sum(is_layer for _, is_layer in blobs.values()) or len(_layers_v1(manifest)),
        "labels": json.dumps(labels, ensure_ascii=False, sort_keys=True),
        "commit_sha": labels.get(REVISION),
        "created_at": _created(config.get("created"), labels.get(CREATED)),
        "attestations": sum(map(is_attestation, manifest.get("manifests") or ())),
    }


def children(manifest: Json) -> Iterator[Json]:
    """Yield the descriptors of the images of an index, without what only tells of them."""
    for one in cast("list[Json]", manifest.get("manifests") or []):
        if one.get("mediaType") not in INDEXES and not is_attestation(one):
            yield one


def is_attestation(descriptor: Json) -> bool:
    """Tell whether an entry of an index is about another entry and no image."""
    return REFERENCE in (descriptor.get("annotations") or {})


def _created(*told: str | None) -> str | None:
    """Return the first time that is one: tools that build images write what they like."""
    for text in told:
        with suppress(SourceDataError):
            if at := instant(text):
                return at.isoformat()
    return None


def _labels(manifest: Json, config: Json) -> dict[str, str]:
    """Return annotations and labels; where both have a name the label counts."""
    annotations: dict[str, str] = manifest.get("annotations") or {}
    inner: Json = config.get("config") or {}
    return {**annotations, **(inner.get("Labels") or {})}


def _blobs(manifests: Iterable[Json]) -> Iterator[tuple[str, tuple[int, bool]]]:
    """Yield size, and whether it is a layer, of each blob by its digest."""
    for one in manifests:
        if one.get("config"):
            yield one["config"]["digest"], (int(one["config"]["size"]), False)
        for layer in cast("list[Json]", one.get("layers") or []):
            yield layer["digest"], (int(layer["size"]), True)


def _layers_v1(manifest: Json) -> set[str]:
    found = cast("list[Json]", manifest.get("fsLayers") or [])
    return {str(one["blobSum"]) for one in found}


def _platforms(manifest: Json) -> list[str]:
    found = [_named(one.get("platform") or {}) for one in children(manifest)]
    return sorted({one for one in found if one})


def _platform(config: Json) -> list[str]:
    return [found] if (found := _named(config)) else []


def _named(platform: Json) -> str:
    """Return os/architecture and the variant, if there is one; empty where it is not said."""
    parts = [platform.get(name) for name in ("os", "architecture", "variant")]
    return "/".join(str(one) for one in parts if one) if parts[0] and parts[1] else ""


def _image_id(payload: Payload, digest: str) -> str:
    return f"{payload.instance.name}:{payload.context['name']}@{digest}"


def _tags(payload: Payload, rows: Iterable[tuple[str, str, bool]]) -> pl.DataFrame:
    """Return rows of core.image_tags from tags, their digests and whether they are gone."""
    name = payload.context["name"]
    return frame(
        "core.image_tags",
        [
            {
                **own(payload), "image_tag_id": f"{payload.instance.name}:{name}:{tag}",
                "name": name, "tag": tag, "digest": digest, "image_id": _image_id(payload, digest),
                "is_deleted": is_gone,
            }
            for tag, digest, is_gone in rows
        ],
    )  # fmt: skip
