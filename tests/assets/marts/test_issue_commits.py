"""marts.issue_commits: which words of a message are the key of an issue."""

from __future__ import annotations

import pytest
from story import Story


def issue(story: Story, key: str, issue_id: str = "jira:1", **cells: object) -> None:
    story.add(
        "core.issues", **{"issue_id": issue_id, "key": key, "project_id": "shop", **cells}
    )  # fmt: skip


def commit(story: Story, sha: str, message: str, **cells: object) -> None:
    story.commit(sha, subject=message.partition("\n")[0], message=message, **cells)


def links(story: Story) -> set[tuple[str, str]]:
    return {(row["issue_id"], row["sha"]) for row in story.mart("issue_commits")}


@pytest.mark.parametrize(
    "message",
    [
        "SHOP-12", "SHOP-12: mend it", "Mend it (SHOP-12)", "[SHOP-12] x", "Mend\n\nSee SHOP-12.",
        "Merge branch 'feature/SHOP-12-cart'", "SHOP-11,SHOP-12", "SHOP-12 and SHOP-12 again",
    ],
)  # fmt: skip
def test_a_key_anywhere_in_the_message_links_once(story: Story, message: str) -> None:
    issue(story, "SHOP-12")
    commit(story, "a", message)
    assert [row["sha"] for row in story.mart("issue_commits")] == ["a"]


@pytest.mark.parametrize(
    "message",
    ["SHOP-1", "SHOP-123", "XSHOP-12", "MY-SHOP-12", "shop-12", "SHOP 12", "", "SHOP-12a"],
)
def test_other_words_link_nothing(story: Story, message: str) -> None:
    issue(story, "SHOP-12")
    commit(story, "a", message)
    assert links(story) == set()


def test_one_commit_links_to_every_issue_that_it_names(story: Story) -> None:
    issue(story, "SHOP-1", "jira:1")
    issue(story, "SHOP-2", "jira:2")
    commit(story, "a", "SHOP-1 SHOP-2 SHOP-3")
    assert links(story) == {("jira:1", "a"), ("jira:2", "a")}


@pytest.mark.parametrize(
    ("message", "is_linked"),
    [("Fix #12", True), ("Fix (#12)", True), ("#12", True), ("Fix #123", False),
     ("Fix shop/web#12", False), ("A &#12; entity", False), ("## 12", False)],
)  # fmt: skip
def test_a_number_links_in_its_own_repository(
    story: Story, message: str, *, is_linked: bool
) -> None:
    issue(story, "#12", "shop-git:12")
    issue(story, "#12", "shop-web:12")
    commit(story, "a", message)
    assert links(story) == ({("shop-git:12", "a")} if is_linked else set())


def test_a_key_links_in_every_repository_of_its_project_only(story: Story) -> None:
    issue(story, "SHOP-12")
    commit(story, "a", "SHOP-12", repository_id="shop-web")
    commit(story, "b", "SHOP-12", repository_id="bank-git", project_id="bank")
    assert links(story) == {("jira:1", "a")}


def test_an_issue_that_is_gone_has_no_commits(story: Story) -> None:
    issue(story, "SHOP-12", is_deleted=True)
    commit(story, "a", "SHOP-12")
    assert links(story) == set()


def test_a_row_tells_who_and_whether_the_first_line_names_it(story: Story) -> None:
    issue(story, "SHOP-1", "jira:1")
    issue(story, "SHOP-2", "jira:2")
    commit(story, "a", "SHOP-1 mend\n\nSee SHOP-2", author="Ada")
    found = {row["issue_key"]: row for row in story.mart("issue_commits")}
    assert [found[key]["is_in_subject"] for key in ("SHOP-1", "SHOP-2")] == [True, False]
    assert found["SHOP-1"]["author_name"] == "Ada"
    assert found["SHOP-1"]["repository_id"] == "shop-git"


def test_an_issue_that_comes_after_its_commits_is_linked(story: Story) -> None:
    commit(story, "a", "SHOP-12")
    assert links(story) == set()
    issue(story, "SHOP-12")
    assert links(story) == {("jira:1", "a")}
