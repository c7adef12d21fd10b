"""Check runs and statuses of the newest commits and of open pull requests, and deployments.

GitHub lists checks by commit only: two requests each. They are made for commits that are new, and
again for those whose checks go on or have not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from golive_core.http import Answer, Request, next_link
from ingest.api import Detail, Walk, last_page, no_details
from ingest.github.code import EMPTY, committed
from ingest.github.scope import (
    DONE,
    Json,
    Scope,
    age_s,
    entries,
    kept,
    newest,
    next_pages,
    older,
)
from ingest.parse.github import OPEN, STATUS, is_open
from ingest.parse.github_checks import deployment_status, slim

HOUR_S = 3600.0
"""A commit without checks may still get some for so long."""
GIVEN_UP_S = 14 * 86_400.0
"""GitHub itself calls a check stale that has not ended for so long."""
ASKED = (("check-runs", "check_runs"), ("status", "statuses"))
"""What is asked of a commit, and the list in the answer."""


def checks(scope: Scope) -> Iterator[Walk]:
    """Yield the newest commits and the open pull requests, then the commits not done with."""
    if not scope.options.checks:
        return
    yield _newest_commits(scope)
    since = scope.since("checked/pulls")
    pulls = scope.request("pulls", state="open", sort="updated", direction="desc")
    yield Walk(
        scope.name("checked/pulls"), "index", pulls, _further(since), scope.context(),
        details=lambda page: _of_heads(scope, page), mark=newest("updated_at"),
        stops=older(since, "updated_at"),
    )  # fmt: skip
    for path, kind in ASKED:
        for sha, keys in scope.remembered(f"{path}/"):
            yield Walk(
                scope.name(f"{path}/{sha}"), kind, scope.request(f"commits/{sha}/{path}"),
                next_link, scope.context(), mark=_done(kind, keys["at"]), keys=kept(**keys),
                details=no_details, may_be_gone=True,
            )  # fmt: skip


def _newest_commits(scope: Scope) -> Walk:
    since = scope.since("checked/commits")
    request = scope.request("commits", per_page=str(scope.options.checks))
    return Walk(
        scope.name("checked/commits"), "index", replace(request, accepts=EMPTY), _further(since),
        scope.context(), details=lambda page: _of_commits(scope, page, since),
        mark=lambda page: max(map(committed, entries(page)), default=""),
        stops=lambda page: any(committed(one) < since for one in entries(page)),
    )  # fmt: skip


def _further(since: str) -> Callable[[Answer], Request | None]:
    """Return how the list goes on: at the first reading its first page is enough."""
    return next_link if since else last_page


def _of_commits(scope: Scope, page: Answer, since: str) -> Iterator[Request]:
    for one in entries(page):
        if committed(one) >= since:
            yield from _asks(scope, one["sha"], committed(one))


def _of_heads(scope: Scope, page: Answer) -> Iterator[Request]:
    for one in scope.news("checked/pulls", entries(page)):
        yield from _asks(scope, one["head"]["sha"], one["updated_at"])


def _asks(scope: Scope, sha: str, at: str) -> Iterator[Request]:
    for path, kind in ASKED:

        def then(answer: Answer, path: str = path, kind: str = kind) -> Iterator[Request]:
            if not _is_done(answer, kind, at):
                scope.remember(f"{path}/{sha}", at)
            return next_pages(answer)

        request = scope.request(f"commits/{sha}/{path}")
        yield replace(request, tag=Detail(kind, scope.context(), then))


def _done(kind: str, at: str) -> Callable[[Answer], str]:
    return lambda answer: DONE if _is_done(answer, kind, at) else ""


def _is_done(answer: Answer, kind: str, at: str) -> bool:
    """Tell whether the checks of a commit of the time `at` will not change any more."""
    found = entries(answer, kind)
    limit = HOUR_S if not found else GIVEN_UP_S
    goes_on = not found or any(_goes_on(one) for one in found)
    return not goes_on or age_s(answer, at) > limit


def _goes_on(check: Json) -> bool:
    state = check.get("state")
    return STATUS.get(str(state)) in OPEN if state else is_open(check)


def deployments(scope: Scope) -> Iterator[Walk]:
    """Yield deployments with their statuses, then those that go on."""
    yield Walk(
        scope.name("deployments"), "index", scope.request("deployments"), next_link,
        scope.context(), details=lambda page: _of_deployments(scope, page),
        mark=newest("updated_at"), stops=older(scope.since("deployments"), "created_at"),
    )  # fmt: skip
    for number, keys in scope.remembered("deployment/"):
        one: Json = keys["deployment"]
        yield Walk(
            scope.name(f"deployment/{number}"), "deployment",
            scope.request(f"deployments/{number}/statuses"), next_link,
            scope.context(deployment=one), mark=_deployed(one), keys=kept(**keys),
            may_be_gone=True,
        )  # fmt: skip


def _of_deployments(scope: Scope, page: Answer) -> Iterator[Request]:
    for one in scope.news("deployments", entries(page), all_at_first=True):
        told = slim(one)

        def then(answer: Answer, told: Json = told) -> Iterator[Request]:
            if not _deployed(told)(answer):
                scope.remember(f"deployment/{told['id']}", told["created_at"], deployment=told)
            return iter(())

        request = scope.request(f"deployments/{one['id']}/statuses")
        yield replace(request, tag=Detail("deployment", scope.context(deployment=told), then))


def _deployed(one: Json) -> Callable[[Answer], str]:
    """Return the mark of a deployment that has ended, or was given up."""

    def mark(answer: Answer) -> str:
        told = sorted(entries(answer), key=lambda at: at["id"])
        goes_on = deployment_status(told) in OPEN
        return "" if goes_on and age_s(answer, one["created_at"]) <= GIVEN_UP_S else DONE

    return mark
