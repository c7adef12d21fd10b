"""Sealed secrets: opened with their key alone, at their name alone, and sealed anew with proof."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from golive_core import settings
from golive_core.errors import SettingsError, UsageError
from golive_core.seal import FILE, Sealed, key_id, key_of, new_key, sealed

SECRET = "correct-horse-battery"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    made = new_key()
    monkeypatch.setenv("SEAL_KEY", made)
    return made


@pytest.fixture
def box(tmp_path: Path, key: str) -> Sealed:
    found = sealed(tmp_path, "env:SEAL_KEY")
    found.put("hub", SECRET)
    return found


def test_what_was_sealed_is_opened_and_nowhere_in_the_file(box: Sealed, tmp_path: Path) -> None:
    assert box.get("hub") == SECRET
    assert SECRET not in (tmp_path / FILE).read_text()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_the_same_secret_is_sealed_differently_each_time(box: Sealed, tmp_path: Path) -> None:
    before = (tmp_path / FILE).read_text()
    box.put("hub", SECRET)
    assert (tmp_path / FILE).read_text() != before


@pytest.mark.parametrize("field", ["nonce", "box"])
def test_an_edited_byte_is_found(box: Sealed, tmp_path: Path, field: str) -> None:
    boxes = json.loads((tmp_path / FILE).read_text())
    text = boxes["hub"][field]
    boxes["hub"][field] = ("A" if text[0] != "A" else "B") + text[1:]
    (tmp_path / FILE).write_text(json.dumps(boxes))
    with pytest.raises(SettingsError, match="damaged"):
        box.get("hub")


def test_two_secrets_cannot_change_places(box: Sealed, tmp_path: Path) -> None:
    box.put("lab", "another-secret")
    boxes = json.loads((tmp_path / FILE).read_text())
    boxes["hub"], boxes["lab"] = boxes["lab"], boxes["hub"]
    (tmp_path / FILE).write_text(json.dumps(boxes))
    with pytest.raises(SettingsError, match="damaged"):
        box.get("hub")


def test_another_key_opens_nothing_and_says_which_is_needed(box: Sealed, tmp_path: Path) -> None:
    other = Sealed(tmp_path, key_of_text(new_key()))
    with pytest.raises(SettingsError, match=box.key_id):
        other.get("hub")


def key_of_text(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


def test_rotation_proves_itself(box: Sealed, tmp_path: Path, monkeypatch) -> None:
    box.put("lab", "another-secret")
    monkeypatch.setenv("NEXT_KEY", new_key())
    done = box.rotate(key_of("env:NEXT_KEY"))
    assert (done.secrets, done.old_key) == (2, box.key_id)
    with pytest.raises(SettingsError):
        box.get("hub")
    fresh = sealed(tmp_path, "env:NEXT_KEY")
    assert (fresh.get("hub"), fresh.get("lab")) == (SECRET, "another-secret")
    with pytest.raises(UsageError, match="old one"):
        fresh.rotate(key_of("env:NEXT_KEY"))


def test_a_rotation_that_fails_changes_nothing(box: Sealed, tmp_path: Path) -> None:
    box.put("lab", "another-secret")
    boxes = json.loads((tmp_path / FILE).read_text())
    boxes["lab"]["box"] = boxes["hub"]["box"]
    (tmp_path / FILE).write_text(json.dumps(boxes))
    before = (tmp_path / FILE).read_text()
    with pytest.raises(SettingsError):
        box.rotate(key_of_text(new_key()))
    assert (tmp_path / FILE).read_text() == before
    assert box.get("hub") == SECRET


def test_a_key_may_come_from_a_file_or_a_command(tmp_path: Path, key: str) -> None:
    (tmp_path / "key").write_text(f"{key}\n")
    expected = key_id(key_of_text(key))
    assert key_id(key_of("file:key", base=tmp_path)) == expected
    line = f"{sys.executable} -c \"import os; print(os.environ['SEAL_KEY'])\""
    assert key_id(key_of(f"command:{line}")) == expected


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("", "no key"), ("env:NO_SUCH", "not set"), ("command:/no/such/program", "failed"),
        ("command:echo short", "32 bytes"), ("sealed:x", "sealed with itself"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_had_is_explained(reference: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as told:
        key_of(reference)
    assert told.value.hint or told.value.where


def test_golive_toml_names_a_sealed_secret(tmp_path: Path, key: str, monkeypatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path / "home"))
    (tmp_path / "golive.toml").write_text('[secrets]\nkey = "env:SEAL_KEY"\n')
    sealed(tmp_path / "home", "env:SEAL_KEY").put("hub", SECRET)
    assert settings.resolve("sealed:hub", base=tmp_path) == SECRET
    assert SECRET in settings.resolved_secrets()
    with pytest.raises(SettingsError, match="no secret is sealed") as told:
        settings.resolve("sealed:lab", base=tmp_path)
    assert "golive secret set lab" in told.value.hint
