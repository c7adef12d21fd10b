"""CircleCI's webhooks, in the shape of its documentation."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from circleci_server import FLOW, SLUG, Circleci, at, job, pipeline, sha, workflow
from hosted_reader import core, rows

from golive_core.errors import SourceDataError
from ingest.sources import circleci

Make = Callable[..., circleci.Circleci]


def hooked(source: circleci.Circleci, body: dict) -> dict[str, list[dict]]:
    """Return rows by table of a hook."""
    found: dict[str, list[dict]] = {}
    for context, part in source.parse_webhook({}, json.dumps(body).encode()):
        for name, mine in rows(source, context, part).items():
            found.setdefault(name, []).extend(mine)
    return found


def told(kind: str, after: float = 0, **more: object) -> dict:
    one = workflow(3, "failed", after=after)
    shared = {
        "id": "e1", "type": kind, "happened_at": at(9), "webhook": {"id": "h", "name": "x"},
        "project": {"id": "s1", "name": "shop", "slug": SLUG.replace("gh/", "github/")},
        "organization": {"id": "o1", "name": "acme"}, "pipeline": pipeline(3),
    }  # fmt: skip
    return shared | {"workflow": one} | more


def test_a_workflow_is_the_build_of_a_poll_but_for_its_start(
    server: Circleci, source: Make
) -> None:
    server.run(3, "failed")
    (polled,) = core(source(), "pipelines")["core.builds"].to_dicts()
    found = hooked(source(), told("workflow-completed"))
    (row,) = found["core.builds"]
    assert row["build_id"] == f"ci:{SLUG}/{FLOW}#3"
    unknown = dict.fromkeys(("started_at", "duration_s", "queue_s"))
    assert row == polled | unknown
    assert [one["name"] for one in found["core.pipelines"]] == [f"{SLUG}/{FLOW}"]


def test_which_attempt_a_rerun_is_a_hook_does_not_tell(source: Make) -> None:
    assert hooked(source(), told("workflow-completed", after=5)) == {}
    deployed = {"id": "j9", "name": "deploy-eu", "number": 9, "status": "success",
                "started_at": at(10), "stopped_at": at(11)}  # fmt: skip
    (row,) = hooked(source(), told("job-completed", after=5, job=deployed))["core.deployments"]
    assert (row["environment"], row["build_id"], row["commit_sha"]) == ("eu", None, sha(3))
    assert row["duration_s"] == 60


def test_a_deployment_is_that_of_a_poll(server: Circleci, source: Make) -> None:
    deploys = job(9, "deploy-eu", begun=3)
    server.run(3, "failed", deploys)
    (polled,) = core(source(), "pipelines")["core.deployments"].to_dicts()
    found = hooked(source(), told("job-completed", job=deploys))
    assert found == {"core.deployments": [polled | {"build_id": None}]}
    others = job(8, "lint", begun=3)
    assert hooked(source(), told("job-completed", job=others))["core.deployments"] == []


@pytest.mark.parametrize("body", [{}, {"type": "ping"}, {"type": "workflow-completed"}])
def test_other_events_tell_nothing(source: Make, body: dict) -> None:
    assert hooked(source(), body) == {}


def test_only_what_is_signed_is_heard(source: Make) -> None:
    made, body = source(), b'{"x": 1}'
    right = "v1=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    for given in (right, f"v2=00, {right}", f"v1=00,{right}"):
        assert made.verify({"Circleci-Signature": given}, body, "s3cret")
    for given in ("", right.removeprefix("v1="), right.replace("v1", "v2"), "v1="):
        assert not made.verify({"circleci-signature": given}, body, "s3cret")
    assert not made.verify({"circleci-signature": right}, body + b" ", "s3cret")
    assert not made.verify({"circleci-signature": right}, body, "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_hook_is_refused(source: Make, body: bytes) -> None:
    with pytest.raises(SourceDataError):
        source().parse_webhook({}, body)
