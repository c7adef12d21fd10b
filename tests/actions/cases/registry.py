"""Answers and requests of the OCI distribution specification."""

import hashlib
import json

from action_case import Case

TYPE = "registry"
OPTIONS = {"user": "bot"}
KIND = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = {
    "schemaVersion": 2, "mediaType": KIND,
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 7,
               "digest": "sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7"},
    "layers": [],
}  # fmt: skip
OLD = {**MANIFEST, "layers": [{"size": 1}]}
DIGEST = f"sha256:{hashlib.sha256(json.dumps(MANIFEST).encode()).hexdigest()}"
HEADERS = {"Content-Type": KIND, "Docker-Content-Digest": DIGEST}
M, P = "v2/team/shop/manifests", "v2/team/prod"

CASES = [
    Case("registry.authenticate", {}, {"GET v2/": {}}, {"login": "bot"}),
    Case(
        "registry.get_tags", {"image": "team/shop"},
        {"GET v2/team/shop/tags/list": {"name": "team/shop", "tags": ["1.2", "1.1"]}},
        ["1.1", "1.2"],
    ),
    Case(
        "registry.promote", {"image": "team/shop", "tag": "1.2-rc1", "to": "1.2"},
        {f"GET {M}/1.2-rc1": (200, json.dumps(MANIFEST).encode(), HEADERS),
         f"GET {M}/1.2": (200, OLD, {"Content-Type": KIND}),
         f"PUT {M}/1.2": (201, b"", {"Docker-Content-Digest": DIGEST})},
        {"image": "team/shop", "tag": "1.2", "digest": DIGEST, "existed": False},
        f"PUT {M}/1.2", MANIFEST, looks=2,
        state={f"GET {M}/1.2": (200, MANIFEST, {"Content-Type": KIND})}, found={"existed": True},
    ),
    Case(
        "registry.copy", {"image": "team/shop", "tag": "1.2", "into": "team/prod", "to": "live"},
        {f"GET {M}/1.2": (200, json.dumps(MANIFEST).encode(), HEADERS),
         f"HEAD {P}/blobs/{MANIFEST['config']['digest']}": (200, b"", {}),
         f"PUT {P}/manifests/live": (201, b"", {"Docker-Content-Digest": DIGEST})},
        {"image": "team/prod", "tag": "live", "digest": DIGEST, "existed": False},
        f"PUT {P}/manifests/live", MANIFEST, looks=3,
        state={f"GET {P}/manifests/live": (200, MANIFEST, {"Content-Type": KIND})},
        found={"existed": True},
    ),
]  # fmt: skip
