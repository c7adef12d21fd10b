"""What boto3 raises becomes one of our errors, with what to do."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceAuthError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import Retry
from ingest import registry
from ingest.aws.trouble import mapped, trial
from ingest.parse.aws import initiator, version
from ingest.source import Context, Instance


def refused(code: str, status: int = 400, message: str = "no", **headers: str) -> ClientError:
    meta = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}
    return ClientError(answer, "ListBuilds")


WHO = "User: arn:aws:iam::1:user/b is not authorized to perform: logs:FilterLogEvents on resource"


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (refused("ThrottlingException"), SourceThrottledError, "per_second"),
        (refused("AccessDeniedException", message=WHO), SourceAuthError,
         "Allow logs:FilterLogEvents"),
        (refused("AccessDenied", 403), SourceAuthError, "Allow codebuild:ListBuilds"),
        (refused("ExpiredTokenException"), SourceAuthError, "Sign in again"),
        (refused("RequestTimeTooSkewed", 403), SourceAuthError, "NTP"),
        (refused("InvalidSignatureException", message="Signature expired: 2026 is now earlier"),
         SourceAuthError, "NTP"),
        (refused("InvalidSignatureException"), SourceAuthError, "get-caller-identity"),
        (refused("UnrecognizedClientException"), SourceAuthError, "get-caller-identity"),
        (refused("InternalFailure", 500), SourceUnreachableError, "later"),
        (refused("ResourceNotFoundException"), SourceDataError, "golive.toml"),
        (exceptions.NoCredentialsError(), SourceAuthError, "aws sso login"),
        (exceptions.ProfileNotFound(profile="x"), SettingsError, "profile"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), SourceUnreachableError,
         "region"),
        (exceptions.SSLError(endpoint_url="https://x", error="bad"), SourceUnreachableError,
         "region"),
    ],
)  # fmt: skip
def test_errors_have_a_kind_and_a_mend(
    error: Exception, kind: type[GoLiveError], hint: str
) -> None:
    found = mapped(error, "cloud: codebuild:ListBuilds", "codebuild:ListBuilds")
    assert type(found) is kind
    assert hint in found.hint
    assert found.where == "cloud: codebuild:ListBuilds"


def test_retry_after_is_kept() -> None:
    found = mapped(refused("TooManyRequestsException", 429, **{"Retry-After": "90"}), "w", "a:B")
    assert isinstance(found, SourceThrottledError)
    assert found.retry_after_s == 90


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (refused("ThrottlingException"), True), (refused("InternalFailure", 500), True),
        (exceptions.ReadTimeoutError(endpoint_url="x"), True),
        (refused("AccessDeniedException"), False), (refused("ValidationException"), False),
        (exceptions.NoCredentialsError(), False),
    ],
)  # fmt: skip
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    wait = Retry(chance=lambda: 0.0).wait_s(trial(error, 1), spent_s=0)
    assert (wait is not None) is again


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "region"), ({"region": "europe"}, "region"),
        ({"region": "eu-central-1", "access_key_id": "A"}, "go together"),
        ({"region": "eu-central-1", "metrics": [{"name": "x"}]}, "metrics.0.namespace"),
    ],
)  # fmt: skip
def test_options_that_are_wrong_are_named(options: dict, named: str, tmp_path) -> None:
    with pytest.raises(SettingsError, match=named):
        registry.build(Instance("c", "aws", "shop", options), Context(tmp_path, tmp_path))


SHA = "4f2a" * 10


@pytest.mark.parametrize(
    ("asked", "resolved", "expected"),
    [
        ("main", SHA, ("main", SHA, False)), (SHA, "", (None, SHA, False)),
        ("refs/heads/feature/x", SHA, ("feature/x", SHA, False)),
        (f"refs/heads/main^{{{SHA}}}", "", ("main", SHA, False)),
        ("pr/12", SHA, (None, SHA, True)), ("", SHA, (None, SHA, False)),
        ("arn:aws:s3:::bucket/x.zip", "", (None, None, False)),
    ],
)  # fmt: skip
def test_versions_are_branches_or_commits(asked: str, resolved: str, expected: tuple) -> None:
    assert version({"sourceVersion": asked, "resolvedSourceVersion": resolved}) == expected


def test_initiators_are_triggers() -> None:
    words = ["codepipeline/x", "GitHub-Hookshot/0a", "rule/nightly", "ann", ""]
    triggers = [initiator(one)[0] for one in words]
    assert triggers == ["upstream", "push", "schedule", "manual", "other"]
