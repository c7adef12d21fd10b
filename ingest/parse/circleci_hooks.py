"""CircleCI's webhooks to payloads: a workflow or a job that ended.

They do not say which attempt of a workflow ended. One that was made together with its pipeline is
the first; of a re-run only what does not depend on it is told, the rest is left to the next poll.
Of a job it is not told where among the stages of its build it is, so only a deployment comes of it.
"""

from __future__ import annotations

import json
from typing import Any

from ingest.parse.circleci import short, slim
from ingest.parse.hosted import Hooked, event, part
from ingest.parse.rows import instant, seconds

Json = dict[str, Any]
AT_ONCE_S = 30.0
"""A workflow made so soon after its pipeline is no re-run, for which one must have ended before."""


def payloads(body: bytes) -> list[Hooked]:
    """Return contexts and bodies of the payloads that a hook stands for.

    Raises SourceDataError for a body that is no JSON object.
    """
    told = event(body)
    pipeline, workflow = part(told, "pipeline"), part(told, "workflow")
    if not (pipeline and workflow and part(told, "project")):
        return []
    context: Json = {
        "project": short(told["project"]["slug"]), "pipeline": slim(pipeline),
        "workflow": _kept(workflow), "attempt": 1 if _is_first(pipeline, workflow) else 0,
    }  # fmt: skip
    if told.get("type") == "workflow-completed" and context["attempt"]:
        flow = {"kind": "workflows", "project": context["project"]}
        return [(flow, _list(workflow)), ({"kind": "jobs", **context}, _list())]
    if told.get("type") == "job-completed" and told.get("job"):
        return [({"kind": "jobs", **context, "attempt": 0}, _list(told["job"]))]
    return []


def _list(*found: Json) -> bytes:
    return json.dumps({"items": found}).encode()


def _kept(workflow: Json) -> Json:
    return {
        name: workflow.get(name) for name in ("id", "name", "status", "created_at", "stopped_at")
    }


def _is_first(pipeline: Json, workflow: Json) -> bool:
    apart = seconds(instant(pipeline.get("created_at")), instant(workflow.get("created_at")))
    return apart is not None and apart <= AT_ONCE_S
