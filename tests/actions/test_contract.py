"""What every verb keeps, whatever it does. A verb is in the project only if all of these pass."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from action_case import MODULES, Case, covers
from action_stage import Stage
from loopback import Asked

import golive_actions
from golive_actions import find
from golive_core.errors import SourceAuthError, SourceUnreachableError
from golive_core.redact import MASK

ALL = [pytest.param(module, case, id=str(case)) for module in MODULES for case in module.CASES]
WRITES = [one for one in ALL if one.values[1].request]
READS = [one for one in ALL if not one.values[1].request]
FOUND = [one for one in WRITES if one.values[1].state]
WITHOUT_SERVER = {"notify.send", "jira.release_notes"}
SIGNED_IN = [*READS, *{one.values[0].TYPE: one for one in WRITES}.values()]
"""One writing verb of each target: credentials are the target's."""
Staged = Callable[[ModuleType, Case], Stage]


def content(sent: Asked) -> object:
    """Return the body of a request: JSON as what it says, everything else as text."""
    kind = sent.headers.get("content-type", "")
    return sent.json() if kind.endswith("json") else sent.body.decode()


def test_every_verb_has_a_case() -> None:
    verbs = {verb.name for name in find.targets() for verb in find.verbs(name).values()}
    assert verbs - WITHOUT_SERVER == {one.values[1].verb for one in ALL}


def test_a_target_never_imports_another() -> None:
    for file in Path(golive_actions.__path__[0]).glob("*.py"):
        imported = {
            node.module for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom)
        }  # fmt: skip
        others = {f"golive_actions.{name}" for name in find.targets()}
        assert not imported & others, file.name


@pytest.mark.parametrize("name", find.targets())
def test_a_target_explains_itself(name: str) -> None:
    kind = find.target(name)
    assert kind.title
    assert f'type = "{name}"' in kind.example
    assert all(verb.doc for verb in find.verbs(name).values())


@pytest.mark.parametrize(("module", "case"), READS)
def test_a_reading_verb_answers_and_leaves_no_record(
    module: ModuleType, case: Case, staged: Staged
) -> None:
    stage = staged(module, case)
    outcome = stage.perform(dry_run=True)
    assert covers(outcome.result, case.result), outcome.result
    assert stage.world.sent() == []
    assert stage.phases() == []


@pytest.mark.parametrize(("module", "case"), WRITES)
def test_a_dry_run_shows_the_documented_request_which_is_then_sent_once(
    module: ModuleType, case: Case, staged: Staged
) -> None:
    stage = staged(module, case)
    shown = stage.perform(dry_run=True).result["request"]
    assert (len(stage.world.asked_for), stage.world.sent()) == (case.looks, [])
    assert stage.phases() == ["asked", "dry_run"]
    first, second = stage.perform(), stage.perform()
    (sent,) = stage.world.sent()
    assert f"{sent.method} {sent.path}" == case.request
    assert content(sent) == case.body
    assert covers(first.result, case.result), first.result
    assert (second.result, second.is_repeated) == (first.result, True)
    assert stage.phases() == ["asked", "dry_run", "asked", "done"]
    assert shown["headers"]["authorization"] == MASK
    assert (shown["method"], shown["url"].partition("?")[0]) == (
        sent.method, f"{stage.world.url}/{sent.raw_path}",
    )  # fmt: skip
    if "secret" not in case.parameters:
        assert shown["body"] == content(sent)


@pytest.mark.parametrize(("module", "case"), FOUND)
def test_what_exists_already_is_a_success(module: ModuleType, case: Case, staged: Staged) -> None:
    stage = staged(module, case)
    stage.world.answers |= case.state
    assert covers(stage.perform().result, case.found)
    assert stage.phases() == ["asked", "done"]


@pytest.mark.parametrize(("module", "case"), WRITES)
def test_trouble_of_the_server_is_recorded_and_it_may_be_tried_again(
    module: ModuleType, case: Case, staged: Staged
) -> None:
    stage = staged(module, case)
    stage.world.fault("", "500", times=9)
    with pytest.raises(SourceUnreachableError, match="500"):
        stage.perform()
    assert stage.phases() == ["asked", "failed"]
    stage.world.faults.clear()
    assert stage.perform().state == "done"
    assert stage.phases() == ["asked", "failed", "asked", "done"]


@pytest.mark.parametrize(("module", "case"), SIGNED_IN)
def test_a_wrong_token_is_said_to_be_wrong(module: ModuleType, case: Case, staged: Staged) -> None:
    stage = staged(module, case)
    stage.world.token = "another-token"
    with pytest.raises(SourceAuthError):
        stage.perform()
    assert stage.phases() == (["asked", "failed"] if case.request else [])
