"""The manifests: valid for Kubernetes, closed by default, and true to what the program is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from golive_cli.serve import services
from golive_core import settings
from golive_core.settings import Settings
from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = "1.33"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
Json = dict[str, Any]


def documents() -> list[tuple[str, Json]]:
    return [(path.name, one) for path in FILES for one in yaml.safe_load_all(path.read_text())]


DOCUMENTS = documents()
NAMED = {(one["kind"], one["metadata"]["name"]): one for _, one in DOCUMENTS}


def pods() -> Iterator[tuple[str, Json]]:
    """Yield the name and spec of every pod that is made."""
    for _, one in DOCUMENTS:
        if one["kind"] == "Deployment":
            yield one["metadata"]["name"], one["spec"]["template"]
        if one["kind"] == "CronJob":
            yield one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]["template"]


PODS = dict(pods())
each_pod = pytest.mark.parametrize("name", sorted(PODS))


@pytest.mark.parametrize(
    ("file", "document"), DOCUMENTS,
    ids=[f"{file}-{one['kind']}-{one['metadata']['name']}" for file, one in DOCUMENTS],
)  # fmt: skip
def test_a_manifest_is_one_that_kubernetes_takes(file: str, document: Json) -> None:
    assert file in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert document["kind"] == "Namespace" or document["metadata"]["namespace"] == "golive"
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_a_slip_in_a_manifest_would_be_found() -> None:
    broken = yaml.safe_load((FOLDER / "dashboards.yaml").read_text().split("---")[0])
    broken["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesytem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


@each_pod
def test_a_pod_may_do_little(name: str) -> None:
    """What the profile `restricted` asks for, and a root that cannot be written."""
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for one in spec["containers"]:
        said = one["securityContext"]
        assert said["readOnlyRootFilesystem"]
        assert said["allowPrivilegeEscalation"] is False
        assert said["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(one["resources"]["requests"])
        assert "memory" in one["resources"]["limits"]
    written = {one["mountPath"] for one in spec["containers"][0]["volumeMounts"]
               if not one.get("readOnly")}  # fmt: skip
    assert written <= {"/data", "/tmp", "/backups"}


@each_pod
def test_a_pod_names_what_there_is(name: str) -> None:
    spec = PODS[name]["spec"]
    mounted = {one["name"] for one in spec["containers"][0]["volumeMounts"]}
    assert mounted == {one["name"] for one in spec["volumes"]}
    for one in spec["volumes"]:
        if claim := one.get("persistentVolumeClaim"):
            assert ("PersistentVolumeClaim", claim["claimName"]) in NAMED
    assert ("ServiceAccount", spec["serviceAccountName"]) in NAMED


@each_pod
def test_a_pod_with_the_claim_runs_where_it_is_and_the_others_anywhere(name: str) -> None:
    claims = [one["persistentVolumeClaim"]["claimName"] for one in PODS[name]["spec"]["volumes"]
              if "persistentVolumeClaim" in one]  # fmt: skip
    label = {"app.kubernetes.io/component": "home"}
    has_label = label.items() <= PODS[name]["metadata"]["labels"].items()
    near = PODS[name]["spec"].get("affinity", {}).get("podAffinity", {})
    rules = near.get("requiredDuringSchedulingIgnoredDuringExecution", ())
    wanted = [one["labelSelector"]["matchLabels"] for one in rules]
    is_bound = "golive-home" in claims
    assert (has_label, wanted) == (is_bound, [label] if is_bound else [])
    assert is_bound == (name != "gateway")


@each_pod
def test_a_container_runs_a_command_that_there_is(name: str, tmp_path: Path) -> None:
    args = PODS[name]["spec"]["containers"][0]["args"]
    known = settings.parse(b"", base=tmp_path, home=tmp_path)
    names = {one.name for one in services.alone(known, known.ports, "0.0.0.0")}
    assert (args[0] == "serve" and args[1] in names) or args[0] == "backup"


@pytest.mark.parametrize("name", ["gateway", "dashboards", "dagster", "dagster-daemon"])
def test_a_service_is_watched(name: str) -> None:
    container = PODS[name]["spec"]["containers"][0]
    assert {"startupProbe", "livenessProbe"} <= set(container)
    assert name == "dagster-daemon" or "readinessProbe" in container


def test_probes_ask_paths_that_answer(tmp_path: Path) -> None:
    found: Settings = settings.parse(config().encode(), base=tmp_path, home=tmp_path)
    ours = {one.name: one for one in services.front(found, found.ports)}
    paths = {
        name: PODS[name]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
        for name in ("gateway", "dashboards", "dagster")
    }
    for name, one in ours.items():
        assert one.url.endswith(paths[name])
    assert paths["dagster"] == f"{found.dagster_prefix}/server_info"


def config() -> str:
    return NAMED["ConfigMap", "golive"]["data"]["golive.toml"]


def test_the_settings_in_the_config_map_are_read(tmp_path: Path) -> None:
    found = settings.parse(config().encode(), base=tmp_path, home=tmp_path)
    assert found.lake.location.startswith("s3://")
    assert found.gateway.store == "env:REDIS_URL"
    assert found.database.url == "env:DATABASE_URL"
    names = {one["name"] for one in PODS["gateway"]["spec"]["containers"][0]["env"]}
    assert {
        "REDIS_URL",
        "DATABASE_URL",
        found.secrets.key.removeprefix("env:"),
        "GOLIVE_BASE",
    } == names


def test_what_selects_finds_exactly_one_kind_of_pod() -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}
    for (kind, name), one in NAMED.items():
        if kind in ("Service", "PodDisruptionBudget", "Deployment"):
            selector = one["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            hit = [pod for pod, have in labels.items() if wanted.items() <= have.items()]
            assert hit == [name], f"{kind} {name}"


def test_replicas_keep_one_up_while_nodes_are_drained() -> None:
    for (kind, name), one in NAMED.items():
        if kind == "PodDisruptionBudget":
            assert one["spec"]["minAvailable"] == 1
            assert ("Deployment", name) in NAMED
    scaler = NAMED["HorizontalPodAutoscaler", "gateway"]["spec"]
    assert ("Deployment", scaler["scaleTargetRef"]["name"]) in NAMED
    assert scaler["minReplicas"] >= 2
    assert "replicas" not in NAMED["Deployment", "gateway"]["spec"], "the scaler decides"


def test_the_metric_that_scales_is_one_that_the_gateway_tells() -> None:
    metrics = NAMED["HorizontalPodAutoscaler", "gateway"]["spec"]["metrics"]
    names = [one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods"]
    text = (ROOT / "golive_gateway" / "metrics.py").read_text()
    assert names
    assert all(f'"{name}"' in text for name in names)


def test_there_is_one_scheduler_and_never_two() -> None:
    daemon = NAMED["Deployment", "dagster-daemon"]["spec"]
    assert (daemon["replicas"], daemon["strategy"]["type"]) == (1, "Recreate")


def test_the_network_is_closed_but_for_what_is_named() -> None:
    closed = NAMED["NetworkPolicy", "deny-all"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (expression,) = NAMED["NetworkPolicy", "from-ingress"]["spec"]["podSelector"][
        "matchExpressions"
    ]
    assert set(expression["values"]) <= set(PODS)
    open_blocks = [
        to["ipBlock"] for one in NAMED["NetworkPolicy", "to-outside"]["spec"]["egress"]
        for to in one.get("to", ()) if "ipBlock" in to
    ]  # fmt: skip
    everywhere = [one for one in open_blocks if one["cidr"] == "0.0.0.0/0"]
    assert all("169.254.0.0/16" in one["except"] for one in everywhere), "no instance metadata"


def test_every_way_in_leads_to_a_service() -> None:
    for (kind, _), one in NAMED.items():
        for rule in one["spec"]["rules"] if kind == "Ingress" else ():
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                ports = NAMED["Service", service["name"]]["spec"]["ports"]
                assert service["port"]["name"] in {port["name"] for port in ports}


def test_events_are_told_to_another_gateway_as_at_the_front_door() -> None:
    said = NAMED["Ingress", "events"]["metadata"]["annotations"]
    door = (ROOT / "deploy" / "nginx" / "golive.conf.template").read_text()
    for name in ("proxy-next-upstream", "proxy-next-upstream-tries"):
        value = said[f"nginx.ingress.kubernetes.io/{name}"]
        assert f"{name.replace('-', '_')} {value};" in door


def test_pages_and_dagster_are_behind_the_gateway_s_answer() -> None:
    for name in ("pages", "dagster"):
        said = NAMED["Ingress", name]["metadata"]["annotations"]
        service = NAMED["Ingress", name]["spec"]["rules"][0]["http"]["paths"][0]["backend"]
        url = said["nginx.ingress.kubernetes.io/auth-url"]
        assert url.endswith(f"/auth/{service['service']['name']}")


def test_no_manifest_holds_a_secret() -> None:
    assert not [key for key in NAMED if key[0] == "Secret"]
