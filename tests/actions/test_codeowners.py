"""Who answers for a path: the last line that matches, read as GitHub and GitLab do."""

from __future__ import annotations

import pytest

from golive_actions.codeowners import Owners

# The lines of GitHub's own example, in its order.
GITHUB = Owners.parse("""
# A comment
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
/apps/github2 @doctocat
""")


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ["@global-owner1", "@global-owner2"]),
        ("deep/in/app.js", ["@js-owner"]),
        ("a.go", ["docs@example.com"]),
        ("notes/a.txt", ["@octo-org/octocats"]),
        ("build/logs/today.log", ["@octocat"]),  # **/logs stands after /build/logs/
        ("docs/intro.md", ["@doctocat"]),
        ("other/docs/intro.md", ["@global-owner1", "@global-owner2"]),
        ("my/apps/x.py", ["@octocat"]),
        ("deeply/nested/logs/x", ["@octocat"]),
        ("scripts/a/b.sh", ["@doctocat", "@octocat"]),
        ("apps/web/x.py", ["@octocat"]),
        ("apps/github", []),
        ("apps/github/x.py", []),
        ("apps/github2/x.py", ["@doctocat"]),
        ("/docs/with/leading/slash", ["@doctocat"]),
    ],
)
def test_the_example_of_github(path: str, owners: list[str]) -> None:
    assert GITHUB.of(path) == owners


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("docs/**", "docs/a/b.md", True),
        ("src/**/test.py", "src/test.py", True),
        ("src/**/test.py", "src/a/b/test.py", True),
        ("test?.py", "a/test1.py", True),
        ("test?.py", "a/test/.py", False),
        ("a+b(1).txt", "a+b(1).txt", True),
        (r"with\ space.txt", "with space.txt", True),
        ("logs/", "logs", False),
        ("logs/", "a/logs/b", True),
        ("*", "a/b/c", True),
        ("/*", "a/b", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert bool(Owners.parse(f"{pattern} @me").of(path)) is matches


def test_sections_of_gitlab_all_count() -> None:
    owners = Owners.parse("""
* @all
[Database][2] @dba
model/db/
^[Docs]
*.md @writers
model/db/secret.md @nobody-else
""")
    assert owners.of("model/db/x.rb") == ["@all", "@dba"]
    assert owners.of("model/db/secret.md") == ["@all", "@dba", "@nobody-else"]


def test_an_empty_file_names_nobody() -> None:
    assert Owners.parse("").of("a") == []
