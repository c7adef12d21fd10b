"""What `golive doctor` says of a Jenkins: whom does it answer, with which jobs, state and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from golive_core.errors import SourceAuthError, SourceDataError
from golive_core.http import Answer, Http, Request
from ingest.clock import clock
from ingest.doctor import quota
from ingest.jenkins.walk import GONE
from ingest.parse import jenkins_jobs
from ingest.source import Finding


def findings(
    http: Http, depth: int, is_wanted: Callable[[str], bool], *, has_token: bool
) -> Iterator[Finding]:
    """Yield the findings; raises SourceError where the server does not answer as it should."""
    http.limits.may_use_reserve = True
    answer = http.fetch(Request("api/json", {"tree": jenkins_jobs.tree(depth)}))
    yield _reachable(answer)
    yield _authorised(http, has_token=has_token)
    found = [job.name for job in jenkins_jobs.jobs(answer.object())]
    yield _visible(len(found), sum(map(is_wanted, found)))
    yield clock(answer, datetime.now(UTC))
    yield quota(http)


def state_findings(http: Http, *, runners: bool, queue: bool) -> Iterator[Finding]:
    """Yield whether runners and queue can be read, as far as they are wanted."""
    if runners:
        yield _readable(http, "runners", "computer", "computer")
    if queue:
        yield _readable(http, "queue", "queue", "items")


def _readable(http: Http, option: str, page: str, name: str) -> Finding:
    try:
        told = http.get_object(f"{page}/api/json", tree=f"{name}[_class]")
    except (SourceAuthError, SourceDataError) as error:
        hint = f"Give the user Overall/Read, or say {option} = false"
        return Finding(option, "warning", f"cannot be read: {error.what}", hint)
    return Finding(option, "ok", f"{len(told.get(name) or ())} seen")


def _reachable(answer: Answer) -> Finding:
    version = answer.headers.get("x-jenkins", "")
    if version:
        return Finding("reachable", "ok", f"Jenkins {version}")
    return Finding(
        "reachable", "warning", "an answer without the X-Jenkins header",
        "Check that the url is the root of the Jenkins",
    )  # fmt: skip


def _authorised(http: Http, *, has_token: bool) -> Finding:
    me = http.fetch(Request("me/api/json", {"tree": "id"}, accepts=GONE | {403}))
    name = "" if me.status in me.request.accepts else me.object().get("id", "")
    if name and name != "anonymous":
        return Finding("authorised", "ok", f"as {name}")
    if not has_token:
        return Finding("authorised", "ok", "anonymously")
    hint = "The server does not look at the token: check user and token"
    return Finding("authorised", "warning", "anonymously", hint)


def _visible(found: int, wanted: int) -> Finding:
    told = f"{wanted} of {found} visible jobs"
    if wanted:
        return Finding("jobs", "ok", told)
    hint = "Give the user Job/Read, and look at include and exclude"
    return Finding("jobs", "warning", told, hint)


def crumb(http: Http) -> dict[str, str]:
    """Return the header that a POST needs in a session; empty where the server asks for none.

    API tokens are exempt and no GET needs it; it is here for servers behind odd proxies.
    """
    answer = http.fetch(Request("crumbIssuer/api/json", accepts=GONE))
    if answer.status in GONE:
        return {}
    told = answer.object()
    return {told["crumbRequestField"]: told["crumb"]}
