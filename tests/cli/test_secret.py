"""golive secret seals what stdin gives, lists names, and rotates keys; it never shows a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from golive_cli.main import build
from golive_core.errors import SettingsError, UsageError
from golive_core.seal import new_key, sealed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAL_KEY", new_key())
    (tmp_path / "golive.toml").write_text('[secrets]\nkey = "env:SEAL_KEY"\n')
    return tmp_path


def secret(*words: str, given: str = "") -> Result:
    made = CliRunner().invoke(build(), ["secret", *words], input=given)
    if made.exception and not isinstance(made.exception, SystemExit):
        raise made.exception
    return made


def test_a_secret_goes_in_and_is_not_shown(folder: Path) -> None:
    made = secret("set", "hub", given="correct-horse\n")
    assert made.exit_code == 0
    assert "sealed:hub" in made.output
    assert json.loads(secret("list", "--json").stdout)["names"] == ["hub"]
    assert "correct-horse" not in made.output + secret("list").output
    assert sealed(folder / ".golive", "env:SEAL_KEY").get("hub") == "correct-horse"


def test_a_rotation_names_both_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret("set", "hub", given="correct-horse")
    monkeypatch.setenv("NEXT_KEY", new_key())
    done = json.loads(secret("rotate", "--to", "env:NEXT_KEY", "--json").stdout)
    assert done["secrets"] == 1
    assert done["old_key"] != done["new_key"]
    assert sealed(folder / ".golive", "env:NEXT_KEY").get("hub") == "correct-horse"


def test_a_new_key_is_a_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL_KEY", secret("key").stdout.strip())
    assert secret("set", "hub", given="x-y-z").exit_code == 0


def test_what_is_gone_is_gone(folder: Path) -> None:
    secret("set", "hub", given="correct-horse")
    secret("remove", "hub")
    assert json.loads(secret("list", "--json").stdout)["names"] == []
    with pytest.raises(UsageError, match="hub"):
        secret("remove", "hub")


def test_wrong_use_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="nothing to do"):
        secret("show", "hub")
    with pytest.raises(UsageError, match="which key"):
        secret("rotate")
    monkeypatch.delenv("SEAL_KEY")
    with pytest.raises(SettingsError, match="not set"):
        secret("list")
