"""Fetches what there is about digests: manifests, children of indexes, configurations, referrers.

A manifest is asked for by its digest and never again: a digest never means something else. What
arrives is held against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from golive_core.errors import GoLiveError, SourceDataError
from golive_core.http import Answer, Http, Request, next_link
from golive_core.http.paging import items
from ingest.oci.state import State
from ingest.parse.oci import CONFIGS, INDEXES, MANIFESTS, children

Json = dict[str, Any]
ACCEPT = {"accept": ", ".join((*sorted(INDEXES), *MANIFESTS))}
MISSING = frozenset({404})
NO_REFERRERS = frozenset({400, 401, 403, 404, 405, 501})
"""What registries answer that have no such API; one that has it answers 200 with an empty list."""
CONFIG_BYTES = 4 * 1024**2
"""A larger configuration is none of an image: artifacts put whatever they like there."""
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"


@dataclass(slots=True)
class Fetched:
    """What was received about one digest."""

    digest: str
    url: str
    media_type: str
    manifest: Json
    body: Json = field(default_factory=dict[str, Any])
    referrers: int = 0


def manifest_request(name: str, reference: str, *, method: str = "GET") -> Request:
    """Return the request for a manifest by tag or digest; that it is missing is an answer."""
    return Request(
        f"v2/{name}/manifests/{reference}", method=method, headers=ACCEPT, accepts=MISSING,
        expect="any" if method == "HEAD" else "json", tag=reference,
    )  # fmt: skip


def digest_of(answer: Answer) -> str:
    """Return the digest of a manifest, empty where neither header nor body tells."""
    told = answer.headers.get("docker-content-digest", "")
    return told or (f"sha256:{hashlib.sha256(answer.body).hexdigest()}" if answer.body else "")


class Images:
    """Fetches images of one registry; `state` is told whether it lists referrers.

    What is not what its digest says is left out and told in `errors`.
    """

    def __init__(self, http: Http, state: State, errors: list[GoLiveError]) -> None:
        self._http, self._state, self._errors = http, state, errors

    def digests(self, name: str, tags: Iterable[str]) -> Iterator[tuple[str, Answer]]:
        """Yield each tag with what a HEAD says of it; where that is nothing, what a GET says."""
        heads = (manifest_request(name, tag, method="HEAD") for tag in tags)
        for answer in self._http.fetch_all(heads):
            tag: str = answer.request.tag
            if answer.status not in MISSING and not digest_of(answer):
                yield tag, self._http.fetch(manifest_request(name, tag))
            else:
                yield tag, answer

    def fetch(self, name: str, digests: Iterable[str]) -> Iterator[Fetched]:
        """Yield what there is about each digest; what is gone by now is left out."""
        requests = (manifest_request(name, one) for one in digests)
        found = list(self._manifests(requests))
        self._children(name, found)
        self._configs(name, found)
        counts = dict(self.referrers(name, [one.digest for one in found]))
        for one in found:
            one.referrers = counts.get(one.digest, 0)
            yield one

    def referrers(self, name: str, digests: list[str]) -> Iterator[tuple[str, int]]:
        """Yield how many manifests refer to each digest; none where the registry has no such list.

        Whether it has one is found out with the first digest.
        """
        asked = [
            Request(f"v2/{name}/referrers/{one}", accepts=NO_REFERRERS, tag=one) for one in digests
        ]
        if asked and self._state.has_referrers is None:
            first = self._http.fetch(asked[0])
            self._state.has_referrers = first.status not in NO_REFERRERS
        if not self._state.has_referrers:
            return
        for answer in self._http.fetch_all(asked):
            if answer.status in NO_REFERRERS:
                continue
            yield answer.request.tag, self._count(answer)

    def listed(self, name: str, tag: str) -> int:
        """Return how many manifests the index at a tag names: referrers where no API lists them."""
        answer = self._http.fetch(manifest_request(name, tag))
        return 0 if answer.status in MISSING else len(answer.object().get("manifests") or ())

    def _manifests(self, requests: Iterable[Request]) -> Iterator[Fetched]:
        for answer in self._http.fetch_all(requests):
            if answer.status not in MISSING:
                try:
                    yield _checked(answer)
                except SourceDataError as error:
                    self._errors.append(error)

    def _count(self, first: Answer) -> int:
        count, page = len(items(first, ("manifests",))), next_link(first)
        for answer in self._http.pages(page, next_link) if page else ():
            count += len(items(answer, ("manifests",)))
        return count

    def _children(self, name: str, found: Iterable[Fetched]) -> None:
        """Add the manifests of the images of each index; a registry may lack some."""
        indexes = [one for one in found if one.media_type in INDEXES]
        requests = (
            manifest_request(name, child["digest"])
            for one in indexes
            for child in children(one.manifest)
        )
        texts = {one.digest: one.body["manifest"] for one in self._manifests(requests)}
        for one in indexes:
            digests = [child["digest"] for child in children(one.manifest)]
            one.body["children"] = [texts[digest] for digest in digests if digest in texts]

    def _configs(self, name: str, found: Iterable[Fetched]) -> None:
        """Add the configuration of each image, or of the first image of an index."""
        wanted = [(one, told) for one in found if (told := _config(one))]
        requests = (
            Request(f"v2/{name}/blobs/{told['digest']}", accepts=MISSING) for _, told in wanted
        )
        for (one, _), answer in zip(wanted, self._http.fetch_all(requests), strict=True):
            if answer.status not in MISSING:
                answer.object()
                one.body["config"] = answer.text()


def _config(one: Fetched) -> Json | None:
    """Return the descriptor of the configuration to be read, if it is that of an image."""
    texts: list[str] = one.body.get("children") or []
    holder: Json = json.loads(texts[0]) if texts else one.manifest
    told: Json = holder.get("config") or {}
    is_wanted = told.get("mediaType") in CONFIGS and int(told["size"]) <= CONFIG_BYTES
    return told if is_wanted else None


def _checked(answer: Answer) -> Fetched:
    """Return a manifest; raises SourceDataError for one that is not what its digest says.

    Signatures inside a manifest of schema 1 are not part of its digest.
    """
    digest: str = answer.request.tag
    manifest = answer.object()
    kind = answer.media_type
    if not kind or kind == "application/json":
        kind = str(manifest.get("mediaType") or kind)
    algorithm, _, told = digest.partition(":")
    is_other = algorithm == "sha256" and hashlib.sha256(answer.body).hexdigest() != told
    if is_other and not kind.startswith(SCHEMA_1):
        raise SourceDataError(
            "a manifest that is not what its digest says", where=answer.where,
            hint="Something between here and the registry changes answers, or its storage is bad",
        )  # fmt: skip
    return Fetched(digest, answer.url, kind, manifest, {"manifest": answer.text()})
