"""An action is performed once, recorded before and after, and never by an agent alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from action_case import MODULES, Case, World
from action_stage import SECRET, Stage

from golive_actions import find
from golive_actions.action import UnfinishedError
from golive_core.errors import SourceDataError, UsageError
from golive_core.lake import Lake
from golive_core.settings import Instance

GITHUB = next(one for one in MODULES if one.TYPE == "github")
CASES = {str(case): case for case in GITHUB.CASES}
SHA = GITHUB.SHA
Staged = Callable[[ModuleType, Case], Stage]


@pytest.fixture
def pull(staged: Staged) -> Stage:
    return staged(GITHUB, CASES["github.create_pull_request"])


@pytest.fixture
def status(staged: Staged) -> Stage:
    return staged(GITHUB, CASES["github.set_commit_status"])


def test_another_key_performs_it_again(pull: Stage) -> None:
    pull.perform(key="one")
    pull.perform(key="one")
    pull.perform(key="two")
    assert len(pull.world.sent()) == 2


def test_text_and_number_are_the_same_parameter(staged: Staged) -> None:
    stage = staged(GITHUB, CASES["github.set_comment"])
    stage.perform(parameters={"number": 5})
    assert stage.perform(parameters={"number": "5"}).is_repeated


def test_what_was_sent_on_to_another_address_is_not_taken_for_done(pull: Stage) -> None:
    elsewhere = pull.world.url.replace("127.0.0.1", "localhost")
    place = {"Location": f"{elsewhere}/repos/team/shop/pulls"}
    pull.world.answers = {"POST repos/team/shop/pulls": (301, b"", place),
                          "GET repos/team/shop/pulls": {"number": 1}}  # fmt: skip
    pull.world.token = None
    with pytest.raises(SourceDataError, match="perhaps nothing was done"):
        pull.perform()
    assert pull.phases() == ["asked", "failed"]


def test_a_dry_run_does_not_count_as_performed(pull: Stage) -> None:
    pull.perform(dry_run=True)
    assert pull.perform().is_repeated is False
    assert pull.phases() == ["asked", "dry_run", "asked", "done"]


def test_a_state_may_be_set_again_after_another(status: Stage) -> None:
    for word in ("failed", "failed", "passed", "failed"):
        status.perform(parameters={"state": word})
    assert [one.json()["state"] for one in status.world.sent()] == ["failure", "success", "failure"]


def test_a_given_key_sets_a_state_only_once(status: Stage) -> None:
    for word in ("failed", "passed", "failed"):
        status.perform(parameters={"state": word}, key=word)
    assert len(status.world.sent()) == 2


def test_an_agent_only_proposes(pull: Stage) -> None:
    for approver in ("", "agent:reviewer"):
        with pytest.raises(UsageError, match="may only propose"):
            pull.perform(actor="agent:error_resolver", approved_by=approver)
    assert pull.world.asked_for == []
    pull.perform(actor="agent:error_resolver", approved_by="ada")
    (detail,) = pull.lake.query(
        "select detail from ops.audit_log where phase = 'asked' and actor like 'agent:%'"
    )["detail"].to_list()
    assert '"approved_by": "ada"' in detail


def test_secrets_reach_the_server_and_no_record(staged: Staged, home: Path) -> None:
    stage = staged(GITHUB, CASES["github.create_webhook"])
    shown = stage.perform(dry_run=True)
    stage.perform()
    assert stage.world.sent()[0].json()["config"]["secret"] == "hook-secret-value"
    told = stage.lake.query("select detail from ops.audit_log")["detail"].to_list()
    for text in (*told, str(shown.result)):
        assert "hook-secret-value" not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("github.create_pul", {}, "create_pull_request"),
        ("githup.create_pull_request", {}, "github"),
        ("github.create_pull_request", {"titel": "x"}, "titel"),
        ("github.create_pull_request", {"title": "x"}, "repository, head, base"),
        ("github.set_comment", {"number": "x"}, "repository, body"),
        ("github.set_comment", {"repository": "a/b", "number": "x", "body": "y"}, "number"),
        ("github.create_webhook", {"repository": "a/b", "url": "u", "secret": "s3cret"}, "secret"),
        ("gitlab.authenticate", {}, "is of type github"),
    ],
)
def test_wrong_use_is_refused_before_anything_happens(
    pull: Stage, name: str, parameters: dict[str, object], said: str
) -> None:
    from golive_actions.action import Action, perform

    with pytest.raises(UsageError) as caught:
        perform(Action(name, pull.instance, parameters), actor="ada", lake=pull.lake)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert pull.phases() == []


def test_a_target_is_added_by_adding_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import golive_actions

    (tmp_path / "bell.py").write_text(
        '"""A bell."""\nfrom golive_actions.target import Target, makes\n'
        'class Bell(Target):\n    type = "bell"\n'
        '    @makes("bell")\n    def ring(self, times: int = 1):\n        """Ring."""\n'
    )
    monkeypatch.setattr(golive_actions, "__path__", [*golive_actions.__path__, str(tmp_path)])
    find.targets.cache_clear()
    try:
        assert [one.name for one in find.verbs("bell").values()] == ["bell.ring"]
    finally:
        find.targets.cache_clear()
        sys.modules.pop("golive_actions.bell")


KILLED = """
import sys
from golive_actions.action import Action, perform
from golive_core.lake import Lake
from golive_core.settings import Instance
lake, url, verb, *pairs = sys.argv[1:]
options = {"url": url, "token": "env:ACTION_TOKEN"}
parameters = dict(pair.split("=", 1) for pair in pairs)
action = Action(verb, Instance("it", "github", "shop", options), parameters)
perform(action, dry_run=False, actor="ada", lake=Lake(lake))
"""


def killed(stage: Stage) -> None:
    """Perform in a process of its own, and kill it while the server takes its time."""
    stage.world.fault("", "slow", seconds=60)
    pairs = [f"{key}={value}" for key, value in stage.case.parameters.items()]
    command = [sys.executable, "-c", KILLED, str(stage.lake.root), stage.world.url]
    process = subprocess.Popen([*command, stage.case.verb, *pairs])
    until = time.monotonic() + 60
    while not stage.world.seen and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert stage.world.seen


def test_a_kill_in_between_leaves_a_record_that_says_so(pull: Stage) -> None:
    killed(pull)
    assert pull.phases() == ["asked"]
    with pytest.raises(UnfinishedError, match="may have happened"):
        pull.perform()
    assert pull.phases() == ["asked"]
    assert pull.perform(key="again").state == "done"


def test_a_state_is_simply_set_again_after_a_kill(status: Stage) -> None:
    killed(status)
    assert status.perform().state == "done"
    assert status.phases() == ["asked", "asked", "done"]


def test_a_token_of_the_instance_is_a_reference(world: World, lake: Lake, home: Path) -> None:
    from golive_actions.target import Place

    place = Place(Instance("it", "github", "shop", {"token": "file:token.txt"}), lake, home)
    (home / "token.txt").write_text("abcd-token\n")
    made = find.target("github")(place)
    assert made.root() == "https://api.github.com"
    assert made.credentials() == {"authorization": "Bearer abcd-token"}
