"""What `golive doctor` says of any server: may it be asked, by whom, how often, and when is it.

A source asks for it by `ApiSource.checked`; what its token needs for each stream it declares as
`needs`. What only one system can tell (its permissions, its projects) is the source's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from golive_core.errors import SourceAuthError, SourceError, SourceThrottledError
from golive_core.http import Answer, Http, Request
from golive_core.http.limits import GO_ON, Limits
from ingest.source import Finding, Stream

REFUSED = frozenset({401, 403})
SHAPES = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading an answer raises that is JSON of another shape than a source reads."""
WANTED = ("x-accepted-github-permissions", "x-accepted-oauth-scopes")
"""Headers in which GitHub and Bitbucket name what a token would need."""
GIVEN = "x-oauth-scopes"
"""Header in which they name what it has."""
EXPIRES_HEADER = "github-authentication-token-expiration"
EXPIRES_DAYS = 14
"""A token that ends sooner is warned of."""
LESS = "Use a token of its own, a longer schedule, or read less"


def failed(error: SourceError) -> Finding:
    """Return what an error says of the server; a pause is none of its faults."""
    if isinstance(error, SourceThrottledError):
        return Finding("quota", "warning", error.what, error.hint)
    name = "authorised" if isinstance(error, SourceAuthError) else "reachable"
    return Finding(name, "failed", f"{error.where}: {error.what}", error.hint)


def quota(http: Http) -> Finding:
    """Tell what is left of what the server lets us ask, as its answers said."""
    return quota_of(http.limits)


def quota_of(limits: Limits) -> Finding:
    """Tell what is left of what a server lets us ask."""
    now, known = time.time(), limits.known
    shown = known.shown(now) or "the server tells of no limit"
    if known.hold(now):
        return Finding("quota", "warning", shown, f"{GO_ON}. {LESS}")
    if any(one.is_low(now) for one in known.quotas.values()):
        return Finding("quota", "warning", shown, LESS)
    return Finding("quota", "ok", shown)


def scopes(
    http: Http,
    streams: Iterable[Stream],
    probes: Callable[[str, Http], Iterator[Request]],
    needs: Mapping[str, str],
) -> Iterator[Finding]:
    """Ask for the first page of each kind of list and tell what may not be read, stream by stream.

    Probing is the one way that fits every token: fine-grained ones do not tell what they may. It
    ends where the server wants rest, which `quota` tells.
    """
    readable: list[str] = []
    token = ""
    for stream in streams:
        answers: list[Answer] = []
        try:
            wrong = _probed(http, stream.name, probes(stream.name, http), needs, answers)
        except SourceThrottledError:
            break
        token = next((one.headers[GIVEN] for one in answers if GIVEN in one.headers), token)
        if wrong:
            yield wrong
        elif answers:
            readable.append(stream.name)
    if readable:
        told = f" (the token has {token})" if token else ""
        yield Finding("scopes", "ok", f"{', '.join(readable)} can be read{told}")


def _probed(
    http: Http, stream: str, requests: Iterator[Request], needs: Mapping[str, str],
    answers: list[Answer],
) -> Finding | None:  # fmt: skip
    """Return what is wrong with a stream, if anything is; add what was answered.

    Raises SourceThrottledError.
    """
    try:
        for request in requests:
            answer = http.fetch(replace(request, accepts=request.accepts | REFUSED))
            answers.append(answer)
            wrong = _refused(answer, request, stream, needs)
            if wrong:
                return wrong
    except SourceThrottledError:
        raise
    except SourceError as error:
        return Finding("scopes", "failed", f"{stream}: {error.what}", error.hint)
    except SHAPES as error:
        what = f"{stream}: not what this list should say ({error!r})"
        return Finding("scopes", "failed", what, "Check that the url is that of the API")
    return None


def _refused(
    answer: Answer, request: Request, stream: str, needs: Mapping[str, str]
) -> Finding | None:
    if answer.status not in REFUSED or answer.status in request.accepts:
        answer.checked()
        return None
    named = (answer.headers.get(name, "") for name in WANTED)
    scope = needs.get(stream) or next(filter(None, named), "") or "read access to it"
    told = "" if answer.is_html() else f": {answer.start()}"
    return Finding(
        "scopes", "failed", f"{stream}: HTTP {answer.status} for {answer.url}{told}",
        f"The token needs {scope}; until then {stream} is not read, all else is",
    )  # fmt: skip


def guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings; an error among them is one too, and ends them."""
    try:
        yield from findings
    except SourceThrottledError:
        return
    except SourceError as error:
        yield Finding("scopes", "failed", f"{error.where}: {error.what}", error.hint)
    except SHAPES as error:
        hint = "Check that the url is that of the API"
        yield Finding("scopes", "failed", f"not what it should say ({error!r})", hint)


def hidden(http: Http, what: str, request: Request, hint: str) -> Iterator[Finding]:
    """Yield a finding if a configured thing is not there or not shown, which servers tell alike."""
    answer = http.fetch(replace(request, accepts=request.accepts | REFUSED | {404}))
    if answer.status in REFUSED | {404}:
        detail = f"{what}: HTTP {answer.status}, not there or hidden from this token"
        yield Finding("scopes", "failed", detail, hint)


def told(http: Http, path: str, **params: str) -> Mapping[str, Any] | None:
    """Return the JSON object at a path, None where the server has none or hides it."""
    answer = http.fetch(Request(path, params, accepts=REFUSED | {400, 404}))
    return None if answer.status in answer.request.accepts else answer.object()


def expiry(text: str) -> Iterator[Finding]:
    """Yield when a token ends, if that is told: a date, or a time as GitHub writes it."""
    try:
        ends = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    except ValueError:
        return
    days = ((ends if ends.tzinfo else ends.replace(tzinfo=UTC)) - datetime.now(UTC)).days
    state = "ok" if days >= EXPIRES_DAYS else "warning"
    yield Finding("token", state, f"expires in {days} days", "Make a new token before it ends")
