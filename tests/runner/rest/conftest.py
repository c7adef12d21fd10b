"""A shop to check, and documents that are run as the command line runs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop_server import TOKEN, served, shop

from golive_core.artifacts import ArtifactStore
from golive_runner.attempt import Attempt
from golive_runner.rest import run

Run = Callable[..., list[Attempt]]


@pytest.fixture(scope="session")
def base() -> Iterator[str]:
    with served(shop()) as address:
        yield address


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "home")


@pytest.fixture
def check(tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write a document and return its attempts."""
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)

    def go(text: str) -> list[Attempt]:
        path = tmp_path / "shop.yaml"
        path.write_text(text)
        return list(run(path, store=store))

    return go


@pytest.fixture
def evidence(store: ArtifactStore) -> Callable[[Attempt, str], dict[str, Any]]:
    """Return what an attempt's last sent step kept of a kind."""

    def find(attempt: Attempt, kind: str) -> dict[str, Any]:
        kept = [one for step in attempt.steps for one in step.evidence if one.kind == kind]
        return json.loads(store.get(kept[-1].sha256))

    return find
