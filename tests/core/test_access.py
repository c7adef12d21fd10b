"""A session is opened by a key that only its owner can read, and by nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from golive_core import access, spent
from golive_core.errors import GoLiveError

PURPOSES: list[access.Purpose] = ["link", "session"]


@pytest.fixture(autouse=True)
def own_home(home: Path) -> Path:
    return home


def test_a_fresh_session_is_signed_in() -> None:
    assert access.is_signed_in({access.COOKIE: access.make_token("session"), "other": "x"})


def test_a_link_is_no_session_and_a_session_no_link() -> None:
    assert not access.is_signed_in({access.COOKIE: access.make_token("link")})
    assert not access.verify(access.make_token("session"), "link")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_expires(purpose: access.Purpose) -> None:
    token = access.make_token(purpose, at=1_000_000)
    end = 1_000_000 + access.LIFETIME_S[purpose]
    assert access.verify(token, purpose, at=end - 1)
    assert not access.verify(token, purpose, at=end)


def test_a_session_that_was_signed_out_is_over_in_every_browser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spent, "LOOK_S", 0.0)
    mine, other = access.make_token("session"), access.make_token("session")
    access.sign_out({access.COOKIE: mine})
    assert not access.is_signed_in({access.COOKIE: mine})
    assert access.is_signed_in({access.COOKIE: other})


def test_a_link_is_used_once_whoever_asks() -> None:
    link = access.make_token("link")
    script = f"from golive_core.access import use_link; print(use_link({link!r}))"
    assert access.use_link(link)
    again = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert again.stdout.strip() == "False"
    assert not access.use_link(access.make_token("session"))


def forged(token: str) -> list[str]:
    """Return tokens that somebody without the key could make out of a valid one."""
    purpose, expiry, nonce, signature = token.split(".")
    return [
        "", ".", "...", "session", "ä.1.b.c", token[:-1], token + "0", f"{token}.{signature}",
        f"{purpose}.{int(expiry) + 9}.{nonce}.{signature}",
        f"link.{expiry}.{nonce}.{signature}",
        f"{purpose}.{expiry}.{nonce}.",
        f"{purpose}.{expiry}.{nonce}.{'0' * 64}",
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(12))
def test_a_forged_token_opens_nothing(number: int) -> None:
    token = forged(access.make_token("session"))[number]
    assert not access.is_signed_in({access.COOKIE: token})


def test_two_tokens_are_never_alike() -> None:
    assert access.make_token("link", at=5) != access.make_token("link", at=5)


def test_the_key_is_readable_for_its_owner_alone(home: Path) -> None:
    access.signing_key()
    assert (home / "session.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["session.key"]


def test_deleting_the_key_signs_everybody_out(home: Path) -> None:
    token = access.make_token("session")
    (home / "session.key").unlink()
    assert not access.verify(token, "session")


def test_a_damaged_key_is_refused_with_the_mend(home: Path) -> None:
    (home / "session.key").write_bytes(b"")
    with pytest.raises(GoLiveError, match="Delete the file"):
        access.signing_key()


def test_a_home_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("GOLIVE_HOME", str(blocked / "home"))
    with pytest.raises(GoLiveError, match="GOLIVE_HOME"):
        access.make_token("link")


def test_processes_that_start_together_agree_on_one_key(home: Path) -> None:
    script = "from golive_core.access import signing_key; print(signing_key().hex())"
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({child.communicate()[0] for child in started}) == 1


def test_a_session_is_asked_for_only_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not access.is_required()
    monkeypatch.setenv("GOLIVE_SIGN_IN", "1")
    assert access.is_required()
