"""What a CI system says of the build that runs: from the variables that each of them sets.

Sources: docs of GitHub Actions (default environment variables), GitLab CI/CD (predefined
variables), Jenkins (environment variables, git plugin), Bitbucket Pipelines, CircleCI, Azure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

KNOWN: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = (
    ("GITHUB_ACTIONS", {"build": ("GITHUB_RUN_NUMBER",), "commit": ("GITHUB_SHA",),
                        "branch": ("GITHUB_HEAD_REF", "GITHUB_REF_NAME")}),
    ("GITLAB_CI", {"build": ("CI_PIPELINE_IID",), "commit": ("CI_COMMIT_SHA",),
                   "branch": ("CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")}),
    ("JENKINS_URL", {"build": ("BUILD_NUMBER",), "commit": ("GIT_COMMIT",),
                     "branch": ("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH")}),
    ("BITBUCKET_BUILD_NUMBER", {"build": ("BITBUCKET_BUILD_NUMBER",),
                                "commit": ("BITBUCKET_COMMIT",), "branch": ("BITBUCKET_BRANCH",)}),
    ("CIRCLECI", {"build": ("CIRCLE_BUILD_NUM",), "commit": ("CIRCLE_SHA1",),
                  "branch": ("CIRCLE_BRANCH",)}),
    ("TF_BUILD", {"build": ("BUILD_BUILDID",), "commit": ("BUILD_SOURCEVERSION",),
                  "branch": ("BUILD_SOURCEBRANCHNAME",)}),
)  # fmt: skip


def build(variable: Callable[[str], str]) -> dict[str, str]:
    """Return build, commit and branch as the CI system tells them; empty outside of one."""
    for sign, names in KNOWN:
        if variable(sign):
            found = {
                key: next((variable(one) for one in several if variable(one)), "")
                for key, several in names.items()
            }
            return {key: value for key, value in found.items() if value}
    return {}
