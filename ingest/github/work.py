"""Lists of issues, milestones and accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

from golive_core.http import Answer, Request, next_link
from ingest.api import Detail, Walk
from ingest.github.scope import Json, Scope, entries, newest, older

OFF = frozenset({410})
"""What GitHub says where the issues of a repository are switched off."""
NONE = frozenset({204})
"""What GitHub says where a repository has no contributors yet."""


def issues(scope: Scope) -> Iterator[Walk]:
    """Yield issues, the last changed first, then milestones."""
    request = scope.request("issues", state="all", sort="updated", direction="desc")
    yield Walk(
        scope.name("issues"), "issues", replace(request, accepts=OFF), next_link, scope.context(),
        mark=newest("updated_at"), stops=older(scope.since("issues"), "updated_at"),
    )  # fmt: skip
    request = replace(scope.request("milestones", state="all"), accepts=OFF)
    yield Walk(scope.name("milestones"), "milestones", request, next_link, scope.context())


def accounts(scope: Scope) -> Iterator[Walk]:
    """Yield who may work on the repository and who did, each asked for once by login."""
    for path in ("assignees", "contributors"):
        request = replace(scope.request(path), accepts=NONE)
        yield Walk(
            scope.name(path), "members", request, next_link, scope.context(),
            details=_unknown(scope), keys=logins,
        )  # fmt: skip


def logins(page: Answer) -> Json:
    """Return the logins of a page."""
    return {one["login"]: one["id"] for one in entries(page) if one.get("login")}


def _unknown(scope: Scope) -> Callable[[Answer], Iterator[Request]]:
    """Return requests for the accounts that no finished list of the cursor knows."""

    def details(page: Answer) -> Iterator[Request]:
        known = {login for state in scope.at.lists.values() for login in state.keys}
        for login in sorted(logins(page).keys() - known):
            tag = Detail("account", scope.context())
            yield Request(f"users/{quote(login, safe='')}", tag=tag)

    return details
