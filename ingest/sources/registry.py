"""Container registries of the OCI distribution specification: images by digest, and their tags.

Docker Hub, GHCR, GitLab, Harbor, ECR and the CNCF distribution speak it. How a registry is walked
is in `ingest/oci/pull.py`, what its answers mean in `ingest/parse/oci.py`.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from golive_core.errors import SourceAuthError, SourceDataError
from golive_core.http import Answer, Http, Request, next_link
from golive_core.window import Window
from ingest import doctor
from ingest.api import UNIT_BYTES, ApiOptions, ApiSource
from ingest.oci.images import digest_of, manifest_request
from ingest.oci.pull import PAGE, Pull, is_unknown, probe, tags_request
from ingest.oci.state import State
from ingest.oci.tags import Revisits
from ingest.parse import oci
from ingest.parse.hosted import Hooked
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Pulled, Stream, Unit

ABOUT = re.compile(r"/v2/(.+)/(?:manifests|blobs|tags|referrers)/")
NAMED = 'Name the repositories that you want: repositories = ["team/shop"]'

SEEN = "Check its name, and that the user may pull it"


class Options(ApiOptions):
    """`[source.<name>]` of a registry."""

    user: str = ""
    repositories: list[str] = Field(default_factory=list[str])
    watch: list[str] = Field(default_factory=list[str])
    revisit: int = Field(20, ge=0)


class Registry(ApiSource):
    """Reads one registry."""

    type: ClassVar[str] = "registry"
    title: ClassVar[str] = "Container registry"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream(
            "images", "images by digest with their tags, platforms, labels and attestations",
            ("core.images", "core.image_tags"),
        ),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = ("repository:pull", "registry:catalog (without a list)")
    example: ClassVar[str] = """
[source.images]
type = "registry"
project = "shop"
url = "https://registry.example.org"   # without /v2; Docker Hub: https://registry-1.docker.io
user = "bot"                           # left out: nobody, or the token as it is
token = "env:REGISTRY_TOKEN"
repositories = ["team/shop"]           # all of the catalog if left out; Docker Hub has none
watch = ["main", "release-*"]          # tags whose digest is asked for in every pull
revisit = 20                           # other tags of a repository that are asked about again
"""
    Options: ClassVar[type[ApiOptions]] = Options
    parsers: ClassVar[Mapping[str, Parser]] = oci.PARSERS

    needs: ClassVar[Mapping[str, str]] = {"images": f"pull rights and an open catalog. {NAMED}"}

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = Options(**instance.options)

    def verify(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Tell whether a webhook comes from who knows the secret."""
        return verify(headers, body, secret)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> list[Hooked]:
        """Return the payloads that a webhook tells of."""
        return parse_webhook(headers, body)

    def http(self) -> Http:
        """Return a client that signs in as the registry asks for."""
        from golive_core.http.challenge import ChallengeAuth

        secret = self.secret(self.options.token)
        where = self.instance.name
        return self.client(
            self.options, auth=ChallengeAuth(self.options.user, secret, topic, where=where)
        )

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by one request whether the likeliest tag moved: the one that did so last.

        Without such a tag, whether the first repository has other tags. The rest is for the pull.
        """
        state = State.of(cursor)
        if not state.is_whole:
            return True
        with self.http() as http:
            if found := probe(state):
                name, tag = found
                answer = http.fetch(manifest_request(name, tag, method="HEAD"))
                return digest_of(answer) != state.repositories[name].tags[tag]
            for name, known in sorted(state.repositories.items()):
                answer = http.fetch(tags_request(name))
                return is_unknown(answer) or set(answer.object()["tags"] or ()) != set(known.tags)
            return bool(self.names(http, most=1))

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new; a registry cannot be asked for a window, so one means everything."""
        state = State.of(None if window else cursor)
        revisits = Revisits(self.options.revisit, self.options.watch)
        with self.http() as http:
            yield from Pull(http, state, revisits).run(
                self.names, are_all=not self.options.repositories
            )

    def names(self, http: Http, *, most: int = 0) -> list[str]:
        """Return the repositories to read, sorted; of the catalog the first `most`, 0 for all.

        Raises SourceAuthError where the catalog is closed, as it is at most public registries.
        """
        if self.options.repositories:
            return sorted(set(self.options.repositories))
        first = Request("v2/_catalog", {"n": str(most or PAGE)})
        try:
            pages: Iterable[Answer] = http.pages(first, (lambda _: None) if most else next_link)
            found = [name for page in pages for name in page.object()["repositories"] or ()]
        except SourceAuthError as error:
            raise SourceAuthError(error.what, where=error.where, hint=NAMED) from error
        except (KeyError, TypeError) as error:
            raise SourceDataError(
                f"not a catalog of repositories ({error!r})", where=http.where(first), hint=NAMED
            ) from error
        return sorted({str(name) for name in found})

    def plan(self, payloads: pl.DataFrame) -> Iterable[Unit]:
        """Yield units of about UNIT_BYTES in the order received: what a tag is now comes last."""
        number = (payloads["size_bytes"].cum_sum() // UNIT_BYTES).alias("unit")
        for _, unit in payloads.with_columns(number).group_by("unit", maintain_order=True):
            yield Unit(self.streams[0].name, unit.drop("unit"))

    def check(self) -> Iterator[Finding]:
        """Yield whether the registry answers, lets the user in and shows what is to be read."""
        who = self.options.user or "anonymous"
        yield from self.checked(Request("v2/"), who=who)

    def probes(self, stream: str, http: Http) -> Iterator[Request]:
        """Yield a request for the tags of a named repository, or for the catalog."""
        if not self.options.repositories:
            yield Request("v2/_catalog", {"n": "1"})
        for name in self.names(http, most=1)[:1]:
            yield replace(tags_request(name), params={"n": "1"})

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield the named repositories that are not there or not shown."""
        for name in self.options.repositories:
            request = replace(tags_request(name), params={"n": "1"})
            yield from doctor.hidden(http, f"repository {name}", request, SEEN)


def topic(path: str) -> str:
    """Return the repository that a path is about, which is what a token is good for."""
    found = ABOUT.search(path)
    return found[1] if found else ""


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Tell whether a notification carries the secret, which the registry sends as Authorization.

    In its configuration: `notifications: endpoints: - headers: Authorization: [Bearer <secret>]`.
    """
    named = {name.lower(): value for name, value in headers.items()}
    given = named.get("authorization", "").strip()
    kind, _, value = given.partition(" ")
    token = value.strip() if kind.lower() == "bearer" else given
    return bool(secret) and hmac.compare_digest(token.encode(), secret.encode())


def parse_webhook(headers: Mapping[str, str], body: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """Return the tags that a notification tells of as payloads: they move core.image_tags at once.

    The image itself comes with the next pull: a notification has neither its configuration nor
    its other tags.
    """
    return oci.notified(body)
