"""What single targets do beside the contract: signing in to registries, ways that do not exist."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from action_case import MODULES, World
from loopback import Asked, Loopback, Reply, ok, serving

from golive_actions.action import Action, Outcome, perform
from golive_core.errors import SettingsError, SourceAuthError, SourceDataError
from golive_core.lake import Lake
from golive_core.settings import Instance

CASES = {str(case): case for module in MODULES for case in module.CASES}


def do(lake: Lake, name: str, options: Mapping[str, object], /, **parameters: object) -> Outcome:
    instance = Instance("it", name.partition(".")[0], "shop", options)
    action = Action(name, instance, parameters)
    return perform(action, dry_run=False, actor="ada", lake=lake)


# ---------------------------------------------------------------- registry


@dataclass
class Guarded(Loopback):
    """A registry that sends people elsewhere for a token, as the Docker hub does."""

    password: str = "right-token"
    pushed: bytes = b""

    def answer(self, asked: Asked) -> Reply:
        given = asked.headers.get("authorization", "")
        if asked.path == "token":
            user, _, password = base64.b64decode(given.removeprefix("Basic ")).partition(b":")
            known = (user, password) == (b"bot", self.password.encode())
            return ok({"token": f"for {asked.query['scope']}"}) if known else (401, b"", {})
        if given != "Bearer for repository:team/shop:pull,push":
            challenge = f'Bearer realm="{self.url}/token",service="hub",scope="whatever"'
            return 401, b"", {"WWW-Authenticate": challenge}
        if asked.method == "PUT":
            self.pushed = asked.body
            return 201, b"", {}
        if asked.path.endswith("/1.2"):
            return 404, b"", {}
        return ok({"schemaVersion": 2})


@pytest.fixture
def hub() -> Iterator[Guarded]:
    with serving(Guarded()) as server:
        yield server


def test_a_registry_is_given_the_token_that_it_asks_for(lake: Lake, hub: Guarded) -> None:
    options = {"url": hub.url, "user": "bot", "token": "env:ACTION_TOKEN"}
    tags = {"image": "team/shop", "tag": "1.2-rc1", "to": "1.2"}
    done = do(lake, "registry.promote", options, **tags)
    digest = hashlib.sha256(b'{"schemaVersion": 2}').hexdigest()
    assert done.result == {"image": "team/shop", "tag": "1.2", "digest": f"sha256:{digest}",
                           "existed": False}  # fmt: skip
    assert json.loads(hub.pushed) == {"schemaVersion": 2}
    assert len(hub.asked("token?")) == 1


def test_a_wrong_password_at_the_place_of_tokens_is_said(lake: Lake, hub: Guarded) -> None:
    hub.password = "changed"
    options = {"url": hub.url, "user": "bot", "token": "env:ACTION_TOKEN"}
    with pytest.raises(SourceAuthError):
        do(lake, "registry.get_tags", options, image="team/shop")


@dataclass
class Odd(Loopback):
    """A registry that writes manifests anew and never mounts a blob."""

    def answer(self, asked: Asked) -> Reply:
        if asked.method == "PUT":
            return 201, b"", {"Docker-Content-Digest": "sha256:other"}
        if asked.method == "POST":
            return 202, b"", {"Location": f"/{asked.path}1"}
        if asked.method == "HEAD" or asked.path.endswith("/live"):
            return 404, b"", {}
        return ok({"schemaVersion": 2, "layers": [{"digest": "sha256:1", "size": 1}]})


@pytest.mark.parametrize(
    ("verb", "more", "told"),
    [("promote", {}, "became sha256:other"), ("copy", {"into": "team/prod"}, "does not lend")],
)
def test_a_registry_that_does_something_else_is_told(
    verb: str, more: dict[str, str], told: str, lake: Lake
) -> None:
    with serving(Odd()) as odd, pytest.raises(SourceDataError, match=told) as caught:
        do(lake, f"registry.{verb}", {"url": odd.url}, image="team/shop", tag="1", to="live",
           **more)  # fmt: skip
    assert caught.value.hint


# ---------------------------------------------------------------- others


def staged(world: World, case: str, **more: object) -> dict[str, object]:
    """Give the world the answers of a case, and return the options of its instance."""
    world.answers = {**CASES[case].answers, **more}
    return {"url": world.url, "user": "bot", "token": "env:ACTION_TOKEN"}


def test_an_issue_is_not_brought_where_no_way_leads(lake: Lake, world: World) -> None:
    options = staged(world, "jira.transition_issue")
    with pytest.raises(SourceDataError, match="Done, To Do"):
        do(lake, "jira.transition_issue", options, issue="SHOP-7", to="Abandoned")
    assert world.sent() == []


def test_a_way_may_be_named_by_its_own_name(lake: Lake, world: World) -> None:
    options = staged(world, "jira.transition_issue")
    done = do(lake, "jira.transition_issue", options, issue="SHOP-7", to="resolve")
    assert done.result["status"] == "Done"


def test_a_revision_that_is_not_kept_is_refused(lake: Lake, world: World) -> None:
    options = staged(world, "kubernetes.undo")
    with pytest.raises(SourceDataError, match="Kept: 1, 2, 3"):
        do(lake, "kubernetes.undo", options, name="web", namespace="shop", revision=7)
    assert world.sent() == []


def test_artifacts_are_saved_where_they_should_be(lake: Lake, world: World, tmp_path: Path) -> None:
    file = {"GET job/shop/job/deploy/7/artifact/out/a.txt": (200, b"content", {})}
    options = staged(world, "jenkins.get_artifacts", **file)
    where = {"job": "shop/deploy", "build": "7", "into": str(tmp_path / "kept")}
    (found,) = do(lake, "jenkins.get_artifacts", options, **where).result
    assert Path(found["file"]).read_bytes() == b"content"
    assert Path(found["file"]) == tmp_path / "kept" / "out" / "a.txt"


def test_an_artifact_does_not_leave_its_folder(lake: Lake, world: World, tmp_path: Path) -> None:
    evil = {"artifacts": [{"fileName": "x", "relativePath": "../../x"}]}
    options = staged(world, "jenkins.get_artifacts", **{
        "GET job/shop/job/deploy/7/api/json": evil})  # fmt: skip
    where = {"job": "shop/deploy", "build": "7", "into": str(tmp_path / "kept")}
    with pytest.raises(SourceDataError, match="is not saved"):
        do(lake, "jenkins.get_artifacts", options, **where)
    assert not (tmp_path.parent / "x").exists()


def test_a_refusal_that_is_none_of_the_known_ones_stays_an_error(lake: Lake, world: World) -> None:
    refused = (422, {"message": "Validation Failed", "errors": [{"field": "head"}]}, {})
    options = staged(world, "github.create_pull_request", **{
        "POST repos/team/shop/pulls": refused, "GET repos/team/shop/pulls": []})  # fmt: skip
    parameters = {"repository": "team/shop", "title": "T", "head": "nowhere", "base": "main"}
    with pytest.raises(SourceDataError, match="Validation Failed"):
        do(lake, "github.create_pull_request", options, **parameters)


def test_wrong_options_are_named(lake: Lake) -> None:
    with pytest.raises(SettingsError, match="https://"):
        do(lake, "jenkins.authenticate", {"url": "ci.example.org"})
    with pytest.raises(SettingsError, match="has no url"):
        do(lake, "jenkins.authenticate", {})
