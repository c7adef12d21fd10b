"""Kubernetes: rollouts through the API server, as `kubectl rollout` does them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar, Literal

from golive_actions.target import Flow, Json, Target, ask, makes, objects, reads, send, within
from golive_core.errors import SourceDataError

Kind = Literal["deployment", "statefulset", "daemonset"]
RESTARTED = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
JSON_PATCH = {"content-type": "application/json-patch+json"}


class Kubernetes(Target):
    """Acts on the workloads of one cluster with the rights of a service account."""

    type: ClassVar[str] = "kubernetes"
    title: ClassVar[str] = "Kubernetes"
    example: ClassVar[str] = """
[target.cluster]
type = "kubernetes"
project = "shop"
url = "https://cluster.example.org:6443"
token = "env:KUBERNETES_TOKEN"   # get and patch deployments, list replicasets
ca = "cluster-ca.pem"
"""

    @reads
    def get_rollout(self, name: str, namespace: str = "default", kind: Kind = "deployment") -> Flow:
        """Tell how far a rollout is."""
        found = (yield ask(_path(namespace, kind, name))).object()
        status = within(found, "status")
        return {
            "revision": _annotations(found).get(REVISION),
            "replicas": within(found, "spec").get("replicas"),
            "updated": status.get("updatedReplicas", status.get("updatedNumberScheduled")),
            "ready": status.get("readyReplicas", status.get("numberReady")),
        }

    @makes("{namespace}/{kind}/{name}")
    def restart(
        self, name: str, namespace: str = "default", kind: Kind = "deployment", at: str = ""
    ) -> Flow:
        """Start all pods of a workload anew, a few at a time; `at` is the time that is noted."""
        when = at or datetime.now(UTC).isoformat(timespec="seconds")
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: when}}}}}
        path = _path(namespace, kind, name)
        answer = yield send(path, patch, method="PATCH", headers=STRATEGIC)
        return _made(answer.object())

    @makes("{namespace}/deployment/{name}")
    def undo(self, name: str, namespace: str = "default", revision: int = 0) -> Flow:
        """Go back to the revision before this one, or to the one that is named."""
        path = _path(namespace, "deployment", name)
        deployment = (yield ask(path)).object()
        labels: dict[str, str] = within(deployment, "spec", "selector", "matchLabels")
        wanted = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        there = ask(f"apis/apps/v1/namespaces/{namespace}/replicasets", labelSelector=wanted)
        sets = objects((yield there), "items")
        chosen = _before(deployment, sets, revision)
        patch = [{"op": "replace", "path": "/spec/template", "value": _template(chosen)}]
        answer = yield send(path, patch, method="PATCH", headers=JSON_PATCH)
        return {**_made(answer.object()), "undone_to": _number(chosen)}


def _path(namespace: str, kind: Kind, name: str) -> str:
    return f"apis/apps/v1/namespaces/{namespace}/{kind}s/{name}"


def _before(deployment: Json, sets: Iterable[Json], revision: int) -> Json:
    """Return the replica set to go back to; raises SourceDataError if there is none."""
    uid, now = deployment["metadata"].get("uid"), _number(deployment)
    own = [one for one in sets if uid in _owners(one)]
    older = [
        one for one in own if _number(one) == revision or (not revision and _number(one) < now)
    ]
    if not older:
        known = ", ".join(str(number) for number in sorted(map(_number, own))) or "none"
        raise SourceDataError(
            f"there is no revision {revision or f'before {now}'}",
            where=f"deployment {deployment['metadata'].get('name')}", hint=f"Kept: {known}",
        )  # fmt: skip
    return max(older, key=_number)


def _owners(thing: Json) -> list[object]:
    owners: list[Json] = thing["metadata"].get("ownerReferences") or []
    return [owner.get("uid") for owner in owners]


def _template(chosen: Json) -> Json:
    """Return the template of a replica set without the label that Kubernetes adds to it."""
    template: Json = chosen["spec"]["template"]
    labels = within(template, "metadata", "labels")
    kept = {key: value for key, value in labels.items() if key != HASH}
    return {**template, "metadata": {**within(template, "metadata"), "labels": kept}}


def _annotations(thing: Json) -> dict[str, str]:
    return within(thing, "metadata", "annotations")


def _number(thing: Json) -> int:
    return int(_annotations(thing).get(REVISION, 0))


def _made(thing: Json) -> Json:
    return {
        "name": thing["metadata"].get("name"),
        "generation": thing["metadata"].get("generation"),
    }
