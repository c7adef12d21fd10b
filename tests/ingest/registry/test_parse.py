"""What manifests say, in the forms that no test of a registry pushes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from oci_registry import INDEX, MANIFEST

from ingest.parse.oci import facts

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:c", "size": 5}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:l", "size": 70}


def told(manifest: dict[str, Any], kind: str = MANIFEST, **body: Any) -> dict[str, Any]:
    return facts({"manifest": json.dumps(manifest), **body}, kind)


def test_a_layer_that_comes_twice_is_one_blob() -> None:
    found = told({"config": CONFIG, "layers": [LAYER, LAYER, {**LAYER, "digest": "sha256:m"}]})
    assert (found["size_bytes"], found["layers"]) == (145, 2)


def test_an_image_of_schema_1_has_layers_and_no_size() -> None:
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    found = told({"schemaVersion": 1, "fsLayers": [{"blobSum": "sha256:a"}]}, kind)
    assert (found["size_bytes"], found["layers"], found["media_type"]) == (None, 1, kind)


def test_an_artifact_that_is_no_image_is_told_by_its_annotations() -> None:
    annotations = {
        "org.opencontainers.image.revision": "c0ffee",
        "org.opencontainers.image.created": "2026-03-01T12:00:00Z",
    }
    chart = {**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}
    found = told({"config": chart, "layers": [LAYER], "annotations": annotations})
    assert found["commit_sha"] == "c0ffee"
    assert found["created_at"] == "2026-03-01T12:00:00+00:00"
    assert (found["platforms"], json.loads(found["labels"])) == ([], annotations)


def test_a_label_counts_where_an_annotation_says_otherwise() -> None:
    config = json.dumps({"config": {"Labels": {"team": "blue"}}})
    manifest = {"config": CONFIG, "layers": [], "annotations": {"team": "red", "tier": "1"}}
    assert json.loads(told(manifest, config=config)["labels"]) == {"team": "blue", "tier": "1"}


@pytest.mark.parametrize(
    ("created", "at"),
    [
        ("2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00.123456+00:00"),
        ("2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00+00:00"),
        ("0001-01-01T00:00:00Z", None), ("", None), (None, None), ("yesterday", None),
    ],
)  # fmt: skip
def test_the_time_of_building_is_that_of_the_configuration(
    created: str | None, at: str | None
) -> None:
    config = json.dumps({"created": created, "config": None})
    assert told({"config": CONFIG, "layers": []}, config=config)["created_at"] == at


def test_an_index_without_platforms_or_children_is_still_an_image() -> None:
    found = told({"manifests": [{"mediaType": MANIFEST, "digest": "sha256:a", "size": 3}]}, INDEX,
                 children=[])  # fmt: skip
    assert (found["platforms"], found["size_bytes"], found["layers"]) == ([], None, 0)
