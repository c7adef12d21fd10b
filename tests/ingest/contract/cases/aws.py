"""AWS as its JSON protocol answers: one address, the operation in X-Amz-Target, SigV4.

Errors have status 400 and their name in `__type`. A wrong secret makes another signature, which is
computed here as AWS does it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from contract_case import Case, Changed
from loopback import Asked, Loopback, Reply, ok

from ingest.sources.aws import AwsSource

SIZE = 100
T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
GROUP = "/aws/codebuild/web"
DAY = 86400
REGION = "eu-central-1"
os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
METRIC = {"namespace": "AWS/ApplicationELB", "name": "TargetResponseTime", "period_s": DAY}


def stamp(at: datetime) -> float:
    return at.timestamp()


def build(number: int, status: str = "SUCCEEDED") -> dict[str, Any]:
    at = T0 + timedelta(minutes=number)
    phases = [
        {"phaseType": name, "phaseStatus": status if name == "BUILD" else "SUCCEEDED",
         "startTime": stamp(at + timedelta(seconds=5 * place)), "durationInSeconds": 5}
        for place, name in enumerate(("SUBMITTED", "QUEUED", "PROVISIONING", "BUILD"))
    ]  # fmt: skip
    return {
        "id": f"web:{number:08d}", "arn": f"arn:aws:codebuild:{REGION}:123456789012:build/web:1",
        "buildNumber": number + 1, "startTime": stamp(at), "buildComplete": True,
        "endTime": stamp(at + timedelta(seconds=20)), "currentPhase": "COMPLETED",
        "buildStatus": status, "sourceVersion": "main", "resolvedSourceVersion": f"{number:040x}",
        "projectName": "web", "phases": [*phases, {"phaseType": "COMPLETED"}],
        "initiator": "GitHub-Hookshot/044aadd",
        "environment": {"computeType": "BUILD_GENERAL1_SMALL", "image": "aws/standard:7.0",
                        "environmentVariables": [{"name": "STAGE", "value": "x"}]},
    }  # fmt: skip


@dataclass
class World(Loopback):
    """Builds by id oldest first, projects, log events, one metric and the costs of three days."""

    builds: dict[str, dict[str, Any]] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    points: int = 0
    services: list[str] = field(default_factory=list)
    gone: int = 0

    def add(self, count: int) -> None:
        for number in range(len(self.builds), len(self.builds) + count):
            one = build(number, "FAILED" if number % 7 == 0 else "SUCCEEDED")
            self.builds[one["id"]] = one
        self.projects = ["web"]

    def fill(self) -> None:
        self.add(230)
        self.projects = ["api", "web"]
        began = datetime.now(UTC) - timedelta(hours=3)
        self.events = [
            {"eventId": f"e{n}", "timestamp": int(1000 * stamp(began + timedelta(minutes=n))),
             "message": f"[ERROR] line {n}\n", "logStreamName": "web/1"}
            for n in range(25)
        ]  # fmt: skip
        self.points, self.services = 4, ["AWS CodeBuild", "Amazon S3"]

    def expected(self) -> dict[str, int]:
        found = {
            "core.pipelines": len(self.projects) + self.gone, "core.builds": len(self.builds),
            "core.stages": 4 * len(self.builds), "core.log_lines": len(self.events),
            "core.metric_points": self.points, "core.costs": 3 * len(self.services),
        }  # fmt: skip
        return {name: count for name, count in found.items() if count}

    def change(self) -> Changed:
        number = len(self.builds)
        one = build(number, "TIMED_OUT")
        self.builds[one["id"]] = one
        return Changed("core.builds", f"number = {number + 1}", "status", "error")

    def delete(self) -> Changed:
        self.projects.remove("api")
        self.gone += 1
        return Changed("core.pipelines", "name = 'api'", "is_deleted", True)

    async def reply(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        asked.raw_path = asked.headers.get("x-amz-target", "none")
        return await super().reply(asked, writer)

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/x-amz-json-1.1"}

    def checked(self, asked: Asked) -> Reply:
        if self.token and signature(self.url, asked, self.token) not in asked.headers.get(
            "authorization", ""
        ):
            return refused("InvalidSignatureException", "The request signature we calculated "
                           "does not match the signature you provided.")  # fmt: skip
        return self.answer(asked)

    def answer(self, asked: Asked) -> Reply:
        said = asked.json()
        answers = {
            "CodeBuild_20161006.ListProjects": lambda: {"projects": self.projects},
            "CodeBuild_20161006.ListBuilds": lambda: self.listed(said),
            "CodeBuild_20161006.BatchGetBuilds": lambda: {
                "builds": [self.builds[one] for one in said["ids"]]
            },
            "Logs_20140328.FilterLogEvents": lambda: self.filtered(said),
            "GraniteServiceVersion20100801.GetMetricData": lambda: self.measured(said),
            "AWSInsightsIndexService.GetCostAndUsage": self.billed,
        }
        return ok(answers[asked.path]())

    def listed(self, said: dict[str, Any]) -> dict[str, Any]:
        ids = list(reversed(self.builds))
        start = int(said.get("nextToken") or 0)
        more = {"nextToken": str(start + SIZE)} if start + SIZE < len(ids) else {}
        return {"ids": ids[start : start + SIZE], **more}

    def filtered(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["logGroupName"] != GROUP:
            return {}
        found = [one for one in self.events if one["timestamp"] >= said["startTime"]]
        start = int(said.get("nextToken") or 0)
        size = said["limit"]
        more = {"nextToken": str(start + size)} if start + size < len(found) else {}
        return {"events": found[start : start + size], **more}

    def measured(self, said: dict[str, Any]) -> dict[str, Any]:
        ends = [said["EndTime"] - DAY * (n + 1) for n in range(self.points)]
        times = [at for at in reversed(ends) if at >= said["StartTime"]]
        return {"MetricDataResults": [
            {"Id": one["Id"], "Label": "x", "Timestamps": times, "Values": [0.5] * len(times),
             "StatusCode": "Complete"}
            for one in said["MetricDataQueries"]
        ]}  # fmt: skip

    def billed(self) -> dict[str, Any]:
        amount = {"Amount": "1.25", "Unit": "USD"}
        names = ("AmortizedCost", "UnblendedCost", "UsageQuantity")
        return {"ResultsByTime": [
            {"TimePeriod": {"Start": f"2026-03-0{day}", "End": f"2026-03-0{day + 1}"},
             "Estimated": True, "Groups": [
                 {"Keys": [name, "123456789012"], "Metrics": dict.fromkeys(names, amount)}
                 for name in self.services]}
            for day in (1, 2, 3)
        ]}  # fmt: skip


def refused(name: str, message: str) -> Reply:
    return 400, ok({"__type": name, "message": message})[1], {}


def signature(url: str, asked: Asked, secret: str) -> str:
    """Return the signature that AWS computes for a request (Signature Version 4)."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = asked.headers.get("authorization", "")
    if "SignedHeaders=" not in given:
        return "none"
    scope = given.partition("Credential=")[2].partition(",")[0].split("/")
    names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: asked.headers[name] for name in names if name != "host"}
    request = AWSRequest(asked.method, f"{url}/", headers=headers, data=asked.body)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(scope[0], secret), scope[3], scope[2])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))


def page(world: World, count: int) -> dict[str, int]:
    world.add(count)
    return world.expected()


CASE = Case(
    source=AwsSource,
    world=World,
    main="ListBuilds?",
    options=lambda url: {
        "region": REGION, "endpoint_url": url, "log_groups": [GROUP], "page": 10,
        "metrics": [METRIC], "costs": True, "per_second": 0,
    },
    secret={"access_key_id": "AKIDEXAMPLE", "secret_access_key": "env:CONTRACT_TOKEN"},
    page=page,
    page_size=SIZE,
    second_run=3,
    refusal="InvalidSignatureException",
)  # fmt: skip
