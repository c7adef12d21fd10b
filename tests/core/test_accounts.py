"""Users and sessions: passwords, waiting, roles that reach open sessions, tokens that work once."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import jwt
import pytest

from golive_cli.access_docs import matrix
from golive_core import access, accounts, security, sessions
from golive_core.access import ALLOWED, OWNER, ROLES, Identity
from golive_core.accounts import Accounts, LockedError, User
from golive_core.database import opened
from golive_core.errors import UsageError
from golive_core.sessions import Sessions

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LOOK_S", 0.0)


@pytest.fixture
def home(remembering: Path) -> Path:
    return remembering


def kept(home: Path) -> bytes:
    """Return all that is remembered of people."""
    if (home / "accounts.db").exists():
        return (home / "accounts.db").read_bytes()
    with opened(home, sessions.SCHEMA) as db:
        tables = [db.execute(f"select * from {name}").fetchall() for name in ("users", "attempts")]
    return repr(tables).encode()


@pytest.fixture
def ada(home: Path) -> User:
    return Accounts(home).add("ada", "developer", PASSWORD, projects=["shop"])


def test_the_right_password_opens_and_is_nowhere_kept(home: Path, ada: User) -> None:
    assert Accounts(home).check("ada", PASSWORD) is not None
    assert Accounts(home).check("ada", PASSWORD + "x") is None
    assert Accounts(home).check("nobody", PASSWORD) is None
    assert PASSWORD.encode() not in kept(home)
    assert b"$argon2id$" in kept(home)
    files = [path for path in home.iterdir() if path.name.startswith("accounts")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaa", "x" * 300])
def test_a_weak_password_is_refused(home: Path, weak: str) -> None:
    with pytest.raises(UsageError):
        Accounts(home).add("ada", "viewer", weak)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "../x", "a" * 80, "ä"])
def test_a_name_that_is_none_is_refused(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        Accounts(home).add(name, "viewer", PASSWORD)


def test_guessing_has_to_wait_longer_and_longer(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_is_right", lambda password, _: password == PASSWORD)
    people, now = Accounts(home), [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    for _ in range(accounts.FREE_TRIES):
        assert people.check("ada", "wrong") is None
    with pytest.raises(LockedError) as first:
        people.check("ada", PASSWORD)
    assert first.value.retry_after_s == pytest.approx(accounts.FIRST_WAIT_S)
    now[0] += accounts.FIRST_WAIT_S + 1
    assert people.check("ada", "wrong") is None
    with pytest.raises(LockedError) as second:
        people.check("ada", PASSWORD)
    assert second.value.retry_after_s == pytest.approx(2 * accounts.FIRST_WAIT_S)
    now[0] += 2 * accounts.FIRST_WAIT_S + 1
    assert people.check("ada", PASSWORD) is not None


def test_a_name_that_nobody_has_waits_like_one_that_somebody_has(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_is_right", lambda *_: False)
    for name in ("ada", "nobody"):
        for _ in range(accounts.FREE_TRIES):
            assert Accounts(home).check(name, "wrong") is None
        with pytest.raises(LockedError):
            Accounts(home).check(name, "wrong")
    assert b"nobody" not in kept(home)


def test_guesses_at_the_same_moment_are_counted_one_by_one(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(accounts, "_is_right", lambda password, _: tried.append(password))

    def guess(number: int) -> None:
        with suppress(LockedError):
            Accounts(home).check("ada", f"guess {number}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(guess, range(40)))
    assert len(tried) == accounts.FREE_TRIES


def test_more_sign_ins_at_a_time_than_can_be_hashed_are_asked_to_come_back(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, go = threading.Semaphore(0), threading.Event()

    def slow(_password: str, _digest: str) -> bool:
        going.release()
        return go.wait(30)

    monkeypatch.setattr(accounts, "_is_right", slow)
    with ThreadPoolExecutor(accounts.MOST_WAITING) as pool:
        for number in range(accounts.MOST_WAITING):
            pool.submit(Accounts(home).check, f"name{number}", "x")
        for _ in range(accounts.MOST_WAITING):
            assert going.acquire(timeout=30)
        with pytest.raises(LockedError, match="at this moment"):
            Accounts(home).check("ada", PASSWORD)
        go.set()
    assert Accounts(home).check("ada", PASSWORD) is not None


def test_an_admin_lets_somebody_in_who_has_to_wait(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(accounts.FREE_TRIES):
        with monkeypatch.context() as patch:
            patch.setattr(accounts, "_is_right", lambda *_: False)
            Accounts(home).check("ada", "wrong")
    with pytest.raises(LockedError):
        Accounts(home).check("ada", PASSWORD)
    Accounts(home).change("ada", disabled=False)
    assert Accounts(home).check("ada", PASSWORD) is not None


def test_what_is_done_to_people_is_noted_with_who_did_it(home: Path, ada: User) -> None:
    people = Accounts(home)
    people.change("ada", role="tester", by="root")
    people.change("ada", projects=["till"], disabled=True, by="root")
    people.change("ada", password=PASSWORD + "2", by="ada")
    people.change("ada", role="tester", by="root")
    found = security.recorder(home)
    found.flush()
    told = [(one.fact.name, one.fact.actor, one.fact.resource) for one in found.waiting()]
    assert told == [
        ("user_added", "", "ada"), ("user_role_tester", "root", "ada"),
        ("user_projects", "root", "ada"), ("user_disabled", "root", "ada"),
        ("user_password", "ada", "ada"),
    ]  # fmt: skip


def test_the_last_admin_stays(home: Path) -> None:
    people = Accounts(home)
    people.add("root", "admin", PASSWORD)
    for change in ({"role": "viewer"}, {"disabled": True}):
        with pytest.raises(UsageError, match="no admin"):
            people.change("root", **change)  # type: ignore[arg-type]
    people.add("other", "admin", PASSWORD)
    assert people.change("root", role="viewer").role == "viewer"


# ---------------------------------------------------------------- sessions


def test_an_access_token_says_who_and_verifies_with_the_published_key(
    home: Path, ada: User
) -> None:
    pair = Sessions(home).open(ada)
    found = Sessions(home).identity(pair.access)
    assert found == Identity("ada", "developer", ("shop",), pair.identity.session_id)
    keys = jwt.PyJWKSet.from_dict(Sessions(home).jwks())
    kid = jwt.get_unverified_header(pair.access)["kid"]
    claims = jwt.decode(
        pair.access, keys[kid].key, algorithms=["EdDSA"], audience="golive", issuer="golive"
    )
    assert claims["exp"] - claims["iat"] == sessions.ACCESS_S
    assert access.who({access.COOKIE: pair.access}) == found


def test_a_token_of_another_home_or_none_opens_nothing(
    home: Path, ada: User, tmp_path: Path
) -> None:
    pair = Sessions(home).open(ada)
    elsewhere = tmp_path / "elsewhere"
    stranger = Accounts(elsewhere).add("ada", "admin", PASSWORD)
    forged = Sessions(elsewhere).open(stranger).access
    head, body, signature = pair.access.split(".")
    unsigned = jwt.encode({"sub": "ada", "role": "admin"}, "", algorithm="none")
    for bad in (forged, unsigned, f"{head}.{body}.", f"{head}.{body}.{signature[::-1]}", "a.b.c"):
        assert Sessions(home).identity(bad) is None


def test_an_access_token_is_over_after_its_time(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "ACCESS_S", -1)
    assert Sessions(home).identity(Sessions(home).open(ada).access) is None


def test_a_refresh_token_works_once_and_reuse_ends_the_family(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SAME_MOMENT_S", 0.0)
    first = Sessions(home).open(ada)
    second = Sessions(home).renew(first.refresh)
    assert second is not None
    assert second.refresh != first.refresh
    third = Sessions(home).renew(second.refresh)
    assert third is not None
    assert Sessions(home).renew(first.refresh) is None
    assert Sessions(home).renew(third.refresh) is None
    assert Sessions(home).identity(third.access) is None


def test_two_tabs_may_renew_at_the_same_moment(home: Path, ada: User) -> None:
    first = Sessions(home).open(ada)
    second = Sessions(home).renew(first.refresh)
    other = Sessions(home).renew(first.refresh)
    assert second is not None
    assert other is not None
    assert other.refresh == ""
    assert Sessions(home).renew(second.refresh) is not None


@pytest.mark.parametrize("bad", ["", ".", "x.y", "ä.b", "a" * 5000])
def test_a_refresh_token_that_is_none_renews_nothing(home: Path, ada: User, bad: str) -> None:
    assert Sessions(home).renew(bad) is None


@pytest.mark.parametrize(
    "change",
    [{"role": "viewer"}, {"projects": ["till"]}, {"password": PASSWORD + "2"}, {"disabled": True}],
)
def test_a_change_of_a_user_reaches_open_sessions(home: Path, ada: User, change: dict) -> None:
    pair = Sessions(home).open(ada)
    Accounts(home).change("ada", **change)
    assert Sessions(home).identity(pair.access) is None
    by_now = Sessions(home).holds(pair.identity)
    if "disabled" in change or "password" in change:
        assert by_now is None
    else:
        assert by_now is not None
        assert (by_now.role, by_now.projects) != ("developer", ("shop",))


@pytest.mark.parametrize("change", [{"password": PASSWORD + "2"}, {"disabled": True}])
def test_what_a_thief_may_hold_does_not_outlive_a_new_password_or_a_lock(
    home: Path, ada: User, change: dict
) -> None:
    pair = Sessions(home).open(ada)
    Accounts(home).change("ada", **change)
    Accounts(home).change("ada", disabled=False)
    assert Sessions(home).renew(pair.refresh) is None
    assert Sessions(home).identity(pair.access) is None
    assert Accounts(home).check("ada", change.get("password", PASSWORD)) is not None


def test_a_session_is_renewed_for_a_week_and_no_longer(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    pair = Sessions(home).open(ada)
    for _ in range(6):
        now[0] += 24 * 3600
        renewed = Sessions(home).renew(pair.refresh)
        assert renewed is not None
        pair = renewed
    now[0] += 24 * 3600 + 1
    assert Sessions(home).renew(pair.refresh) is None


def test_of_renewals_at_the_same_moment_one_wins(home: Path, ada: User) -> None:
    first = Sessions(home).open(ada)
    with ThreadPoolExecutor(8) as pool:
        pairs = list(pool.map(Sessions(home).renew, [first.refresh] * 8))
    assert all(pairs)
    (winner,) = [pair for pair in pairs if pair and pair.refresh]
    assert Sessions(home).renew(winner.refresh) is not None


def test_signing_out_ends_what_is_open(home: Path, ada: User) -> None:
    pair = Sessions(home).open(ada)
    Sessions(home).end(pair.identity.session_id)
    assert Sessions(home).identity(pair.access) is None
    assert Sessions(home).holds(pair.identity) is None
    assert Sessions(home).renew(pair.refresh) is None


def test_keys_rotate_without_signing_anybody_out(home: Path, ada: User) -> None:
    before = Sessions(home).open(ada)
    kid = Sessions(home).rotate_keys()
    after = Sessions(home).open(ada)
    assert jwt.get_unverified_header(after.access)["kid"] == kid
    assert jwt.get_unverified_header(before.access)["kid"] != kid
    assert Sessions(home).identity(before.access) is not None
    assert len(Sessions(home).jwks()["keys"]) == 2


def test_a_key_that_was_retired_long_ago_verifies_nothing(
    home: Path, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has an old key could write any time into a token."""
    real = time.time
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "ACCESS_S", 1_000_000)
        forever = Sessions(home).open(ada).access
    Sessions(home).rotate_keys()
    assert Sessions(home).identity(forever) is not None
    monkeypatch.setattr(time, "time", lambda: real() + 2 * sessions.ACCESS_S + 1)
    assert Sessions(home).identity(forever) is None
    assert len(Sessions(home).jwks()["keys"]) == 1


def test_a_key_that_somebody_else_has_ends_at_once_and_nobody_is_signed_out(
    home: Path, ada: User
) -> None:
    pair = Sessions(home).open(ada)
    assert Sessions(home).identity(pair.access) is not None
    Sessions(home).rotate_keys(at_once=True)
    assert Sessions(home).identity(pair.access) is None
    renewed = Sessions(home).renew(pair.refresh)
    assert renewed is not None
    assert Sessions(home).identity(renewed.access) is not None


# ---------------------------------------------------------------- permissions

EVERYTHING = sorted({pair for allowed in ALLOWED.values() for pair in allowed})


@pytest.mark.parametrize(("role", "pair"), list(itertools.product(ROLES, EVERYTHING)))
def test_the_whole_matrix_is_as_it_is_documented(role: access.Role, pair: tuple[str, str]) -> None:
    resource, action = pair
    documented = {
        tuple(row[:2]): dict(zip(ROLES, row[2:], strict=True))
        for row in (
            [cell.strip() for cell in line.strip("| \n").split("|")]
            for line in (Path(__file__).parents[2] / "docs" / "access.md").read_text().splitlines()
            if line.startswith("| ")
        )
        if len(row) == 2 + len(ROLES)
    }
    said = documented[resource, action][role]
    member, stranger = Identity("a", role, ("shop",)), Identity("a", role, ("till",))
    everywhere = Identity("a", role)
    assert member.may(action, resource, "shop") == (said != "no")
    assert stranger.may(action, resource, "shop") == (said == "yes")
    assert everywhere.may(action, resource, "shop") == (said != "no")
    assert member.may(action, resource) == (said != "no")


def test_the_documented_matrix_is_the_one_in_force() -> None:
    page = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    assert matrix() in page, "golive user matrix prints the new one"


def test_each_role_may_what_the_one_below_may() -> None:
    for upper, lower in itertools.pairwise(ROLES):
        assert set(ALLOWED[lower]) < set(ALLOWED[upper])


def test_what_nobody_named_is_not_allowed() -> None:
    assert not OWNER.may("destroy", "world")
    assert not Identity("a", "viewer").may("write", "builds")


def test_only_the_projects_of_somebody_are_visible() -> None:
    assert Identity("a", "viewer", ("shop",)).visible() == ("shop",)
    assert Identity("a", "viewer").visible() == ()
    assert Identity("a", "admin", ("shop",)).visible() == ()
