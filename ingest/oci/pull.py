"""One pull of a registry: repositories, their tags, the digests of some, payloads of what is new.

A repository costs its list of tags. Tags that are new are asked about, and of the known ones those
that `tags.revisits` chooses: a registry tells nowhere cheaply which tags were set again. So what a
rarely moved tag points to is late by as many pulls as its turn takes; a pull without cursor asks
about all. A repository is worked off in chunks of tags, and the cursor moves with each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from golive_core.errors import (
    GoLiveError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import Answer, Http, Request, next_link
from golive_core.http.client import Outcome
from ingest.api import SHAPES
from ingest.batch import Batch
from ingest.oci.images import MISSING, Fetched, Images, digest_of
from ingest.oci.state import Json, Repository, State
from ingest.oci.tags import is_moving, is_signature, signatures, subject
from ingest.parse.oci import facts
from ingest.source import Pulled

PAGE = 1000
"""Entries of a list that are asked for at once; registries give fewer if they like."""
CHUNK = 64
"""Tags that are worked off between two moves of the cursor."""
UNKNOWN = "NAME_UNKNOWN"
"""What a registry answers to a repository that it does not have (any more)."""
Names = Callable[[Http], list[str]]


def tags_request(name: str, validators: dict[str, str] | None = None) -> Request:
    """Return the request for the first tags of a repository."""
    return Request(
        f"v2/{name}/tags/list", {"n": str(PAGE)}, accepts=MISSING, validators=validators or {},
        tag=name,
    )  # fmt: skip


def is_unknown(answer: Answer) -> bool:
    """Tell whether the registry says that there is no such repository.

    Raises SourceDataError for a 404 that says something else: that is no registry.
    """
    if answer.status not in MISSING:
        return False
    if UNKNOWN not in answer.start():
        raise SourceDataError(
            f"404 from something that does not answer as a registry does: {answer.start()}",
            where=answer.where, hint="Check the url: it is that of the registry, without /v2",
        )  # fmt: skip
    return True


def probe(state: State) -> tuple[str, str] | None:
    """Return repository and tag that are the likeliest to have changed, if any tag is known."""
    order = sorted(state.repositories, key=lambda name: (name != state.hot, name))
    for name in order:
        one = state.repositories[name]
        moving = [tag for tag in one.tags if is_moving(tag) and one.tags[tag]]
        for tag in (*reversed(one.moved), *sorted(moving)):
            if tag in one.tags:
                return name, tag
    return None


def misshapen(path: str, http: Http, error: Exception) -> SourceDataError:
    """Return the error for an answer of another shape than a registry's."""
    return SourceDataError(
        f"not what a registry should say ({error!r})", where=http.where(Request(path)),
        hint="Open that address in a browser to see what answers there",
    )  # fmt: skip


@dataclass(slots=True)
class Work:
    """What is done to one repository: the tags that are there, and when the server said so."""

    name: str
    known: Repository
    listed: set[str]
    signed: dict[str, int]
    affected: set[str] = field(default_factory=set[str])
    gone: dict[str, str] = field(default_factory=dict[str, str])
    seen_at: str | None = None


class Pull:
    """One pull; `revisit` chooses, of known tags and of those that moved, what to ask again."""

    def __init__(
        self, http: Http, state: State, revisit: Callable[[Collection[str], list[str]], list[str]]
    ) -> None:
        self._http, self._state, self._revisit = http, state, revisit
        self._errors: list[GoLiveError] = []
        self._images, self._batch = Images(http, state, self._errors), Batch()
        self._is_changed = False

    def run(self, names: Names, *, are_all: bool) -> Iterator[Pulled]:
        """Yield what is new; a repository that cannot be read stops no other.

        With `are_all` a repository that is not named any more is gone, else it is forgotten.
        """
        known = self._state.repositories
        wanted = names(self._http)
        missing = sorted(known.keys() - set(wanted))
        for name in missing if are_all else ():
            yield from self._repository(Work(name, known[name], set(), {}))
        for name in missing:
            del known[name]
            self._is_changed = True
        requests = (tags_request(name, self._validators(name)) for name in wanted)
        for outcome in self._http.outcomes(requests):
            yield from self._guarded(outcome)
        if not self._state.is_whole:
            self._state.is_whole = self._is_changed = True
        if not self._batch.is_empty or self._is_changed:
            yield self._flush()
        if self._errors:
            raise self._errors[0]

    def _validators(self, name: str) -> dict[str, str]:
        known = self._state.repositories.get(name)
        return known.validators if known else {}

    def _guarded(self, outcome: Outcome) -> Iterator[Pulled]:
        try:
            if outcome.error:
                raise outcome.error
            yield from self._listed(cast("Answer", outcome.answer))
        except (SourceThrottledError, SourceUnreachableError):
            if not self._batch.is_empty:
                yield self._flush()
            raise
        except GoLiveError as error:
            self._errors.append(error)
        except SHAPES as error:
            self._errors.append(misshapen(outcome.request.path, self._http, error))

    def _listed(self, first: Answer) -> Iterator[Pulled]:
        """Work off a repository from the first page of its tags on."""
        name: str = first.request.tag
        known = self._state.repositories.setdefault(name, Repository())
        if first.is_unchanged:
            listed = set(known.tags)
        else:
            listed = set[str]() if is_unknown(first) else self._tags(first)
        work = Work(name, known, listed, signatures(listed))
        if self._state.is_whole and first.server_time:
            work.seen_at = first.server_time.isoformat()
        yield from self._repository(work)
        is_whole = not next_link(first) and listed <= known.tags.keys()
        validators = first.validators if is_whole else {}
        if not first.is_unchanged and known.validators != validators:
            known.validators, self._is_changed = validators, True

    def _tags(self, first: Answer) -> set[str]:
        """Return all tags; registries write null for none."""
        pages = [first]
        if following := next_link(first):
            pages += self._http.pages(following, next_link)
        return {tag for page in pages for tag in page.object()["tags"] or ()}

    def _repository(self, work: Work) -> Iterator[Pulled]:
        asked = self._asked(work)
        for start in range(0, len(asked) or 1, CHUNK):
            self._step(work, asked[start : start + CHUNK], is_first=not start)
            if self._batch.is_full:
                yield self._flush()

    def _step(self, work: Work, tags: list[str], *, is_first: bool) -> None:
        """Take a chunk of tags whole, or leave what is known as it was."""
        before = work.known.copy()
        try:
            if is_first:
                self._notice(work)
            self._ask(work, tags)
            self._emit(work)
        except BaseException:
            work.known.become(before)
            raise

    def _asked(self, work: Work) -> list[str]:
        """Return the tags to ask about, images before lists of what refers to them."""
        known = work.known.tags
        new = [tag for tag in work.listed if tag not in known and not is_signature(tag)]
        there = [tag for tag in known if known[tag] and tag in work.listed]
        again = self._revisit(there, work.known.moved)
        return sorted([*new, *again], key=lambda tag: (subject(tag) is not None, tag))

    def _notice(self, work: Work) -> None:
        """Take what the list alone tells: tags that are gone, signatures that came or went."""
        known = work.known
        for tag in known.tags.keys() - work.listed:
            self._drop(work, tag)
        for tag in work.listed - known.tags.keys():
            if is_signature(tag):
                known.tags[tag] = ""
                self._refer(work, tag)
                self._is_changed = True

    def _drop(self, work: Work, tag: str) -> None:
        """Take a tag away; it is told with the image that it pointed to last."""
        digest = work.known.tags.pop(tag)
        self._is_changed = True
        if found := subject(tag):
            image = work.known.images.get(found[0])
            if image and not found[1]:
                image["referrers"] = 0
            self._refer(work, tag)
        elif digest in work.known.images:
            work.gone[tag] = digest
            work.affected.add(digest)

    def _refer(self, work: Work, tag: str) -> None:
        """Note that what refers to an image changed, if it is one with a tag."""
        found = subject(tag)
        if found and found[0] in work.known.images:
            work.affected.add(found[0])

    def _ask(self, work: Work, tags: list[str]) -> None:
        """Find out where tags point to, and what refers to the images of those known."""
        known, same = work.known, list[str]()
        for tag, answer in self._images.digests(work.name, tags):
            digest = "" if answer.status in MISSING else digest_of(answer)
            if not digest:
                if tag in known.tags:
                    self._drop(work, tag)
            elif digest == known.tags.get(tag):
                same.append(digest)
            else:
                self._move(work, tag, digest)
        counts = self._images.referrers(work.name, [one for one in same if one in known.images])
        for digest, count in counts:
            self._referred(work, digest, count)

    def _move(self, work: Work, tag: str, digest: str) -> None:
        known, before = work.known, work.known.tags.get(tag)
        known.move(tag, digest)
        self._is_changed = True
        if found := subject(tag):
            if found[0] in known.images:
                self._referred(work, found[0], self._images.listed(work.name, tag))
            return
        work.affected |= {digest, before} if before else {digest}
        if before:
            self._state.hot = work.name

    def _referred(self, work: Work, digest: str, count: int) -> None:
        image = work.known.images[digest]
        if image["referrers"] != count:
            image["referrers"] = count
            work.affected.add(digest)
            self._is_changed = True

    def _emit(self, work: Work) -> None:
        """Make a payload of each image whose tags or referrers changed."""
        known = work.known
        tags: dict[str, list[str]] = {digest: [] for digest in work.affected}
        for tag, digest in known.tags.items():
            if digest in tags and not subject(tag):
                tags[digest].append(tag)
        new = sorted(one for one, found in tags.items() if found and one not in known.images)
        for fetched in self._images.fetch(work.name, new):
            try:
                known.images[fetched.digest] = self._image(work, fetched)
            except (*SHAPES, SourceDataError) as error:
                self._errors.append(misshapen(fetched.url, self._http, error))
                continue
            self._add(work, fetched.digest, fetched.body, tags[fetched.digest])
        for digest in sorted(work.affected - set(new)):
            if digest in known.images:
                self._add(work, digest, {"facts": known.images[digest]["facts"]}, tags[digest])
            if not tags[digest]:
                known.images.pop(digest, None)
        self._forget(known, [one for one in new if one not in known.images])
        work.affected.clear()
        work.gone.clear()

    def _image(self, work: Work, fetched: Fetched) -> Json:
        referrers = fetched.referrers
        index = fetched.digest.replace(":", "-", 1)
        if not referrers and index in work.listed:
            referrers = self._images.listed(work.name, index)
        return {
            "facts": facts(fetched.body, fetched.media_type), "referrers": referrers,
            "seen_at": work.seen_at,
        }  # fmt: skip

    def _add(self, work: Work, digest: str, body: Json, tags: list[str]) -> None:
        image = work.known.images[digest]
        context = {
            "kind": "image", "name": work.name, "digest": digest,
            "media_type": image["facts"]["media_type"], "tags": sorted(tags),
            "gone": sorted(tag for tag, last in work.gone.items() if last == digest),
            "signatures": work.signed.get(digest, 0), "referrers": image["referrers"],
            "seen_at": image["seen_at"],
        }  # fmt: skip
        uri = f"{self._http.endpoint.url}/v2/{work.name}/manifests/{digest}"
        self._batch.add(uri, json.dumps(body).encode(), context)

    def _forget(self, known: Repository, digests: Iterable[str]) -> None:
        """Ask about tags again the next time whose manifest was gone before it could be read."""
        lost = set(digests)
        for tag in [tag for tag, digest in known.tags.items() if digest in lost]:
            del known.tags[tag]

    def _flush(self) -> Pulled:
        self._is_changed = False
        return self._batch.flush(self._state.to_json(), self._http.requests)
