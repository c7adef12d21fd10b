"""Makes what each test of the contract needs of a case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from contract_case import Case
from contract_stage import FILES, QUICK, TOKEN, Stage, module
from loopback import serving

from golive_core.lake import Lake


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_given = any("name" in one.args for one in metafunc.definition.iter_markers("parametrize"))
    if "name" in metafunc.fixturenames and not is_given:
        metafunc.parametrize("name", FILES)


@pytest.fixture
def stage(name: str, lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Return the source over an empty world, patient for milliseconds only."""
    case: Case = module(FILES[name]).CASE
    monkeypatch.setattr(case.source, "retry", QUICK, raising=False)
    with serving(case.world()) as world:
        yield Stage(name, case, world, lake, home)


@pytest.fixture
def filled(stage: Stage) -> Stage:
    """Return the source over a world with something in every list."""
    stage.world.fill()
    return stage


@pytest.fixture
def guarded(filled: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return the source over a world that demands a token, which it has."""
    if not filled.case.secret:
        pytest.fail("a source of a server takes a token: give the case a `secret`")
    filled.world.token = TOKEN
    monkeypatch.setenv("CONTRACT_TOKEN", TOKEN)
    return filled


@pytest.fixture
def dump(lake: Lake) -> Callable[[], dict[str, list[tuple[object, ...]]]]:
    """Return a function that reads every core table, sorted."""

    def read() -> dict[str, list[tuple[object, ...]]]:
        tables = [name for name in lake.tables() if name.startswith("core.")]
        return {name: sorted(map(str, lake.query(f"select * from {name}").rows()))
                for name in tables}  # fmt: skip

    return read
