"""The image and the compose file, as far as they can be judged without building them."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from golive_cli.serve import services
from golive_core import settings
from tests.conftest import ROOT

CONTAINERFILE = (ROOT / "deploy" / "container" / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
PACKAGES = [
    "golive_core", "ingest", "models", "golive_actions", "golive_runner", "golive_agents",
    "assets", "golive_dagster", "golive_gateway", "dashboards", "golive_cli",
]  # fmt: skip


def stages() -> list[str]:
    return re.split(r"(?m)^FROM ", CONTAINERFILE)[1:]


def test_the_last_stage_is_not_root_and_has_no_compiler() -> None:
    build, last = stages()
    assert "pip install" in build
    assert "pip" not in last
    assert re.findall(r"(?m)^USER (.*)$", last) == ["10001:10001"]
    assert last.rindex("USER") > last.rindex("RUN")
    assert "HEALTHCHECK" in last


def test_packages_are_installed_by_their_hashes() -> None:
    assert CONTAINERFILE.count("--require-hashes") == 2


def test_no_image_floats() -> None:
    images = [one["image"] for one in COMPOSE["services"].values()]
    bases = re.findall(r"(?m)^ARG BASE=(.*)$", CONTAINERFILE)
    foreign = [one for one in (*images, *bases) if "golive" not in one]
    assert foreign
    assert all(re.search(r":\D*\d|:bookworm", one) for one in foreign), foreign


def test_the_context_has_what_is_needed_and_nothing_else() -> None:
    lines = (ROOT / ".containerignore").read_text().splitlines()
    wanted = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for name in (*PACKAGES, "pyproject.toml", "requirements.lock", "requirements-uv.lock",
                 "workspace.yaml", "dagster.yaml", "README.md"):  # fmt: skip
        assert any(fnmatch(name, one) for one in wanted), name
        assert (ROOT / name).exists()
    assert not any(fnmatch(name, one) for name in (".git", ".golive", "tests") for one in wanted)
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()


def test_the_compose_file_is_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         str(ROOT / "deploy" / "compose.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_service_of_compose_may_do_little(name: str) -> None:
    one = COMPOSE["services"][name]
    assert one["read_only"]
    assert one["cap_drop"] == ["ALL"]
    assert not one["user"].startswith("0")
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ()))


def test_compose_runs_every_service_that_there_is(tmp_path: Any) -> None:
    known = settings.parse(b"", base=tmp_path, home=tmp_path)
    ours = {one.name for one in services.alone(known, known.ports, "0.0.0.0")}
    run = {one["command"][1] for one in COMPOSE["services"].values()
           if one["command"][0] == "serve"}  # fmt: skip
    assert run == ours
