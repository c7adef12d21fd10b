"""What a file is, told by its path: a test, docs, build configuration, dependencies, or source."""

from __future__ import annotations

import polars as pl

KINDS = {
    "dependencies": (
        r"(^|/)(requirements[^/]*\.(txt|in|lock)|pyproject\.toml|setup\.(py|cfg)|poetry\.lock|uv\.lock"
        r"|Pipfile(\.lock)?|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|pom\.xml"
        r"|build\.gradle(\.kts)?|gradle\.lockfile|libs\.versions\.toml|go\.(mod|sum)|Cargo\.(toml|lock)"
        r"|Gemfile(\.lock)?|composer\.(json|lock)|[^/]+\.csproj|packages\.lock\.json|conanfile\.\w+)$"
    ),
    "build": (
        r"(^|/)(Jenkinsfile[^/]*|Makefile|GNUmakefile|CMakeLists\.txt|Dockerfile[^/]*|tox\.ini|BUILD(\.bazel)?"
        r"|WORKSPACE|noxfile\.py|\.gitlab-ci\.yml|docker-compose[^/]*\.ya?ml|meson\.build)$"
        r"|^\.(github|circleci|buildkite|ci|gitlab)/|\.(cmake|mk|gradle|bzl)$"
    ),
    "tests": r"(^|/)(tests?|specs?|__tests__|testing)/|(^|/)test_[^/]*$|_test\.\w+$"
    r"|\.(test|spec)\.\w+$"
             r"|Tests?\.(java|kt|cs|groovy|scala)$|IT\.java$",
    "docs": r"(^|/)docs?/|\.(md|rst|adoc|txt)$|(^|/)(LICENSE|NOTICE|AUTHORS|CODEOWNERS)[^/]*$",
}  # fmt: skip
"""Kinds and their patterns; the first that matches counts, all else is source."""
SOURCE = "source"


def kind(path: pl.Expr) -> pl.Expr:
    """Return the kind of each path: a key of KINDS, or SOURCE."""
    found = pl.lit(SOURCE)
    for name, pattern in reversed(KINDS.items()):
        found = pl.when(path.str.contains(pattern)).then(pl.lit(name)).otherwise(found)
    return found
