"""A registry as the OCI distribution specification says: lists with Link, manifests by digest."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, ok

from ingest.sources.registry import Registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
NAME, OTHER = "team/shop", "team/tools"
SIZE = 20
TAGS = 55
PATH = re.compile(r"v2/(.+)/(tags/list|manifests|blobs|referrers)(?:/(.+))?")


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class World(Loopback):
    """Blobs by digest, and the digest of each tag by repository."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, name: str, tag: str, version: str) -> str:
        config = json.dumps({
            "os": "linux", "architecture": "amd64", "created": "2026-03-01T12:00:00Z",
            "config": {"Labels": {"version": version, "org.opencontainers.image.revision": "c0"}},
        }).encode()  # fmt: skip
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": "x", "digest": digest(version.encode()), "size": 1000}],
        }).encode()  # fmt: skip
        for one in (config, manifest):
            self.blobs[digest(one)] = one
        self.tags.setdefault(name, {})[tag] = digest(manifest)
        return digest(manifest)

    def add(self, count: int) -> None:
        for number in range(count):
            self.put(NAME, f"1.0.{number}", str(number))

    def fill(self) -> None:
        self.add(TAGS)
        self.put(NAME, "latest", str(TAGS - 1))
        self.put(OTHER, "main", "tools")

    def expected(self) -> dict[str, int]:
        images = {(name, one) for name, tags in self.tags.items() for one in tags.values()}
        return {"core.images": max(TAGS + 1, len(images)), "core.image_tags": TAGS + 2}

    def change(self) -> Changed:
        moved = self.put(NAME, "latest", "0")
        return Changed("core.image_tags", "image_tag_id = 'it:team/shop:latest'", "digest", moved)

    def delete(self) -> Changed:
        gone = self.tags[NAME].pop("1.0.7")
        self.blobs.pop(gone)
        return Changed("core.images", f"image_id = 'it:{NAME}@{gone}'", "is_deleted", True)

    def checked(self, asked: Asked) -> Reply:
        """Refuse as registries do: 401 and what they want."""
        if self.token and not self.is_known(asked.headers):
            body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            return 401, json.dumps(body).encode(), {"WWW-Authenticate": 'Basic realm="it"'}
        return self.answer(asked)

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "v2/":
            return ok({})
        if asked.path == "v2/_catalog":
            return self.page(asked, "repositories", list(self.tags), {})
        found = PATH.fullmatch(asked.path)
        if not found:
            return 404, b"404 page not found", {"Content-Type": "text/plain"}
        name, what, reference = found.groups()
        if what == "tags/list":
            return self.page(asked, "tags", list(self.tags[name]), {"name": name})
        if what == "referrers":
            return 404, b"404 page not found", {"Content-Type": "text/plain"}
        return self.blob(asked, self.tags[name].get(reference, reference))

    def page(self, asked: Asked, key: str, entries: list[str], more: dict) -> Reply:
        last = asked.query.get("last", "")
        rest = sorted(one for one in entries if one > last)
        size = min(SIZE, int(asked.query["n"]))
        query = urlencode({"n": asked.query["n"], "last": rest[:size][-1]}) if rest else ""
        link = {"Link": f'</{asked.path}?{query}>; rel="next"'} if len(rest) > size else {}
        body = {**more, key: rest[:size]}
        tag = f'"{digest(json.dumps(body).encode())}"'
        if asked.headers.get("if-none-match") == tag:
            return 304, b"", {"ETag": tag}
        return ok(body, **link, ETag=tag)

    def blob(self, asked: Asked, wanted: str) -> Reply:
        body = self.blobs.get(wanted)
        if body is None:
            return 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', {}
        kind = MANIFEST if "/manifests/" in asked.path else "application/octet-stream"
        headers = {"Content-Type": kind, "Docker-Content-Digest": wanted, "ETag": f'"{wanted}"'}
        return 200, b"" if asked.method == "HEAD" else body, headers


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return {"core.images": count, "core.image_tags": count}


CASE = Case(
    source=Registry,
    world=World,
    main="tags/list",
    options=lambda url: {"url": url},
    secret={"user": "bot", "token": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=9,  # eight, and a page that is fetched ahead in vain where the answers are slow
)
