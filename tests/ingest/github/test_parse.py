"""What single payloads mean where the recordings of others do not tell."""

from __future__ import annotations

import pytest
from github_reader import parse, source
from github_server import deployment, issue, pull, release, run, user

from golive_core.errors import SettingsError
from ingest import registry
from ingest.parse.environments import environment_kind
from ingest.source import Context, Instance


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("production", "production"), ("prod-eu-1", "production"), ("PROD", "production"),
        ("pre-prod", "staging"), ("staging2", "staging"), ("uat", "staging"),
        ("non-prod", "testing"), ("qa", "testing"), ("review/feature-1", "development"),
        ("Preview - shop-test", "development"), ("product-catalog", None), ("delivery", None),
        ("", None), (None, None),
    ],
)  # fmt: skip
def test_an_environment_has_the_kind_of_its_first_telling_word(
    name: str | None, kind: str | None
) -> None:
    assert environment_kind(name) == kind


def test_what_the_deployer_calls_production_is_production() -> None:
    told = deployment(1, "acme.example.org") | {"production_environment": True, "creator": "mona"}
    [row] = parse("deployment", [], deployment=told)["core.deployments"].to_dicts()
    assert (row["environment_kind"], row["status"]) == ("production", "queued")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (".github/workflows/ci.yml", "acme/shop/ci.yml"),
        (".github/workflows/ci.yml@refs/heads/main", "acme/shop/ci.yml"),
        ("dynamic/pages/pages-build-deployment", "acme/shop/dynamic/pages/pages-build-deployment"),
        (None, "acme/shop/11"),
    ],
)
def test_a_pipeline_is_called_after_its_file(path: str | None, name: str) -> None:
    made = parse("runs", {"workflow_runs": [{**run(1), "path": path}]})
    assert made["core.pipelines"]["name"].to_list() == [name]
    assert made["core.builds"]["build_id"].to_list() == [f"hub:{name}#1"]


def test_people_who_left_are_nobody() -> None:
    gone = {"user": None, "head": {"ref": "x", "sha": "1", "repo": None}}
    [row] = parse("pulls", pull(1) | gone)["core.change_requests"].to_dicts()
    assert row["author"] is None
    assert row["reviewers"] == ["hubot"]


def test_comments_on_the_code_count_too() -> None:
    told = [pull(1), pull(2) | {"comments": 2, "review_comments": 3}]
    assert parse("pulls", told)["core.change_requests"]["comments"].to_list() == [None, 5]


def test_labels_and_types_tell_what_an_issue_is() -> None:
    labels = [{"name": one} for one in ("Severity: high", "P1", "area/cart", "area/api")]
    told = issue(1) | {"labels": labels, "type": {"name": "Task"}, "state": "open",
                       "parent_issue_url": "https://api.github.com/repos/a/b/issues/7"}  # fmt: skip
    [row] = parse("issues", [told])["core.issues"].to_dicts()
    assert (row["kind"], row["original_kind"], row["status"]) == ("task", "Task", "todo")
    assert (row["severity"], row["priority"], row["parent_key"]) == ("high", "P1", "#7")
    assert row["components"] == ["api", "cart"]


def test_a_release_of_a_commit_names_it_and_of_a_branch_does_not() -> None:
    told = [release(1), release(2) | {"target_commitish": "a" * 40}]
    assert parse("releases", told)["core.releases"]["commit_sha"].to_list() == [None, "a" * 40]


def test_a_bot_is_told_from_a_person() -> None:
    told = [user("mona"), user("dependabot[bot]") | {"type": "Bot"}]
    assert [parse("account", one)["core.accounts"]["is_bot"].item() for one in told] == [
        False, True
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "word"),
    [({}, "owner/name"), ({"repositories": ["shop"]}, "owner/name"), ({"logs": "some"}, "logs")],
)
def test_options_that_are_wrong_are_named(options: dict, word: str) -> None:
    registry.sources.cache_clear()
    wrong = Instance("hub", "github", "shop", options)
    with pytest.raises(SettingsError) as caught:
        registry.build(wrong, Context(home=source().context.home, base=source().context.base))
    assert word in caught.value.what
