"""A Kubernetes API server of one purpose: lists in pages, patches, and the deployment controller.

Written after the API conventions of Kubernetes: a list has a resource version of its own and a
`continue` that it forgets (410 Expired); a patch of a deployment's template makes a revision, or
uses the replica set of an earlier one again, which is then marked with its former revisions.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from loopback import Asked, Loopback, Reply, ok

Json = dict[str, Any]
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
REVISION = "deployment.kubernetes.io/revision"
FORMER = "deployment.kubernetes.io/revision-history"
HASH = "pod-template-hash"


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def status(code: int, reason: str, message: str) -> Reply:
    return code, ok({"kind": "Status", "code": code, "reason": reason, "message": message})[1], {}


@dataclass
class Kube(Loopback):
    """Objects by kind and (namespace, name); `now` is the cluster's clock; `forbids` kinds."""

    objects: dict[str, dict[tuple[str, str], Json]] = field(default_factory=dict)
    version: int = 1000
    now: datetime = T0
    forgotten: set[str] = field(default_factory=set)
    forbids: set[str] = field(default_factory=set)
    is_stuck: bool = False

    # ------------------------------------------------------------ what there is

    def put(self, kind: str, name: str, space: str = "shop", **parts: Any) -> Json:
        known = self.objects.setdefault(kind, {})
        made = known.setdefault((space, name), {"metadata": {
            "name": name, "namespace": space, "uid": f"{kind[:-1]}-{space}-{name}", "labels": {},
            "annotations": {}, "creationTimestamp": written(self.now), "generation": 1,
        }})  # fmt: skip
        made["metadata"] |= parts.pop("metadata", {})
        made.update(parts)
        self.touch(made)
        return made

    def touch(self, one: Json) -> None:
        self.version += 7
        one["metadata"]["resourceVersion"] = str(self.version)

    def all(self, kind: str) -> list[Json]:
        return [one for _, one in sorted(self.objects.get(kind, {}).items())]

    def later(self, minutes: int = 5) -> None:
        self.now += timedelta(minutes=minutes)

    def deploy(self, name: str, image: str, space: str = "shop", **labels: str) -> Json:
        """Let a deployment have this image, and the controller do its work."""
        container = {"name": name, "image": image}
        template = {"metadata": {"labels": {"app": name, **labels}, "annotations": {}},
                    "spec": {"containers": [container]}}  # fmt: skip
        known = self.objects.get("deployments", {}).get((space, name))
        selector = {"matchLabels": {"app": name}}
        spec = {"replicas": 2, "selector": selector, "template": template}
        if known:
            known["metadata"]["generation"] += 1
        return self.control(self.put("deployments", name, space, spec=spec))

    def control(self, deployment: Json) -> Json:
        """Do what the deployment controller does after a change of the template."""
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        own = [one for one in self.all("replicasets")
               if one["metadata"]["ownerReferences"][0]["uid"] == meta["uid"]]  # fmt: skip
        number = max((int(one["metadata"]["annotations"][REVISION]) for one in own), default=0) + 1
        same = next((one for one in own if bare(one["spec"]["template"]) == template), None)
        if same:
            notes = same["metadata"]["annotations"]
            notes[FORMER] = ",".join(filter(None, (notes.get(FORMER), notes[REVISION])))
            notes[REVISION] = str(number)
            self.touch(same)
        else:
            self.replica_set(deployment, number)
        meta["annotations"] = {**meta["annotations"], REVISION: str(number)}
        deployment["status"] = self.progress(meta["generation"])
        self.touch(deployment)
        return deployment

    def replica_set(self, deployment: Json, number: int) -> None:
        meta, name = deployment["metadata"], f"{deployment['metadata']['name']}-{number}"
        template = copy.deepcopy(deployment["spec"]["template"])
        template["metadata"]["labels"][HASH] = f"h{number}"
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
        self.put(
            "replicasets", name, meta["namespace"], spec={"template": template},
            metadata={"annotations": {REVISION: str(number)}, "ownerReferences": [owner],
                      "labels": template["metadata"]["labels"]},
        )  # fmt: skip

    def progress(self, generation: int) -> Json:
        at = written(self.now + timedelta(seconds=90))
        reason = "ReplicaSetUpdated" if self.is_stuck else "NewReplicaSetAvailable"
        done = 0 if self.is_stuck else 2
        return {
            "observedGeneration": generation, "replicas": 2, "updatedReplicas": 2,
            "readyReplicas": done, "availableReplicas": done, "conditions": [
                {"type": "Available", "status": "True", "lastTransitionTime": at},
                {"type": "Progressing", "status": "True", "reason": reason,
                 "lastUpdateTime": at, "lastTransitionTime": at},
            ],
        }  # fmt: skip

    def pod(self, name: str, *containers: Json, space: str = "shop", **parts: Any) -> Json:
        owner = {"kind": "ReplicaSet", "name": f"{name}-1", "uid": f"rs-{name}"}
        given = {"phase": "Running", "startTime": written(self.now), **parts}
        metadata = {"labels": {"app": name.partition("-")[0]}, "ownerReferences": [owner]}
        return self.put("pods", name, space, spec={"nodeName": "n1"}, metadata=metadata,
                        status={**given, "containerStatuses": list(containers)})  # fmt: skip

    def event(self, name: str, message: str, *, count: int = 1) -> Json:
        return self.put(
            "events", name, involvedObject={"kind": "Pod", "namespace": "shop", "name": "web-1"},
            type="Warning", reason="BackOff", message=message, count=count,
            lastTimestamp=written(self.now), source={"component": "kubelet"},
        )  # fmt: skip

    # ------------------------------------------------------------ what is asked

    def answer(self, asked: Asked) -> Reply:
        parts = asked.path.split("/")
        space = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        rest = parts[parts.index("v1") + 1 :]
        kind, *name = rest[2:] if space else rest
        if kind in self.forbids:
            return status(403, "Forbidden", f'{kind} is forbidden: User "golive" cannot list '
                          f'resource "{kind}"')  # fmt: skip
        if name:
            return self.one(asked, kind, space, name[0])
        return self.listed(asked, kind, space)

    def listed(self, asked: Asked, kind: str, space: str) -> Reply:
        token = asked.query.get("continue", "")
        if token and (token in self.forgotten or token.partition(":")[0] in self.forgotten):
            return status(410, "Expired", "The provided continue parameter is too old")
        found = [
            one for one in self.all(kind) if not space or space == one["metadata"]["namespace"]
        ]
        found = [one for one in found if matches(one, asked.query.get("labelSelector", ""))]
        start, size = int(token.partition(":")[2] or 0), int(asked.query.get("limit", 500))
        self.version += 1
        place = token.partition(":")[0] or str(self.version)
        more = {"continue": f"{place}:{start + size}"} if start + size < len(found) else {}
        meta = {"resourceVersion": place, **more}
        return ok({"kind": "List", "metadata": meta, "items": found[start : start + size]})

    def one(self, asked: Asked, kind: str, space: str, name: str) -> Reply:
        found = self.objects.get(kind, {}).get((space, name))
        if not found:
            return status(404, "NotFound", f'{kind} "{name}" not found')
        if asked.method == "PATCH":
            before = copy.deepcopy(found["spec"].get("template"))
            self.patch(found, asked)
            if found["spec"].get("template") != before:
                found["metadata"]["generation"] += 1
                self.control(found) if kind == "deployments" else self.touch(found)
        return ok(found)

    def patch(self, found: Json, asked: Asked) -> None:
        form = asked.headers["content-type"]
        if form == "application/json-patch+json":
            for step in asked.json():
                assert step["op"] == "replace"
                *way, last = step["path"].strip("/").split("/")
                place = found
                for key in way:
                    place = place[key]
                place[last] = step["value"]
        else:
            assert form == "application/strategic-merge-patch+json"
            merge(found, asked.json())


def merge(found: Json, patch: Json) -> None:
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            merge(found[key], value)
        else:
            found[key] = value


def bare(template: Json) -> Json:
    made = json.loads(json.dumps(template))
    made["metadata"]["labels"].pop(HASH, None)
    return made


def matches(one: Json, selector: str) -> bool:
    wanted = dict(part.split("=") for part in selector.split(",") if part)
    return wanted.items() <= one["metadata"]["labels"].items()


def running(name: str, **parts: Any) -> Json:
    return {"name": name, "image": f"{name}:1", "ready": True, "restartCount": 0,
            "state": {"running": {"startedAt": written(T0)}}, "lastState": {}, **parts}  # fmt: skip


def crashing(name: str, *, reason: str = "Error", restarts: int = 5) -> Json:
    ended = {"reason": reason, "exitCode": 137 if reason == "OOMKilled" else 1,
             "finishedAt": written(T0 + timedelta(minutes=restarts))}  # fmt: skip
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    return running(name, ready=False, restartCount=restarts, state={"waiting": waiting},
                   lastState={"terminated": ended})  # fmt: skip


def unpulled(name: str) -> Json:
    waiting = {"reason": "ErrImagePull", "message": "manifest unknown"}
    return running(name, ready=False, state={"waiting": waiting})
