"""Lists of what is wrong just now, as a walk: what is not on the next one is over.

Such lists have no pages, no times of change and numbers that differ each time. One is kept as a
payload only if an entry has come, gone or changed its status; the time of the pull goes with it,
since nobody tells when something ended that is not shown any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from golive_core.http import Answer, Request
from ingest.api import Walk, digest, last_page
from ingest.parse.alerts import Row


def listed(
    name: str, kind: str, request: Request, rows: Callable[[Answer], Mapping[str, Row]],
    **context: Any,  # noqa: ANN401 - JSON
) -> Walk:  # fmt: skip
    """Return the walk of a list whose answers mean `rows` by key, told to `<kind>.gone` later."""

    def state(answer: Answer) -> Mapping[str, str]:
        found = sorted((key, row["status"]) for key, row in rows(answer).items())
        return {"all": digest(json.dumps(found).encode())}

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Walk(name, kind, request, last_page, {"at": now, **context}, keys=rows, versions=state)
