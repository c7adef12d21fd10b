"""The registry: sources are found, not listed, and options that are wrong are named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ingest.sources
from golive_core.errors import SettingsError
from ingest import registry
from ingest.source import Context, Instance

TINY = '''
"""A source of one file."""

from typing import ClassVar

from pydantic import BaseModel

from ingest.source import Context as Borrowed  # an imported class is not a source


class Options(BaseModel, extra="forbid"):
    """What it takes."""

    folder: str
    token: int = 0


class {name}:
    """Reads nothing."""

    type = "{type}"
    example = '[source.a]\\ntype = "{type}"'
    Options: ClassVar = Options

    def __init__(self, instance, context) -> None:
        self.options = Options(**instance.options)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that counts as part of `ingest/sources`."""
    monkeypatch.setattr(ingest.sources, "__path__", [*ingest.sources.__path__, str(tmp_path)])
    registry.sources.cache_clear()
    yield tmp_path
    registry.sources.cache_clear()
    for name in [name for name in sys.modules if name.startswith("ingest.sources.zz_")]:
        del sys.modules[name]


def add(folder: Path, module: str, kind: str) -> None:
    (folder / f"zz_{module}.py").write_text(TINY.format(name=module.title(), type=kind))


def instance(kind: str, **options: object) -> Instance:
    return Instance("mine", kind, "shop", options)


def test_a_source_is_added_by_adding_its_file(folder: Path, home: Path) -> None:
    before = set(registry.sources())
    registry.sources.cache_clear()
    add(folder, "pigeon", "pigeon")
    assert set(registry.sources()) - before == {"pigeon"}
    made = registry.build(instance("pigeon", folder="x"), Context(home, home.parent))
    assert type(made).__name__ == "Pigeon"


def test_every_source_of_the_package_describes_itself() -> None:
    for kind, found in registry.sources().items():
        assert found.type == kind
        assert found.title
        assert found.streams
        assert f'type = "{kind}"' in found.example
        assert all(stream.tables for stream in found.streams)


def test_an_unknown_type_is_refused_with_the_nearest_one(folder: Path) -> None:
    add(folder, "pigeon", "pigeon")
    with pytest.raises(SettingsError, match="Did you mean 'pigeon'"):
        registry.source("pidgeon")


def test_two_sources_of_one_type_are_refused(folder: Path) -> None:
    add(folder, "pigeon", "pigeon")
    add(folder, "dove", "pigeon")
    with pytest.raises(SettingsError, match="two sources are of type 'pigeon'"):
        registry.sources()


def test_wrong_options_are_named_but_their_values_are_not_repeated(
    folder: Path, home: Path
) -> None:
    add(folder, "pigeon", "pigeon")
    with pytest.raises(SettingsError) as caught:
        registry.build(
            instance("pigeon", token="hunter2", colour="red"), Context(home, home.parent)
        )
    text = str(caught.value)
    assert "folder: Field required" in text
    assert "colour: Extra inputs are not permitted" in text
    assert "hunter2" not in text
    assert text.startswith("[source.mine]")


def test_the_registry_loads_no_heavy_library() -> None:
    script = (
        "import sys; from ingest import registry; registry.sources();"
        "print([m for m in ('sklearn', 'pandas', 'openai', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
