"""A container registry: tags through the API of the OCI distribution specification."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from dataclasses import replace
from typing import ClassVar
from urllib.parse import urlencode

from golive_actions.target import (
    Flow,
    Place,
    Target,
    ask,
    basic,
    objects,
    reads,
    refused,
    sets,
    within,
)
from golive_core.errors import SourceDataError
from golive_core.http import Answer, Request

MANIFESTS = ", ".join((
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
))  # fmt: skip
CREATED, DENIED, MISSING = 201, 401, 404
CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
Step = Generator[Request, Answer, Answer]


class Registry(Target):
    """Acts on the repositories of one registry; signs in as it asks for, token or basic."""

    type: ClassVar[str] = "registry"
    title: ClassVar[str] = "Container registry"
    example: ClassVar[str] = """
[source.images]
type = "registry"
project = "shop"
url = "https://registry.example.org"
user = "bot"
token = "env:REGISTRY_TOKEN"   # push and pull
"""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._granted = ""

    def credentials(self) -> dict[str, str]:
        """Return nothing: what is sent depends on what the registry asks for."""
        return {}

    @reads
    def authenticate(self) -> Flow:
        """Tell whether the registry lets the user in."""
        yield from self._asked(ask("v2/"), "")
        return {"login": self.options.user or "anonymous"}

    @reads
    def get_tags(self, image: str) -> Flow:
        """List the tags of an image."""
        answer = yield from self._asked(ask(f"v2/{image}/tags/list"), image)
        return sorted(answer.object().get("tags") or [])

    @sets("{image}:{to}")
    def promote(self, image: str, tag: str, to: str) -> Flow:
        """Let the tag `to` point to what `tag` points to; `tag` may be a digest."""
        source = yield from self._asked(_manifest(image, tag), image)
        result = {"image": image, "tag": to, "digest": _digest(source)}
        if (yield from self._is_there(image, to, source)):
            return {**result, "existed": True}
        yield from self._put(image, to, source)
        return {**result, "existed": False}

    @sets("{into}:{to}")
    def copy(self, image: str, tag: str, into: str, to: str) -> Flow:
        """Bring what `tag` points to into another repository of the registry, as the tag `to`.

        Layers are mounted, not sent; nobody sees them before the tag is set, which comes last, so
        that what was cut off is done again. A dry run shows the first request that would be sent.
        """
        scopes = (into, image)
        source = yield from self._asked(_manifest(image, tag), *scopes)
        result = {"image": into, "tag": to, "digest": _digest(source)}
        if (yield from self._is_there(into, to, source)):
            return {**result, "existed": True}
        yield from self._carry(image, into, source)
        yield from self._put(into, to, source)
        return {**result, "existed": False}

    def _is_there(self, image: str, tag: str, source: Answer) -> Generator[Request, Answer, bool]:
        there = yield from self._asked(_manifest(image, tag, MISSING), image)
        return there.status != MISSING and there.body == source.body

    def _put(self, image: str, reference: str, source: Answer) -> Step:
        """Put a manifest; raises SourceDataError where the registry made another one of it."""
        kind = source.headers.get("content-type", "")
        answer = yield self._signed(Request(
            f"v2/{image}/manifests/{reference}", method="PUT", headers={"content-type": kind},
            content=source.body, expect="any",
        ))  # fmt: skip
        made = answer.headers.get("docker-content-digest", _digest(source))
        if made != _digest(source):
            raise SourceDataError(
                f"{reference} became {made} and not {_digest(source)}", where=answer.where,
                hint="Look what the tag points to, and ask who runs the registry",
            )  # fmt: skip
        return answer

    def _carry(self, image: str, into: str, source: Answer) -> Generator[Request, Answer, None]:
        """Bring what a manifest names into another repository, the images of an index whole."""
        told = source.object()
        for child in objects(source, "manifests"):
            digest = str(child["digest"])
            there = yield from self._asked(_look(f"v2/{into}/manifests/{digest}"), into)
            if there.status == MISSING:
                part = yield from self._asked(_manifest(image, digest), image)
                yield from self._carry(image, into, part)
                yield from self._put(into, digest, part)
        blobs = [within(told, "config"), *objects(source, "layers")]
        for digest in dict.fromkeys(str(one["digest"]) for one in blobs if one):
            there = yield from self._asked(_look(f"v2/{into}/blobs/{digest}"), into)
            if there.status == MISSING:
                yield from self._mount(image, into, digest)

    def _mount(self, image: str, into: str, digest: str) -> Generator[Request, Answer, None]:
        """Let a blob of one repository be one of another too; raises SourceDataError if it may not.

        A registry that does not mount answers 202 and waits for the bytes.
        """
        answer = yield self._signed(Request(
            f"v2/{into}/blobs/uploads/", {"mount": digest, "from": image}, method="POST",
            content=b"", expect="any",
        ))  # fmt: skip
        if answer.status != CREATED:
            raise SourceDataError(
                f"does not lend {digest} of {image} to {into}", where=answer.where,
                hint="The user has to be allowed to pull the one and push the other; some "
                "registries never do it: copy the image with a tool that sends its layers",
            )  # fmt: skip

    def _asked(self, request: Request, *images: str) -> Step:
        """Ask; where the registry names another place for tokens, get one there and ask again.

        The token lets push to the first of `images` and pull the others.
        """
        patient = replace(request, accepts=request.accepts | {DENIED})
        answer = yield self._signed(patient)
        if answer.status != DENIED:
            return answer
        kind, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        challenge: dict[str, str] = dict(CHALLENGE.findall(rest))
        if kind.lower() != "bearer" or self._granted or "realm" not in challenge:
            raise refused(answer)
        found = (yield self._signed(ask(_place_of_tokens(challenge, images)))).object()
        self._granted = str(found.get("token") or found.get("access_token") or "")
        return (yield self._signed(request))

    def _signed(self, request: Request) -> Request:
        """Return the request with the token that was granted, else with user and password."""
        given = {"authorization": f"Bearer {self._granted}"} if self._granted else self._own()
        return replace(request, headers={**request.headers, **given})

    def _own(self) -> dict[str, str]:
        secret = self.place.secret(self.options.token)
        if self.options.user:
            return {"authorization": basic(self.options.user, secret)}
        return {"authorization": f"Bearer {secret}"} if secret else {}


def _place_of_tokens(challenge: dict[str, str], images: tuple[str, ...]) -> str:
    """Return the address at which a token for the repositories is to be had."""
    actions = ["pull,push", *["pull"] * len(images)]
    query = [("service", challenge["service"])] if "service" in challenge else []
    scopes = zip(images, actions, strict=False)
    query += [("scope", f"repository:{name}:{action}") for name, action in scopes]
    realm = challenge["realm"]
    return f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}" if query else realm


def _digest(manifest: Answer) -> str:
    """Return the digest of a manifest as it was received."""
    return f"sha256:{hashlib.sha256(manifest.body).hexdigest()}"


def _look(path: str) -> Request:
    """Ask whether something is there."""
    headers = {"accept": MANIFESTS} if "/manifests/" in path else {}
    return Request(
        path, method="HEAD", headers=headers, accepts=frozenset({MISSING}), expect="any"
    )  # fmt: skip


def _manifest(image: str, tag: str, *accepts: int) -> Request:
    path = f"v2/{image}/manifests/{tag}"
    return Request(path, headers={"accept": MANIFESTS}, accepts=frozenset(accepts))
