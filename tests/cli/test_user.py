"""`golive user` at a terminal: people come and go, and what is asked wrongly is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from golive_cli.access_docs import matrix
from golive_cli.main import build
from golive_core.accounts import Accounts
from golive_core.sessions import Sessions

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def own_base(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def golive(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(build(), ["user", *words], input=typed)


def test_somebody_is_let_in_changed_and_locked_out(home: Path) -> None:
    made = golive("add", "ada", "--role", "developer", "--project", "shop", typed=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output
    assert Accounts(home).check("ada", PASSWORD) is not None
    assert golive("role", "ada", "--role", "tester").exit_code == 0
    assert golive("projects", "ada", "--project", "shop", "--project", "till").exit_code == 0
    session = Sessions(home).open(Accounts(home).get("ada"))
    assert golive("password", "ada", typed="a better horse battery\n").exit_code == 0
    assert Sessions(home).renew(session.refresh) is None
    assert golive("disable", "ada").exit_code == 0
    (told,) = json.loads(golive("list", "--json").stdout)
    assert (told["name"], told["role"], told["state"]) == ("ada", "tester", "disabled")
    assert told["projects"] == ["shop", "till"]
    assert "digest" not in json.dumps(told)
    assert golive("enable", "ada").exit_code == 0
    assert Accounts(home).check("ada", "a better horse battery") is not None


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "ada", "--role", "king"), f"{PASSWORD}\n", "king"),
        (("add", "ada"), "short\n", "10"),
        (("add", "Ada Lovelace"), f"{PASSWORD}\n", "usable name"),
        (("role", "nobody", "--role", "admin"), "", "no user is called"),
        (("role", "nobody"), "", "which role"),
        (("dance", "ada"), "", "nothing to do"),
    ],
)
def test_what_is_asked_wrongly_is_explained(
    home: Path, words: tuple[str, ...], typed: str, said: str
) -> None:
    answer = golive(*words, typed=typed)
    assert answer.exit_code != 0
    assert said in f"{answer.output}{answer.exception}"
    assert Accounts(home).all() == []


def test_a_project_that_is_misspelt_is_found_out(tmp_path: Path, home: Path) -> None:
    (tmp_path / "golive.toml").write_text('[project.shop]\nname = "Shop"\n')
    answer = golive("add", "ada", "--project", "shpo", typed=f"{PASSWORD}\n")
    assert answer.exit_code != 0
    assert "shop" in f"{answer.output}{answer.exception}"


def test_keys_rotate_and_the_matrix_is_printed(home: Path) -> None:
    before = {one["kid"] for one in Sessions(home).jwks()["keys"]}
    assert golive("keys").exit_code == 0
    after = {one["kid"] for one in Sessions(home).jwks()["keys"]}
    assert before < after
    assert matrix() in golive("matrix").stdout


def test_nobody_yet_is_said_with_what_to_do() -> None:
    assert "golive user add" in golive("list").output
