"""People at the gateway: the form, cookies, other sites, sessions for programs, roles and rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from golive_core import access, accounts, sessions
from golive_core.accounts import Accounts
from golive_core.lake import Lake
from golive_core.sessions import REFRESH_COOKIE, Sessions
from golive_gateway import routes
from golive_gateway.app import create_app

PASSWORD = "correct horse battery"
HERE = "http://127.0.0.1:8000"
Served = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LOOK_S", 0.0)


@pytest.fixture
def client(home: Path) -> TestClient:
    Accounts(home).add("ada", "developer", PASSWORD, projects=["shop"])
    return browser()


def browser() -> TestClient:
    return TestClient(create_app(), base_url=HERE, follow_redirects=False)


def signed_in(client: TestClient, name: str = "ada", **form: str) -> httpx.Response:
    data = {"name": name, "password": PASSWORD, **form}
    return client.post("/sign-in", data=data, headers={"origin": HERE})


def test_the_form_signs_in_with_cookies_that_no_script_reads(client: TestClient) -> None:
    page = client.get("/sign-in")
    assert page.status_code == 200
    assert "autocomplete='current-password'" in page.text
    assert "form-action 'self' http://127.0.0.1:8501/" in page.headers["content-security-policy"]
    answer = signed_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:8501/")
    cookies = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        cookies.load(line)
    assert {access.COOKIE, REFRESH_COOKIE} == set(cookies)
    assert all(one["httponly"] and one["samesite"] == "lax" for one in cookies.values())
    assert cookies[REFRESH_COOKIE]["path"] == "/sign-in"
    assert client.get("/v1/session").json() == {
        "name": "ada", "role": "developer", "projects": ["shop"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("to", "place"),
    [
        ("/builds?days=7", "http://127.0.0.1:8501/builds?days=7"),
        ("//evil.example", "http://127.0.0.1:8501/"),
        ("https://evil.example/", "http://127.0.0.1:8501/"),
        ("/\\evil.example", "http://127.0.0.1:8501/"), ("", "http://127.0.0.1:8501/"),
    ],
)  # fmt: skip
def test_nobody_is_led_to_another_site(client: TestClient, to: str, place: str) -> None:
    assert signed_in(client, to=to).headers["location"] == place


def test_a_wrong_password_says_no_more_than_that(client: TestClient) -> None:
    wrong = client.post("/sign-in", data={"name": "ada", "password": "x"}, headers={"origin": HERE})
    nobody = client.post(
        "/sign-in", data={"name": "eve", "password": "x"}, headers={"origin": HERE}
    )
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace("ada", "") == nobody.text.replace("eve", "")
    assert "set-cookie" not in wrong.headers
    script = client.post(
        "/sign-in", data={"name": "<script>", "password": "x"}, headers={"origin": HERE}
    )
    assert "<script>" not in script.text


def test_who_guesses_is_told_to_wait(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_is_right", lambda *_: False)
    data = {"name": "ada", "password": "wrong"}
    codes = [
        client.post("/sign-in", data=data, headers={"origin": HERE}).status_code for _ in range(6)
    ]
    assert codes == [401] * 5 + [429]
    answer = client.post("/v1/session", json=data)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 31


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_another_site_changes_nothing_in_somebodys_name(
    client: TestClient, home: Path, headers: dict[str, str]
) -> None:
    signed_in(client)
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.request("DELETE", "/v1/session", headers=headers).status_code == 403
    assert client.post("/v1/sql", json={"sql": "select 1"}, headers=headers).status_code == 403
    data = {"name": "ada", "password": PASSWORD}
    assert browser().post("/sign-in", data=data, headers=headers).status_code == 403
    assert client.get("/v1/session").status_code == 200


def test_a_browser_that_keeps_the_address_private_signs_in_all_the_same(
    client: TestClient,
) -> None:
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}
    answer = client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 303
    assert client.post("/sign-out", headers=headers).status_code == 303


def test_a_header_that_is_no_token_does_not_excuse_another_site(client: TestClient) -> None:
    signed_in(client)
    headers = {"origin": "https://evil.example", "authorization": "Basic YTpi"}
    assert client.post("/sign-out", headers=headers).status_code == 403


def test_programs_may_guess_no_more_often_than_people(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_GATEWAY_SIGN_INS", "3/minute")
    monkeypatch.setattr(accounts, "_is_right", lambda *_: False)
    bare = browser()
    codes = [
        bare.post("/v1/session", json={"name": f"name{number}", "password": "x"}).status_code
        for number in range(4)
    ]
    assert codes == [401] * 3 + [429]
    answer = bare.post("/sign-in", data={"name": "a", "password": "x"}, headers={"origin": HERE})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_session_that_is_over_is_renewed_on_the_way(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "ACCESS_S", -1)
        signed_in(client)
    assert client.get("/v1/session").status_code == 401
    answer = client.get("/sign-in", params={"to": "/builds"})
    assert (answer.status_code, answer.headers["location"]) == (
        303, "http://127.0.0.1:8501/builds",
    )  # fmt: skip
    assert client.get("/v1/session").json()["name"] == "ada"


def test_signing_out_ends_the_session_everywhere(client: TestClient, home: Path) -> None:
    signed_in(client)
    stolen = dict(client.cookies)
    assert client.post("/sign-out", headers={"origin": HERE}).status_code == 303
    assert client.get("/v1/session").status_code == 401
    other = TestClient(create_app(), base_url=HERE, cookies=stolen, follow_redirects=False)
    assert other.get("/v1/session").status_code == 401


def changed(client: TestClient, present: str, new: str) -> httpx.Response:
    given = {"present": present, "new": new}
    return client.post("/sign-in/password", data=given, headers={"origin": HERE})


def test_people_change_their_own_password_and_their_other_sessions_end(
    client: TestClient, home: Path
) -> None:
    other = browser()
    for one in (client, other):
        signed_in(one)
    assert "autocomplete='new-password'" in client.get("/sign-in/password").text
    assert changed(client, PASSWORD + "x", "a better horse battery").status_code == 401
    assert changed(client, PASSWORD, "short").status_code == 400
    assert changed(client, PASSWORD, "a better horse battery").status_code == 200
    assert client.get("/v1/session").json()["name"] == "ada"
    assert other.get("/v1/session").status_code == 401
    assert other.get("/sign-in").status_code == 200
    assert Accounts(home).check("ada", PASSWORD) is None
    assert Accounts(home).check("ada", "a better horse battery") is not None


def test_only_who_has_a_password_changes_one(client: TestClient) -> None:
    for method in ("GET", "POST"):
        given = {"present": PASSWORD, "new": PASSWORD * 2}
        answer = client.request(method, "/sign-in/password", data=given, headers={"origin": HERE})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    client.get("/sign-in", params={"token": access.make_token("link")})
    assert "golive up" in client.get("/sign-in/password").text
    assert changed(client, PASSWORD, PASSWORD * 2).status_code == 303
    headers = {"origin": "https://evil.example"}
    other = client.post("/sign-in/password", data={"present": "a", "new": "b"}, headers=headers)
    assert other.status_code == 403


def test_guessing_the_present_password_has_to_wait_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    monkeypatch.setattr(accounts, "_is_right", lambda *_: False)
    answers = [changed(client, "wrong", "a better horse battery") for _ in range(6)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Try again in 30 seconds" in answers[-1].text or "31 seconds" in answers[-1].text


def test_programs_get_tokens_and_renew_them(client: TestClient) -> None:
    opened = client.post("/v1/session", json={"name": "ada", "password": PASSWORD}).json()
    assert (opened["token_type"], opened["expires_in"]) == ("Bearer", 900)
    bare = browser()
    headers = {"authorization": f"Bearer {opened['access_token']}"}
    assert bare.get("/v1/session", headers=headers).json()["name"] == "ada"
    renewed = bare.post("/v1/session/renew", json={"refresh_token": opened["refresh_token"]})
    assert renewed.status_code == 200
    assert bare.post("/v1/session/renew", json={"refresh_token": "x.y"}).status_code == 401
    assert bare.request("DELETE", "/v1/session", headers=headers).status_code == 204
    assert bare.get("/v1/session", headers=headers).status_code == 401


def test_the_key_set_is_public(client: TestClient) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    assert "d" not in key


def test_roles_and_rows_are_held_to(served: Served, simulated: Path) -> None:
    served()
    people = Accounts(simulated)
    known = {one.name for one in people.all()}
    for name, role, projects in (
        ("viewer", "viewer", ["demo"]), ("stranger", "developer", ["elsewhere"]),
        ("builder", "developer", ["demo"]), ("root", "admin", []),
    ):  # fmt: skip
        user = people.get(name) if name in known else people.add(name, role, projects=projects)
        headers = {"authorization": f"Bearer {Sessions(simulated).open(user).access}"}
        bare = TestClient(create_app(), base_url=HERE, headers=headers)
        builds = bare.get("/v1/builds")
        assert builds.status_code == 200
        assert bool(builds.json()) == (projects != ["elsewhere"])
        asked = bare.get("/v1/builds", params={"project": "demo"})
        assert asked.status_code == (403 if projects == ["elsewhere"] else 200)
        asked = {"sql": "select count(*) as n from core.builds"}
        sql = bare.post("/v1/sql", json=asked)
        assert sql.status_code == (403 if role == "viewer" else 200)
        if role != "viewer":
            assert bool(sql.json()[0]["n"]) == (projects != ["elsewhere"])
        asked = {"sql": "select * from ops.security_events"}
        secret = bare.post("/v1/sql", json=asked)
        assert secret.status_code == {"viewer": 403, "developer": 400, "admin": 200}[role]
        assert bare.get("/auth/dashboards").status_code == 204
        may_use = role in ("admin", "developer")
        assert bare.get("/auth/dagster").status_code == (204 if may_use else 403)


def test_every_question_of_a_route_is_in_the_permissions() -> None:
    """Something misspelt would be refused to everybody, and be missing in the matrix."""
    folder = Path(routes.__file__).parent
    question = re.compile(r'(?:authorise|allows)(?:\(|, )request, "(\w+)", "(\w+)"')
    asked = {
        (resource, action)
        for path in folder.glob("*.py")
        for action, resource in question.findall(path.read_text())
    }
    assert len(asked) > 5
    assert asked <= set(access.ADMIN)


PUBLIC = {
    ("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/health/live"),
    ("GET", "/health/ready"), ("GET", "/sign-in"), ("POST", "/sign-in"),
    ("POST", "/sign-out"), ("GET", "/sign-in/oidc"), ("GET", "/sign-in/oidc/callback"),
    ("GET", "/sign-in/password"), ("POST", "/sign-in/password"),
    ("GET", "/.well-known/jwks.json"), ("POST", "/v1/session"), ("POST", "/v1/session/renew"),
}  # fmt: skip
"""What answers without asking who it is: signing in, descriptions, probes. None tells of data."""


def test_a_gateway_is_closed_to_everybody_who_has_no_session_and_no_token(
    served: Served, simulated: Path
) -> None:
    served()
    app = create_app()
    bare = TestClient(app, base_url=HERE, follow_redirects=False)
    described = [
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if (method.upper(), path) not in PUBLIC
    ]
    assert len(described) > 20
    for method, path in described:
        at = path.format(
            instance="demo", service="dashboards", project="demo", what="flaky", sha256="0" * 64
        )
        given = {"sql": "select 1"}
        answer = bare.request(method, at, headers={"origin": HERE}, json=given,
                              params={"project": "demo", "build": "b", "test": 1})  # fmt: skip
        expected = 404 if path.startswith("/webhooks") else 401  # no source is called demo
        assert answer.status_code == expected, (method, path)
    build = Lake(simulated / "lake").query("select max(build_id) from core.builds").item()
    for method, path in PUBLIC:
        assert build not in bare.request(method, path, headers={"origin": HERE}).text
