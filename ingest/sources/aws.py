"""AWS: CodeBuild, CloudWatch logs and metrics, and Cost Explorer, of one account and region.

boto3 signs the requests; how they are sent and what its errors mean is in `ingest/aws/`, beside
one module a stream. An answer is kept as the JSON that boto3 makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from golive_core.errors import SourceAuthError, SourceError
from golive_core.window import Window
from ingest.api import ApiSource
from ingest.aws.client import Aws, AwsOptions
from ingest.aws.codebuild import Builds
from ingest.aws.costs import Costs
from ingest.aws.logs import Logs
from ingest.aws.metrics import Points, query
from ingest.aws.trouble import ALLOW
from ingest.clock import clock_of
from ingest.doctor import failed, quota_of
from ingest.parse import aws
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Pulled, Stream

READERS: Mapping[str, type[Builds | Logs | Points | Costs]] = {
    "builds": Builds, "logs": Logs, "metrics": Points, "costs": Costs,
}  # fmt: skip
SERVICES = {"builds": "codebuild", "logs": "logs", "metrics": "cloudwatch", "costs": "ce"}


class AwsSource(ApiSource):
    """Reads one account and region."""

    type: ClassVar[str] = "aws"
    title: ClassVar[str] = "AWS CodeBuild, CloudWatch and Cost Explorer"
    streams: ClassVar[tuple[Stream, ...]] = (
        Stream("builds", "CodeBuild projects and builds with their phases.",
               ("core.pipelines", "core.builds", "core.stages")),
        Stream("logs", "Events of the CloudWatch log groups that are named.",
               ("core.log_lines",)),
        Stream("metrics", "Values of the CloudWatch metrics that are named.",
               ("core.metric_points",)),
        Stream("costs", "Costs by day, service and account; recent days are asked for again.",
               ("core.costs",)),
    )  # fmt: skip
    scopes: ClassVar[tuple[str, ...]] = (
        "codebuild:ListProjects", "codebuild:ListBuilds", "codebuild:ListBuildsForProject",
        "codebuild:BatchGetBuilds", "logs:FilterLogEvents", "cloudwatch:GetMetricData",
        "ce:GetCostAndUsage",
    )  # fmt: skip
    needs: ClassVar[Mapping[str, str]] = {
        "builds": "codebuild:ListProjects, ListBuilds, ListBuildsForProject and BatchGetBuilds",
        "logs": "logs:FilterLogEvents",
        "metrics": "cloudwatch:GetMetricData",
        "costs": "ce:GetCostAndUsage",
    }
    example: ClassVar[str] = """\
[source.shop-aws]
type = "aws"
project = "shop"
region = "eu-central-1"
# profile = "shop"                       # of ~/.aws; else the usual chain of AWS, or keys:
# access_key_id = "env:SHOP_AWS_KEY_ID"
# secret_access_key = "env:SHOP_AWS_SECRET"
# role_arn = "arn:aws:iam::123456789012:role/golive"
# codebuild = false                      # leave builds out; projects = ["web"] reads some of them
# log_groups = ["/aws/codebuild/web"]
# costs = true                           # AWS bills each request: two a day unless costs_hours says
# [[source.shop-aws.metrics]]
# namespace = "AWS/ApplicationELB"
# name = "TargetResponseTime"
# dimensions = { LoadBalancer = "app/web/50dc6c495c0c9188" }
"""
    Options: ClassVar[type[BaseModel]] = AwsOptions
    parsers: ClassVar[Mapping[str, Parser]] = aws.PARSERS

    def __init__(self, instance: Instance, context: Context) -> None:
        super().__init__(instance, context)
        self.options = AwsOptions.model_validate(dict(instance.options))

    def account(self) -> Aws:
        """Return a client of the account; it is closed after use."""
        return Aws(
            self.options, where=self.instance.name, base=self.context.base, secret=self.secret,
            retry=self.retry, home=self.context.home,
        )  # fmt: skip

    def has_news(self, stream: str, cursor: Cursor | None) -> bool:
        """Tell by at most one request whether there is something new."""
        if stream == "builds" and not self.options.codebuild:
            return False
        with self.account() as client:
            return READERS[stream](client, cursor, None).has_news()

    def pull(
        self, stream: str, *, cursor: Cursor | None, window: Window | None
    ) -> Iterator[Pulled]:
        """Yield what is new since `cursor`, or what lies in the window."""
        if stream == "builds" and not self.options.codebuild:
            return
        with self.account() as client:
            yield from READERS[stream](client, cursor, window).run()

    def check(self) -> Iterator[Finding]:
        """Yield whether AWS answers, knows the keys, lets each stream be read, clock and quota."""
        try:
            with self.account() as client:
                client.limits.may_use_reserve = True
                denied = list(self._denied(client))
                yield Finding("reachable", "ok", f"{self.options.region} answers")
                yield Finding("authorised", "ok", "the keys are known")
                if client.server_time:
                    yield clock_of(client.server_time, datetime.now(UTC))
                yield from denied
                lost = {one.detail.partition(":")[0] for one in denied}
                streams = (one.name for one in self.streams if one.name not in lost)
                yield Finding("scopes", "ok", f"{', '.join(streams)}: nothing is refused")
                yield quota_of(client.limits)
        except SourceError as error:
            yield failed(error)

    def _denied(self, client: Aws) -> Iterator[Finding]:
        """Yield the streams that may not be read; costs are not tried, since AWS bills that."""
        for stream, operation, params in self._trials():
            try:
                client.call(SERVICES[stream], operation, **params)
            except SourceAuthError as error:
                if not error.hint.startswith(ALLOW):
                    raise
                hint = f"The token needs {self.needs[stream]}; until then {stream} is not read"
                yield Finding("scopes", "failed", f"{stream}: {error.what}", hint)

    def _trials(self) -> Iterator[tuple[str, str, dict[str, object]]]:
        """Yield stream, operation and parameters of a small request of each kind."""
        if self.options.codebuild:
            yield "builds", "ListProjects", {}
            yield "builds", "ListBuilds", {"sortOrder": "DESCENDING"}
        now = datetime.now(UTC)
        for group in self.options.log_groups:
            since = int(now.timestamp() * 1000) - 3_600_000
            yield "logs", "FilterLogEvents", {
                "logGroupName": group, "limit": 1, "startTime": since
            }  # fmt: skip
        if self.options.metrics:
            yield "metrics", "GetMetricData", {
                "MetricDataQueries": [query(0, self.options.metrics[0])],
                "StartTime": now.replace(hour=0, minute=0), "EndTime": now,
            }  # fmt: skip
