"""Signing in at a real OpenID provider process, and everything that must not get through."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from fastapi.testclient import TestClient

from golive_core import sessions
from golive_core.accounts import Accounts
from golive_core.errors import SettingsError
from golive_core.sections import SignIn
from golive_gateway import openid
from golive_gateway.app import create_app

HERE = "http://127.0.0.1:8000"
USERS = (
    {"sub": "s-ada", "preferred_username": "Ada L", "email": "ada@example.org",
     "groups": ["engineering", "all"]},
    {"sub": "s-eve", "email": "eve@example.org", "groups": ["sales"]},
    {"sub": "s-root", "email": "root@example.org", "groups": "platform"},
    {"sub": "s-joe", "email": "Joe@Example.org", "email_verified": True},
    {"sub": "s-liar", "email": "joe@example.org", "email_verified": False},
)  # fmt: skip


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users = [word for one in USERS for word in ("--user-claims", json.dumps(one))]
    program = Path(sys.executable).parent / "oidc-provider-mock"
    process = subprocess.Popen(
        [str(program), "-p", str(port), "-n", "true", *users],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    issuer = f"http://localhost:{port}"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            told = httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration").json()
            issuer = told["issuer"]
            break
        except (httpx.HTTPError, ValueError):
            time.sleep(0.1)
    yield issuer.rstrip("/")
    process.terminate()
    process.wait(20)


@pytest.fixture
def client(home: Path, provider: str, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    openid._kept.clear()
    for name, value in {
        "ISSUER": provider, "CLIENT_ID": "golive", "ROLE_CLAIM": "groups", "ADMINS": "platform",
        "DEVELOPERS": "engineering, research", "CLIENT_SECRET": "env:OIDC_SECRET",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"GOLIVE_SIGN_IN_{name}", value)
    monkeypatch.setenv("OIDC_SECRET", "a-client-secret")
    return TestClient(create_app(), base_url=HERE, follow_redirects=False)


def consent(address: str, subject: str) -> str:
    """Choose a user on the provider's page, as a person would; return where it leads back."""
    answer = httpx.post(address, data={"sub": subject}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def returned(client: TestClient, subject: str, to: str = "") -> httpx.Response:
    begun = client.get("/sign-in/oidc", params={"to": to})
    assert begun.status_code == 303, begun.text
    back = consent(begun.headers["location"], subject)
    return client.get(back.removeprefix(HERE))


def test_somebody_comes_in_with_the_role_of_their_group(client: TestClient, home: Path) -> None:
    assert "Sign in with your organisation" in client.get("/sign-in").text
    answer = returned(client, "s-ada", "/builds")
    assert (answer.status_code, answer.headers["location"]) == (
        303, "http://127.0.0.1:8501/builds",
    )  # fmt: skip
    assert client.get("/v1/session").json() == {
        "name": "ada-l", "role": "developer", "projects": [],
    }  # fmt: skip
    returned(TestClient(client.app, base_url=HERE, follow_redirects=False), "s-ada")
    assert [one.name for one in Accounts(home).all()] == ["ada-l"]


def test_the_request_is_bound_to_this_browser(client: TestClient) -> None:
    begun = client.get("/sign-in/oidc")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{HERE}/sign-in/oidc/callback"]
    assert len(asked["nonce"][0]) >= 32
    cookie = begun.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "path=/sign-in/oidc" in cookie
    assert asked["state"][0] not in cookie


def test_who_is_in_no_group_stays_outside(client: TestClient, home: Path) -> None:
    answer = returned(client, "s-eve")
    assert answer.status_code == 403
    assert "Ask an admin" in answer.text
    assert Accounts(home).all() == []


def test_a_role_follows_the_provider_at_the_next_sign_in(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOK_S", 0.0)
    returned(client, "s-root")
    assert client.get("/v1/session").json()["role"] == "admin"
    Accounts(home).add("other", "admin", "correct horse battery")
    monkeypatch.setenv("GOLIVE_SIGN_IN_ADMINS", "nobody")
    monkeypatch.setenv("GOLIVE_SIGN_IN_TESTERS", "platform")
    again = TestClient(client.app, base_url=HERE, follow_redirects=False)
    returned(again, "s-root")
    assert again.get("/v1/session").json()["role"] == "tester"
    assert client.get("/v1/session").status_code == 401


def test_who_lost_their_group_is_signed_out_as_soon_as_the_provider_says_so(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LOOK_S", 0.0)
    returned(client, "s-ada")
    assert client.get("/v1/session").status_code == 200
    monkeypatch.setenv("GOLIVE_SIGN_IN_DEVELOPERS", "research")
    other = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert returned(other, "s-ada").status_code == 403
    assert client.get("/v1/session").status_code == 401


def test_a_disabled_user_stays_outside(client: TestClient, home: Path) -> None:
    returned(client, "s-ada")
    Accounts(home).change("ada-l", disabled=True)
    other = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert returned(other, "s-ada").status_code == 403


def test_a_name_that_is_taken_is_not_taken_over(client: TestClient, home: Path) -> None:
    Accounts(home).add("ada-l", "admin", "correct horse battery")
    returned(client, "s-ada")
    assert client.get("/v1/session").json() == {
        "name": "ada-l-2", "role": "developer", "projects": [],
    }  # fmt: skip


def test_who_is_expected_comes_in_with_what_an_admin_gave_them(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOLIVE_SIGN_IN_ROLE_CLAIM")
    Accounts(home).add("joe@example.org", "tester", projects=["shop"])
    liar = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert returned(liar, "s-liar").status_code == 403
    assert returned(client, "s-joe").status_code == 303
    assert client.get("/v1/session").json() == {
        "name": "joe@example.org", "role": "tester", "projects": ["shop"],
    }  # fmt: skip
    again = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert returned(again, "s-joe").status_code == 303
    assert [one.name for one in Accounts(home).all()] == ["joe@example.org"]


def test_an_account_with_a_password_is_not_taken_over_by_its_address(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOLIVE_SIGN_IN_ROLE_CLAIM")
    Accounts(home).add("joe@example.org", "admin", "correct horse battery")
    assert returned(client, "s-joe").status_code == 403
    assert Accounts(home).get("joe@example.org").subject == ""


def test_what_did_not_begin_here_is_refused(client: TestClient) -> None:
    begun = client.get("/sign-in/oidc")
    back = consent(begun.headers["location"], "s-ada").removeprefix(HERE)
    stranger = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert stranger.get(back).status_code == 403
    assert client.get(re.sub(r"state=[^&]*", "state=x", back)).status_code == 403
    assert (
        client.get("/sign-in/oidc/callback", params={"error": "access_denied"}).status_code == 403
    )
    assert client.get(back).status_code == 303
    replay = TestClient(client.app, base_url=HERE, follow_redirects=False)
    assert replay.get(back).status_code == 403


def test_a_cookie_that_was_changed_is_refused(client: TestClient) -> None:
    begun = client.get("/sign-in/oidc")
    value = client.cookies.get(openid.COOKIE, path=openid.PATH)
    assert value is not None
    assert openid.opened(value) is not None
    assert openid.opened(value[:-1] + ("0" if value[-1] != "0" else "1")) is None
    assert openid.opened("") is None
    assert begun.status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"}, {"iss": "https://evil.example"}, {"exp": 1}, {"nonce": "x"},
        {"azp": "another"}, {"sub": None},
    ],
)  # fmt: skip
def test_a_token_that_does_not_hold_is_refused(
    client: TestClient, provider: str, wrong: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    monkeypatch.setattr(openid.Provider, "_key", lambda *_: private.public_key())
    now = int(time.time())
    claims = {
        "iss": openid.Provider(_settings(provider))._described()["issuer"], "aud": "golive",
        "sub": "s", "nonce": "n", "iat": now, "exp": now + 60,
    }  # fmt: skip
    good = jwt.encode(claims, private, algorithm="EdDSA")
    assert openid.Provider(_settings(provider))._believed(good, "n")["sub"] == "s"
    bad = {name: value for name, value in {**claims, **wrong}.items() if value is not None}
    with pytest.raises(openid.OpenIdError):
        openid.Provider(_settings(provider))._believed(
            jwt.encode(bad, private, algorithm="EdDSA"), "n"
        )


def test_an_unsigned_token_or_one_of_a_stranger_is_refused(provider: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    openid._kept.clear()
    believed = openid.Provider(_settings(provider))._believed
    unsigned = jwt.encode({"sub": "s"}, "", algorithm="none")
    strange = jwt.encode(
        {"sub": "s"}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": "x"}
    )
    for bad in (unsigned, strange, "a.b.c"):
        with pytest.raises((openid.OpenIdError, jwt.PyJWTError)):
            believed(bad, "n")


def test_a_provider_that_is_away_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_SIGN_IN_ISSUER", "http://127.0.0.1:9")
    answer = client.get("/sign-in/oidc")
    assert answer.status_code == 403
    assert "Try again" in answer.text
    monkeypatch.delenv("GOLIVE_SIGN_IN_ISSUER")
    assert client.get("/sign-in/oidc").status_code == 403


def test_a_provider_elsewhere_has_to_be_asked_by_tls() -> None:
    assert openid.Provider(SignIn(issuer="https://login.example.org", client_id="golive"))
    for bad in ("http://login.example.org", "http://127.0.0.1.example.org", "login.example.org"):
        with pytest.raises(SettingsError, match="https"):
            openid.Provider(SignIn(issuer=bad, client_id="golive"))


def _settings(provider: str) -> SignIn:
    return SignIn(issuer=provider, client_id="golive")
