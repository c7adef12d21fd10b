"""Kubernetes: rollouts of deployments, what fails among pods and jobs, and events.

Lists come in pages by `limit` and `continue`; a place that the server forgot (410) is the beginning
again. Pages are known by the resource versions of what is on them: one that is as it was is not
kept and asks for nothing more. What the objects mean is in `ingest/parse/kubernetes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, cast

from pydantic import Field, model_validator

from golive_core.http import Answer, Endpoint, Http, Request
from golive_core.http.paging import items, next_cursor
from ingest import kube_config
from ingest.api import ApiOptions, ApiSource, Detail, Position, Walk
from ingest.doctor import REFUSED
from ingest.kube_config import Cluster
from ingest.parse import kubernetes
from ingest.parse.rows import instant
from ingest.payload import Parser
from ingest.source import Context, Finding, Instance, Stream

SETTLED_S = 600.0
"""A container that runs for so long recovered; the kubelet forgets its crashes then, too."""
NEXT = next_cursor(at=("metadata", "continue"), param="continue")
APPS, CORE, BATCH = "apis/apps/v1", "api/v1", "apis/batch/v1"
Json = dict[str, Any]


class KubernetesOptions(ApiOptions, extra="forbid"):
    """Options of `[source.<name>]` with type kubernetes: an address, or a kubeconfig.

    `client_certificate` and `client_key` are references to PEM. `commit_label` is a label or an
    annotation that names the commit, beside the usual ones.
    """

    url: str = ""
    kubeconfig: str = ""
    context: str = ""
    client_certificate: str = ""
    client_key: str = ""
    namespaces: list[str] = Field(default_factory=list[str])
    events: Literal["warning", "all", "none"] = "warning"
    commit_label: str = ""
    page: int = Field(500, ge=1)

    @model_validator(mode="after")
    def _placed(self) -> KubernetesOptions:
        if bool(self.url) == bool(self.kubeconfig):
            raise ValueError("name either url or kubeconfig")
        if bool(self.client_certificate) != bool(self.client_key):
            raise ValueError("client_certificate and client_key go together")
        return self


class KubernetesSource(ApiSource):
    """Reads one cluster."""

    type: ClassVar[str] = "kubernetes"
    title: ClassVar[str] = "Kubernetes"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("rollouts", "Revisions of deployments.", ("core.deployments",)),
        Stream("failures", "Pods and jobs that fail, until they recover or are gone.",
               ("core.alerts",)),
        Stream("events", "Events, which the cluster keeps for an hour.", ("core.log_lines",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = (
        "list on deployments and replicasets (apps), pods and events, jobs (batch)",
    )
    example: ClassVar[str] = """\
[source.shop-cluster]
type = "kubernetes"
project = "shop"
url = "https://cluster.example.org:6443"
token = "env:KUBERNETES_TOKEN"   # of a service account; or client_certificate and client_key
ca = "cluster-ca.pem"
# kubeconfig = "~/.kube/config"  # in place of url; context = "shop" unless it is the current one
# namespaces = ["shop"]          # all that the token sees if left out
# events = "all"                 # or "none"; warnings alone unless said
# commit_label = "shop.example.org/commit"
"""
    Options: ClassVar[type[ApiOptions]] = KubernetesOptions
    parsers: ClassVar[Mapping[str, Parser]] = kubernetes.PARSERS
    needs: ClassVar[Mapping[str, str]] = {
        "rollouts": "the verb list on deployments and replicasets",
        "failures": "the verb list on pods and jobs",
        "events": "the verb list on events",
    }

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = KubernetesOptions.model_validate(dict(instance.options))

    def http(self) -> Http:
        """Return a client of the API server."""
        said, place = self.options, self._cluster()
        return Http(Endpoint(
            place.url, where=self.instance.name, auth=place.auth,
            headers={"Authorization": f"Bearer {place.token}"} if place.token else {},
            in_flight=said.in_flight, per_second=said.per_second, timeout_s=said.timeout_s,
            max_body_bytes=said.max_body_mib * 1024**2, retry=self.retry, proxy=said.proxy,
            ca=self.context.base / said.ca if said.ca else None, ca_pem=place.ca_pem,
            certificate=place.certificate, verify=said.verify and place.verify,
            home=self.context.home,
        ))  # fmt: skip

    def walks(self, stream: str, at: Position, http: Http) -> Iterator[Walk]:
        """Yield the lists of a stream, for each namespace that is named; of failures only now's."""
        for namespace in self.options.namespaces or [""]:
            if stream == "rollouts":
                yield self._deployments(namespace, at)
            elif stream == "events" and self.options.events != "none":
                yield self._events(namespace)
            elif stream == "failures" and not at.window:
                yield self._failures(CORE, "pods", namespace, at)
                yield self._failures(BATCH, "jobs", namespace, at)

    def check(self) -> Iterator[Finding]:
        """Yield whether the server answers, and which lists the token may not read."""
        space = (self.options.namespaces or [""])[0]
        yield from self.checked(Request(_path(APPS, "deployments", space), {"limit": "1"}))

    def granted(self, http: Http) -> Iterator[Finding]:
        """Yield whether replica sets can be listed, which no list but a deployment's leads to."""
        path = _path(APPS, "replicasets", (self.options.namespaces or [""])[0])
        answer = http.fetch(Request(path, {"limit": "1"}, accepts=REFUSED))
        if answer.status in REFUSED:
            hint = "Allow the verb list on replicasets"
            yield Finding("scopes", "failed", f"rollouts: {answer.start()}", hint)

    def _cluster(self) -> Cluster:
        said = self.options
        if said.kubeconfig:
            from pathlib import Path

            path = self.context.base / Path(said.kubeconfig).expanduser()
            return kube_config.read(path, said.context)
        pair = (self.secret(said.client_certificate), self.secret(said.client_key))
        return Cluster(said.url, token=self.secret(said.token),
                       certificate=pair if all(pair) else None)  # fmt: skip

    def _deployments(self, namespace: str, at: Position) -> Walk:
        name = f"deployments {namespace}".strip()
        before: dict[str, Json] = at.lists[name].keys if name in at.lists else {}
        return Walk(
            name, "deployments", self._request(APPS, "deployments", namespace), NEXT,
            details=lambda page: self._replica_sets(page, before),
            keys=lambda page: {uid: _position(one, before.get(uid))
                               for uid, one in _by_uid(page).items()},
            essence=versions, restarts=True,
        )  # fmt: skip

    def _replica_sets(self, page: Answer, before: Mapping[str, Json]) -> Iterator[Request]:
        """Ask for the replica sets of each namespace that the page has deployments of."""
        spaces: dict[str, Json] = {}
        for uid, one in _by_uid(page).items():
            known = kubernetes.summary(one) | {"before": before.get(uid)}
            spaces.setdefault(str(kubernetes.meta(one)["namespace"]), {})[uid] = known
        for namespace, known in spaces.items():
            context = {"deployments": known, "label": self.options.commit_label}
            tag = Detail("rollouts", context, following=NEXT, at="items")
            request = self._request(APPS, "replicasets", namespace)
            yield Request(request.path, request.params, tag=tag)

    def _failures(self, group: str, kind: str, namespace: str, at: Position) -> Walk:
        name, now = f"{kind} {namespace}".strip(), datetime.now(UTC)
        firing: dict[str, Json] = at.lists[name].keys if name in at.lists else {}
        began = {key: found["started_at"] for key, found in firing.items()}
        return Walk(
            name, "failures", self._request(group, kind, namespace), NEXT,
            {"firing": began, "seen_at": now.isoformat(timespec="seconds")},
            keys=_firing(firing, now), essence=versions, restarts=True,
        )  # fmt: skip

    def _events(self, namespace: str) -> Walk:
        chosen = {"fieldSelector": "type=Warning"} if self.options.events == "warning" else {}
        request = self._request(CORE, "events", namespace, **chosen)
        return Walk(f"events {namespace}".strip(), "events", request, NEXT, essence=versions,
                    restarts=True)  # fmt: skip

    def _request(self, group: str, kind: str, namespace: str, **params: str) -> Request:
        return Request(_path(group, kind, namespace), {"limit": str(self.options.page), **params})


def _path(group: str, kind: str, namespace: str) -> str:
    return f"{group}/namespaces/{namespace}/{kind}" if namespace else f"{group}/{kind}"


def _objects(page: Answer) -> list[Json]:
    return cast("list[Json]", items(page, ("items",)))


def _by_uid(page: Answer) -> dict[str, Json]:
    return {str(kubernetes.meta(one)["uid"]): one for one in _objects(page)}


def versions(page: Answer) -> str:
    """Return what is on a page by uid and resource version; the list's own changes all the time."""
    found = [[kubernetes.meta(one)[name] for name in ("uid", "resourceVersion")]
             for one in _objects(page)]  # fmt: skip
    return json.dumps(found)


def _position(deployment: Json, before: Json | None) -> Json:
    """Return what is remembered of a deployment: revision, when it began, whether it is over."""
    number, (status, _) = kubernetes.revision(deployment), kubernetes.outcome(deployment)
    moved = kubernetes.summary(deployment)["moved"]
    began = before["queued_at"] if before and before["revision"] == number else moved
    return {"revision": number, "is_over": status != "running",
            "queued_at": began or kubernetes.meta(deployment)["creationTimestamp"]}  # fmt: skip


def _firing(known: Mapping[str, Json], now: datetime) -> Callable[[Answer], dict[str, Json]]:
    """Return the `keys` of a list: what fails on a page, and what did and may do so again."""

    def keys(page: Answer) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for one in _objects(page):
            for trouble in kubernetes.trouble(one):
                began = known.get(trouble["key"], trouble)["started_at"]
                found[trouble["key"]] = trouble | {"started_at": began}
            found = {**_unsettled(one, known, now), **found}
        return found

    return keys


def _unsettled(one: Json, known: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """Return the alerts of a pod whose container runs again, but not for long."""
    uid, found = str(kubernetes.meta(one)["uid"]), dict[str, Json]()
    for key in _of(uid, known):
        since = kubernetes.running_since(one, key)
        at = instant(since)
        if at and (now - at).total_seconds() < SETTLED_S:
            found[key] = known[key] | {"running_since": since}
    return found


def _of(uid: str, known: Iterable[str]) -> Iterator[str]:
    return (key for key in known if key.startswith(f"{uid}/"))
