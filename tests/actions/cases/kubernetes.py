"""Answers and requests of the Kubernetes API, apps/v1."""

from action_case import Case

TYPE = "kubernetes"
OPTIONS: dict[str, object] = {}
A = "apis/apps/v1/namespaces/shop"
MARK = "deployment.kubernetes.io/revision"
DEPLOYMENT = {
    "metadata": {"name": "web", "uid": "u-1", "generation": 9, "annotations": {MARK: "3"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}},
    "status": {"updatedReplicas": 2, "readyReplicas": 1},
}  # fmt: skip


def replica_set(revision: str, image: str, owner: str = "u-1") -> dict[str, object]:
    labels = {"app": "web", "pod-template-hash": f"h{revision}"}
    spec = {"containers": [{"name": "web", "image": image}]}
    return {
        "metadata": {"annotations": {MARK: revision}, "ownerReferences": [{"uid": owner}]},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}},
    }


SETS = {"items": [
    replica_set("1", "web:1"), replica_set("3", "web:3"), replica_set("2", "web:2"),
    replica_set("2", "other:2", owner="u-2"),
]}  # fmt: skip


def patch(image: str) -> list[dict[str, object]]:
    spec = {"containers": [{"name": "web", "image": image}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    return [{"op": "replace", "path": "/spec/template", "value": template}]


UNDO = {
    f"GET {A}/deployments/web": DEPLOYMENT, f"GET {A}/replicasets": SETS,
    f"PATCH {A}/deployments/web": DEPLOYMENT,
}  # fmt: skip
CASES = [
    Case(
        "kubernetes.get_rollout", {"name": "web", "namespace": "shop"},
        {f"GET {A}/deployments/web": DEPLOYMENT},
        {"revision": "3", "replicas": 2, "updated": 2, "ready": 1},
    ),
    Case(
        "kubernetes.restart",
        {"name": "db", "namespace": "shop", "kind": "statefulset", "at": "2026-01-05T09:00:00Z"},
        {f"PATCH {A}/statefulsets/db": {"metadata": {"name": "db", "generation": 2}}},
        {"name": "db", "generation": 2},
        f"PATCH {A}/statefulsets/db",
        {"spec": {"template": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-01-05T09:00:00Z"}}}}},
    ),
    Case(
        "kubernetes.undo", {"name": "web", "namespace": "shop"}, UNDO,
        {"name": "web", "undone_to": 2},
        f"PATCH {A}/deployments/web", patch("web:2"), looks=2,
    ),
    Case(
        "kubernetes.undo", {"name": "web", "namespace": "shop", "revision": "1"}, UNDO,
        {"undone_to": 1},
        f"PATCH {A}/deployments/web", patch("web:1"), looks=2, tag="to_revision",
    ),
]  # fmt: skip
