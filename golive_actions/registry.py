"""A container registry: tags through the API of the OCI distribution specification."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace
from typing import ClassVar

from golive_actions.target import Flow, Place, Target, ask, basic, reads, refused, sets
from golive_core.http import Answer, Request

MANIFESTS = ", ".join((
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
))  # fmt: skip
DENIED, MISSING = 401, 404
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
        there = yield from self._asked(_manifest(image, to, MISSING), image)
        result = {"image": image, "tag": to, "digest": source.headers.get("docker-content-digest")}
        if there.status != MISSING and there.body == source.body:
            return {**result, "existed": True}
        kind = source.headers.get("content-type", "")
        put = Request(
            f"v2/{image}/manifests/{to}", method="PUT", headers={"content-type": kind},
            content=source.body, expect="any",
        )  # fmt: skip
        yield self._signed(put)
        return {**result, "existed": False}

    def _asked(self, request: Request, image: str) -> Step:
        """Ask; where the registry names another place for tokens, get one there and ask again."""
        patient = replace(request, accepts=request.accepts | {DENIED})
        answer = yield self._signed(patient)
        if answer.status != DENIED:
            return answer
        kind, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
        challenge: dict[str, str] = dict(CHALLENGE.findall(rest))
        if kind.lower() != "bearer" or self._granted or "realm" not in challenge:
            raise refused(answer)
        scope = {"scope": f"repository:{image}:pull,push"} if image else {}
        service = {"service": challenge["service"]} if "service" in challenge else {}
        there = self._signed(ask(challenge["realm"], **service, **scope))
        found = (yield there).object()
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


def _manifest(image: str, tag: str, *accepts: int) -> Request:
    path = f"v2/{image}/manifests/{tag}"
    return Request(path, headers={"accept": MANIFESTS}, accepts=frozenset(accepts))
