"""Walks lists page by page into batches, resuming where an earlier pull stopped.

Each page is one payload, together with what it entails, and the cursor moves with the page. What a
list is, is in `ingest/walk.py`.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace

from golive_core.errors import (
    GoLiveError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import Answer, Http, PagesAhead, Repetition, Request
from golive_core.http.paging import items
from ingest.batch import Batch
from ingest.doctor import SHAPES
from ingest.source import Pulled
from ingest.walk import GONE, Detail, Position, Walk, WalkState

EXPIRED = 410
"""What some servers say of a place in a list that they no longer know."""


class Walking:
    """One pull of one stream."""

    def __init__(self, http: Http, at: Position) -> None:
        self._http, self._at, self._batch = http, at, Batch()
        self._pages = PagesAhead(http)
        self._errors: list[GoLiveError] = []
        self._is_changed = False

    def run(self, walks: Iterator[Walk]) -> Iterator[Pulled]:
        """Yield batches; the first error of a list is raised once the others are walked."""
        asked: set[str] = set()
        try:
            for walk in walks:
                asked.add(walk.name)
                if not walk.is_known:
                    yield from self._walk(walk)
                self._pages.forget()
            for name in self._at.lists.keys() - asked:
                del self._at.lists[name]
        except GoLiveError as error:
            self._errors.append(error)
        if not self._batch.is_empty or self._is_changed:
            yield self._flush()
        if self._errors:
            raise self._errors[0]

    def _walk(self, walk: Walk) -> Iterator[Pulled]:
        state = self._at.lists.setdefault(walk.name, WalkState())
        is_first = state.next is None
        request = first_request(walk, state) if is_first else Request(**(state.next or {}))
        repetition = Repetition()
        while request:
            try:
                answer, following = yield from self._page(walk, state, request)
                if answer and following:
                    repetition.check(answer)
            except (SourceThrottledError, SourceUnreachableError):
                raise
            except GoLiveError as error:
                self._errors.append(error)
                return
            if answer is None and (is_first or not walk.restarts):
                return
            if answer is None:
                state.restart()
                is_first, request = True, first_request(walk, state)
                continue
            if is_first:
                state.validators, is_first = answer.validators, False
            request = following
            yield from self._move(walk, state, request)

    def _move(self, walk: Walk, state: WalkState, request: Request | None) -> Iterator[Pulled]:
        """Note which page comes next, or that there is none."""
        state.next = {"path": request.path, "params": dict(request.params)} if request else None
        if request is None:
            self._finish(walk, state)
        if self._batch.is_full:
            yield self._flush()

    def _page(
        self, walk: Walk, state: WalkState, request: Request
    ) -> Generator[Pulled, None, tuple[Answer | None, Request | None]]:
        """Return a page that was taken and the request for the next; nothing if none is there.

        Raises SourceDataError for a page of another shape than the source reads.
        """
        answer = self._pages.fetch(_accepting(walk, request))
        if answer.is_unchanged or answer.status in walk.request.accepts | GONE:
            return None, None
        try:
            if self._goes_on(walk, state, answer):
                self._pages.expect(_accepting(walk, one) for one in _expected(walk, answer))
            yield from self._take(walk, state, answer)
            ends = walk.stops is not None and walk.stops(answer)
            return answer, None if ends else walk.following(answer)
        except SHAPES as error:
            raise SourceDataError(
                f"not what this list should say ({error!r}): {answer.start()}", where=answer.where,
                hint="Open that address in a browser to see what answers there",
            ) from error  # fmt: skip

    def _goes_on(self, walk: Walk, state: WalkState, answer: Answer) -> bool:
        """Tell whether the walk takes the list whole, so that no page is fetched in vain."""
        ends = walk.stops is not None and (state.mark or self._at.window or walk.stops(answer))
        return not ends

    def _take(self, walk: Walk, state: WalkState, answer: Answer) -> Iterator[Pulled]:
        """Keep a page with its details, unless the last walk had the very same page there."""
        if walk.mark:
            state.new_mark = max(state.new_mark, walk.mark(answer))
        if walk.keys:
            state.new_keys |= walk.keys(answer)
        if not state.knows(walk, answer, len(state.new_pages)):
            yield from self._details(walk.details(answer))
            body = walk.body(answer) if walk.body else answer.body
            self._batch.add(answer.url, body, {"kind": walk.kind, **walk.context})
        state.remember(walk, answer)

    def _details(self, wanted: Iterable[Request]) -> Iterator[Pulled]:
        """Keep what a page entails; a batch that is full before its end moves no cursor."""
        asked = (replace(one, accepts=one.accepts | GONE) for one in wanted)
        for one in self._http.fetch_all(asked):
            if one.status in one.request.accepts:
                continue
            tag: Detail = one.request.tag
            whole = replace(one, body=_whole(self._http, one, tag))
            if tag.kind:
                self._batch.add(one.url, whole.body, {"kind": tag.kind, **tag.context})
            yield from self._details(tag.then(whole))
            if self._batch.is_full:
                yield self._flush()

    def _finish(self, walk: Walk, state: WalkState) -> None:
        gone = {key: known for key, known in state.keys.items() if key not in state.new_keys}
        if gone and walk.keys:
            context = {"kind": f"{walk.kind}.gone", **walk.context}
            self._batch.add(f"{walk.request.path}#gone", json.dumps(gone).encode(), context)
        before = state.to_json()
        state.finish()
        self._is_changed |= before != state.to_json()

    def _flush(self) -> Pulled:
        self._is_changed = False
        return self._batch.flush(self._at.to_json(), self._http.requests)


def first_request(walk: Walk, state: WalkState) -> Request:
    """Return the request for the first page, answered 304 if it is as it was.

    A list of several pages that is walked whole may have changed behind its first page.
    """
    accepts = walk.request.accepts | GONE if walk.may_be_gone else walk.request.accepts
    is_whole = walk.keys is not None and len(state.pages) > 1
    return replace(walk.request, validators={} if is_whole else state.validators, accepts=accepts)


def _accepting(walk: Walk, request: Request) -> Request:
    """Return the request; where the list may begin anew, a forgotten place is an answer."""
    return replace(request, accepts=request.accepts | {EXPIRED}) if walk.restarts else request


def _expected(walk: Walk, answer: Answer) -> Iterator[Request]:
    """Yield the page after this one and those behind it, nothing where the page is odd.

    What is odd is told when the page itself has been kept.
    """
    try:
        following = walk.following(answer)
        if following is not None:
            yield following
            ahead = iter(walk.ahead(answer))
            yield from ahead if next(ahead, None) == following else ()
    except (GoLiveError, *SHAPES):
        return


def _whole(http: Http, first: Answer, tag: Detail) -> bytes:
    """Return the body of a detail; a list of several pages as if it had come on one."""
    request, at = tag.following(first), (tag.at,) if tag.at else ()
    if request is None:
        return first.body
    found = list(items(first, at))
    for page in http.pages(request, tag.following):
        found += items(page, at)
    return json.dumps({tag.at: found} if tag.at else found).encode()
