"""Objects of the Kubernetes API to core rows: rollouts, failures of pods and jobs, events. Pure.

A rollout is one revision of a deployment, which a replica set stands for. What failed is an alert
and not an incident: Kubernetes tells states of single containers; whether a service is degraded is
for an alert manager or a person to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from golive_core.ids import content_id
from ingest.parse.environments import environment_kind
from ingest.parse.logs_entry import attributes
from ingest.parse.logs_store import line_frame
from ingest.parse.rows import frame, instant, seconds
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
FORMER = "deployment.kubernetes.io/revision-history"
COMMITS = (
    "org.opencontainers.image.revision", "app.kubernetes.io/commit", "git-commit", "git-sha",
    "git.commit", "commit", "commit-sha", "vcs-ref", "revision",
)  # fmt: skip
"""Annotations and labels that name a commit."""
SHA = re.compile(r"[0-9a-f]{7,64}")
SERVICES = ("app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/instance")
PULLS = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull")
WAITS = ("CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError",
         "RunContainerError")  # fmt: skip
OUT_OF_MEMORY = "OOMKilled"


def part(one: Mapping[str, Any], *path: str) -> Json:
    """Return the object at a path inside of another, empty where none is."""
    for name in path:
        one = cast("Json", one.get(name) or {})
    return cast("Json", one)


def several(one: Mapping[str, Any], *path: str) -> list[Json]:
    """Return the list of objects at a path, empty where none is."""
    *before, last = path
    return cast("list[Json]", part(one, *before).get(last) or [])


def meta(one: Mapping[str, Any]) -> Json:
    """Return the metadata of an object."""
    return part(one, "metadata")


def revision(one: Mapping[str, Any]) -> int:
    """Return the revision of a deployment or replica set, 0 for none."""
    return int(part(one, "metadata", "annotations").get(REVISION) or 0)


def conditions(one: Mapping[str, Any]) -> dict[str, Json]:
    """Return the conditions of an object by type."""
    return {str(found.get("type")): found for found in several(one, "status", "conditions")}


def outcome(deployment: Json) -> tuple[str, str | None]:
    """Return status and end of the rollout that a deployment is at.

    `kubectl rollout status` decides likewise: by Progressing, the generation and the replicas.
    """
    status, found = part(deployment, "status"), conditions(deployment)
    progress = found.get("Progressing", {})
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return "failed", progress.get("lastUpdateTime") or progress.get("lastTransitionTime")
    if found.get("ReplicaFailure", {}).get("status") == "True":
        return "failed", found["ReplicaFailure"].get("lastTransitionTime")
    wanted = int(part(deployment, "spec").get("replicas", 1) or 0)
    counts = [int(status.get(name) or 0) for name in ("updatedReplicas", "availableReplicas")]
    is_seen = status.get("observedGeneration", 0) >= meta(deployment).get("generation", 0)
    is_alone = int(status.get("replicas") or 0) == counts[0]
    if not (is_seen and is_alone and min(counts) >= wanted):
        return "running", None
    available = found.get("Available", {})
    return "passed", progress.get("lastUpdateTime") or available.get("lastTransitionTime")


def summary(deployment: Json) -> Json:
    """Return what the rows of its rollouts need of a deployment."""
    status, ended = outcome(deployment)
    return {
        "name": meta(deployment)["name"], "revision": revision(deployment), "status": status,
        "ended": ended, "labels": meta(deployment).get("labels") or {},
        "moved": conditions(deployment).get("Progressing", {}).get("lastUpdateTime"),
    }  # fmt: skip


def rollouts(payload: Payload) -> Tables:
    """Return the rollouts that are new or under way; the context has the deployments by uid.

    How a revision ended that was replaced before it was looked at, Kubernetes does not keep.
    """
    known: dict[str, Json] = payload.context["deployments"]
    rows = [
        _rollout(payload, one, known[uid], uid)
        for one in payload.objects("items")
        for uid in _owners(one)
        if uid in known and _is_due(revision(one), known[uid])
    ]
    return {"core.deployments": frame("core.deployments", rows)}


def _is_due(number: int, deployment: Json) -> bool:
    before: Json = deployment.get("before") or {}
    is_open = number == before.get("revision") and not before.get("is_over")
    return number > 0 and (
        number == deployment["revision"] or number > before.get("revision", 0) or is_open
    )


def _rollout(payload: Payload, one: Json, deployment: Json, uid: str) -> Json:
    number, namespace = revision(one), str(meta(one)["namespace"])
    is_current = number == deployment["revision"]
    image = _image(one)
    queued = instant(_queued(one, deployment))
    ended = instant(deployment["ended"]) if is_current else None
    return {
        "deployment_id": f"{payload.instance.name}:{uid}@{number}",
        "project_id": payload.instance.project_id, "source": "kubernetes",
        "service": deployment["name"], "environment": namespace,
        "environment_kind": environment_kind(namespace),
        "status": deployment["status"] if is_current else None,
        "commit_sha": commit(one, deployment, image, str(payload.context.get("label") or "")),
        "branch": _tag(image), "queued_at": queued, "started_at": queued, "finished_at": ended,
        "duration_s": seconds(queued, ended),
    }  # fmt: skip


def _queued(one: Json, deployment: Json) -> str:
    """Return when the revision began; a set that is used again is older than its revision."""
    created = str(meta(one)["creationTimestamp"])
    if not part(one, "metadata", "annotations").get(FORMER):
        return created
    before: Json = deployment.get("before") or {}
    if revision(one) == before.get("revision"):
        return str(before["queued_at"])
    is_current = revision(one) == deployment["revision"]
    return str(deployment["moved"]) if is_current and deployment.get("moved") else created


def commit(one: Json, deployment: Json, image: str, label: str) -> str | None:
    """Return the commit that annotations, labels or the tag of the image name."""
    template = part(one, "spec", "template", "metadata")
    told: dict[str, str] = dict(deployment["labels"])
    for place in (meta(one), template):
        told |= part(place, "labels") | part(place, "annotations")
    found = [told.get(name, "") for name in (label, *COMMITS)] + [_tag(image) or ""]
    return next((value for value in found if SHA.fullmatch(value)), None)


def _image(one: Json) -> str:
    containers = several(one, "spec", "template", "spec", "containers")
    return str(containers[0].get("image") or "") if containers else ""


def _tag(image: str) -> str | None:
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or None


def _owners(one: Json) -> list[str]:
    return [str(owner.get("uid")) for owner in several(one, "metadata", "ownerReferences")]


def trouble(one: Json) -> Iterator[Json]:
    """Yield what is wrong with a pod or job: `key`, name, summary, start and what it concerns."""
    is_job = "backoffLimit" in part(one, "spec")
    found = _job_trouble(one) if is_job else _pod_trouble(one)
    labels = {"namespace": meta(one).get("namespace"), "object": meta(one)["name"]}
    for container, name, text, started in found:
        yield {
            "key": f"{meta(one)['uid']}/{container}/{name}", "name": name, "summary": text,
            "started_at": started or meta(one)["creationTimestamp"], "service": service(one),
            "labels": labels | ({"container": container} if container else {}),
        }  # fmt: skip


Trouble = tuple[str, str, str, str | None]
"""Container, name, what is said of it and since when."""


def _job_trouble(job: Json) -> Iterator[Trouble]:
    failed = conditions(job).get("Failed", {})
    if failed.get("status") == "True":
        yield "", "JobFailed", _text(failed), failed.get("lastTransitionTime")


def _pod_trouble(pod: Json) -> Iterator[Trouble]:
    status, scheduled = part(pod, "status"), conditions(pod).get("PodScheduled", {})
    owners = several(pod, "metadata", "ownerReferences")
    is_evicted = status.get("reason") == "Evicted"
    if status.get("phase") == "Failed" and (is_evicted or not _is_of_job(owners)):
        name = "Evicted" if is_evicted else "PodFailed"
        yield "", name, _text(status), status.get("startTime")
    if scheduled.get("reason") == "Unschedulable":
        yield "", "Unschedulable", _text(scheduled), scheduled.get("lastTransitionTime")
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in several(status, key):
            yield from _container_trouble(container, status.get("startTime"))


def _is_of_job(owners: list[Json]) -> bool:
    return any(owner.get("kind") == "Job" for owner in owners)


def _container_trouble(container: Json, began: str | None) -> Iterator[Trouble]:
    waiting, last = part(container, "state", "waiting"), part(container, "lastState", "terminated")
    reason, name = waiting.get("reason"), str(container.get("name"))
    if reason in PULLS:
        yield name, "ImagePullBackOff", f"{container.get('image')}: {_text(waiting)}", began
    elif reason in WAITS:
        word = OUT_OF_MEMORY if last.get("reason") == OUT_OF_MEMORY else str(reason)
        told = f"{_ended(container, last)}: " if last else ""
        yield name, word, told + _text(waiting), last.get("finishedAt") or began
    else:
        yield from _killed(container, last)


def _killed(container: Json, last: Json) -> Iterator[Trouble]:
    """Yield that a container was killed for its memory and is not ready since."""
    for ended in (part(container, "state", "terminated"), last):
        if ended.get("reason") == OUT_OF_MEMORY and not container.get("ready"):
            text = _ended(container, ended)
            yield str(container.get("name")), OUT_OF_MEMORY, text, ended.get("finishedAt")
            return


def _ended(container: Json, ended: Json) -> str:
    return f"exit code {ended.get('exitCode')}, {container.get('restartCount')} restarts"


def running_since(pod: Json, key: str) -> str | None:
    """Return since when the container of an alert runs, None if it does not."""
    _, name, _ = key.split("/", 2)
    for container in several(pod, "status", "containerStatuses"):
        if container.get("name") == name:
            return part(container, "state", "running").get("startedAt")
    return None


def service(one: Json) -> str:
    """Return the service that an object belongs to, by its labels or its owner."""
    labels: dict[str, str] = part(one, "metadata", "labels")
    owners = several(one, "metadata", "ownerReferences")
    named = next((labels[name] for name in SERVICES if labels.get(name)), None)
    return named or str((owners[0] if owners else meta(one)).get("name"))


def _text(found: Mapping[str, Any]) -> str:
    return ": ".join(str(found[name]) for name in ("reason", "message") if found.get(name))


def failures(payload: Payload) -> Tables:
    """Return an alert for what is wrong now; the context knows since when it is."""
    began: dict[str, str] = payload.context["firing"]
    rows = [
        _alert(payload, found | {"started_at": began.get(found["key"], found["started_at"])})
        for one in payload.objects("items")
        for found in trouble(one)
    ]
    return {"core.alerts": frame("core.alerts", rows)}


def recovered(payload: Payload) -> Tables:
    """Return the alerts that are over: the container runs, or the pod is not there any more."""
    seen = payload.context["seen_at"]
    rows = [
        _alert(payload, found)
        | {"status": "resolved", "resolved_at": found.get("running_since") or seen}
        for found in payload.object().values()
    ]
    return {"core.alerts": frame("core.alerts", rows)}


def _alert(payload: Payload, found: Json) -> Json:
    return {
        "alert_id": f"{payload.instance.name}:{found['key']}@{found['started_at']}",
        "project_id": payload.instance.project_id, "source": "kubernetes",
        "instance": payload.instance.name, "name": found["name"], "service": found["service"],
        "severity": "warning", "status": "firing", "summary": found["summary"],
        "labels": json.dumps(found["labels"], sort_keys=True),
        "started_at": found["started_at"],
    }  # fmt: skip


def events(payload: Payload) -> Tables:
    """Return events as log lines: one for each time that an event was counted up."""
    rows = (_event(one) for one in payload.objects("items"))
    return {"core.log_lines": line_frame(payload, rows)}


def _event(one: Json) -> Json:
    about = part(one, "involvedObject") or part(one, "regarding")
    series, place = part(one, "series"), part(one, "source")
    times = (series.get("lastObservedTime"), one.get("lastTimestamp"), one.get("eventTime"))
    at = next((time for time in times if time), meta(one)["creationTimestamp"])
    count = series.get("count") or one.get("count") or 1
    kind = str(about.get("kind") or "object").lower()
    space = about.get("namespace") or meta(one).get("namespace")
    more = {"reason": one.get("reason"), "count": count, "kind": kind,
            "component": place.get("component") or one.get("reportingComponent")}  # fmt: skip
    return {
        "at": at, "level": "warning" if one.get("type") == "Warning" else "info",
        "service": f"{space}/{kind}/{about.get('name')}",
        "line": content_id(str(meta(one)["uid"]), str(count), str(at)),
        "message": f"{one.get('reason')}: {one.get('message')}", "attributes": attributes(more),
    }  # fmt: skip


def nothing(_: Payload) -> Tables:
    """Return no rows: of pages that are kept for what they led to."""
    return {}


PARSERS: Mapping[str, Parser] = {
    "deployments": nothing, "deployments.gone": nothing, "rollouts": rollouts,
    "failures": failures, "failures.gone": recovered, "events": events,
}  # fmt: skip
