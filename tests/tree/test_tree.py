"""The tree keeps its promises: names, floors, locks, sizes, headers."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "golive_core", "ingest", "models", "golive_actions", "golive_runner", "golive_agents",
    "assets", "golive_dagster", "golive_gateway", "dashboards", "golive_cli",
)  # fmt: skip
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def test_no_installed_distribution_owns_one_of_our_names() -> None:
    owners = importlib.metadata.packages_distributions()
    foreign = {name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"golive"}}
    assert foreign == {}


def test_no_dashboard_file_shadows_a_package() -> None:
    names = {path.stem for path in (ROOT / "dashboards").glob("*.py")}
    assert names.isdisjoint(PACKAGES)
    assert not (ROOT / "dashboards" / "pages").exists()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_with_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    pins = re.split(r"\n(?=\S)", text.strip())
    assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)


def test_the_lock_of_npm_pins_with_hashes_and_names_no_host() -> None:
    folder = ROOT / "deploy" / "node"
    lock = json.loads((folder / "package-lock.json").read_text())
    found = {name: one for name, one in lock["packages"].items() if name}
    assert all("integrity" in one and "resolved" not in one for one in found.values())
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    assert wanted == {name: found[f"node_modules/{name}"]["version"] for name in wanted}


def test_the_lock_covers_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        line.split("==")[0]
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line and not line.startswith(" ")
    }
    assert {re.split(r"[\[;]", one)[0] for one in project["dependencies"]} <= pinned


@pytest.mark.slow
def test_every_direct_dependency_imports() -> None:
    names = [
        "altair", "dagster", "dagster_webserver", "deltalake", "duckdb", "fastapi", "httpx",
        "great_expectations", "openai", "playwright", "polars", "pyarrow", "pydantic", "rich",
        "sklearn", "skops", "stamina", "streamlit", "structlog", "typer", "uvicorn",
    ]  # fmt: skip
    script = "import " + ", ".join(names)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module opens with what belongs in it"
    assert len(text.splitlines()) <= 500


@pytest.mark.parametrize(
    "path", sorted((ROOT / "assets").rglob("*.sql")), ids=lambda path: path.name
)
def test_sql_opens_with_its_description_and_grain(path: Path) -> None:
    header = re.match(r"(--[^\n]*\n)+", path.read_text())
    assert header, "the first comment describes the table"
    for word in ("grain:", "keys:", "inputs:"):
        assert word in header.group()


def test_the_tree_names_no_path_of_the_machine_it_stands_on() -> None:
    done = subprocess.run(
        ["git", "grep", "-nIF", "-e", f"{ROOT}/", "-e", f"{Path.home()}/", "--", "."],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


def test_no_file_of_the_tree_holds_what_looks_like_a_secret() -> None:
    from golive_core.redact import SHAPES

    shapes = re.compile("|".join(SHAPES), re.DOTALL)
    told = ROOT / "golive_core" / "redact.py"  # it says what they look like
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    found = []
    for name in listed:
        path = ROOT / name
        if not name or name.startswith("tests/") or path == told or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match[0][:12]}..." for match in shapes.finditer(text)]
    assert found == []
