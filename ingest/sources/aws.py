"""AWS: CodeBuild, CloudWatch logs and metrics, and Cost Explorer, of one account and region.

boto3 signs the requests; how they are sent and what its errors mean is in `ingest/aws/`, beside
one module a stream. An answer is kept as the JSON that boto3 makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from golive_core.errors import GoLiveError, SourceAuthError, SourceUnreachableError
from golive_core.window import Window
from ingest.api import ApiSource
from ingest.aws.client import Aws, AwsOptions
from ingest.aws.codebuild import Builds
from ingest.aws.costs import Costs
from ingest.aws.logs import Logs
from ingest.aws.metrics import Points, query
from ingest.clock import clock_of
from ingest.parse import aws
from ingest.payload import Parser
from ingest.source import Context, Cursor, Finding, Instance, Pulled, Stream

READERS: Mapping[str, type[Builds | Logs | Points | Costs]] = {
    "builds": Builds, "logs": Logs, "metrics": Points, "costs": Costs,
}  # fmt: skip


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
            retry=self.retry,
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
        """Yield for each service that is configured whether it may be read, and the clock."""
        with self.account() as client:
            for service, operation, params in self._trials():
                try:
                    client.call(service, operation, **params)
                except GoLiveError as error:
                    yield Finding(_of(error), "failed", f"{error.where}: {error.what}", error.hint)
                else:
                    yield Finding("authorised", "ok", f"{service}:{operation}")
            if self.options.costs:
                yield Finding("authorised", "ok", "ce:GetCostAndUsage is tried by pulls alone, "
                              "since AWS bills it")  # fmt: skip
            if client.server_time:
                yield clock_of(client.server_time, datetime.now(UTC))

    def _trials(self) -> Iterator[tuple[str, str, dict[str, object]]]:
        """Yield service, operation and parameters of a small request of each kind."""
        if self.options.codebuild:
            yield "codebuild", "ListProjects", {}
        now = datetime.now(UTC)
        for group in self.options.log_groups:
            since = int(now.timestamp() * 1000) - 3_600_000
            yield "logs", "FilterLogEvents", {
                "logGroupName": group, "limit": 1, "startTime": since
            }  # fmt: skip
        if self.options.metrics:
            yield "cloudwatch", "GetMetricData", {
                "MetricDataQueries": [query(0, self.options.metrics[0])],
                "StartTime": now.replace(hour=0, minute=0), "EndTime": now,
            }  # fmt: skip


def _of(error: GoLiveError) -> str:
    """Return the name of what doctor looked at when this happened."""
    if isinstance(error, SourceAuthError):
        return "authorised"
    return "reachable" if isinstance(error, SourceUnreachableError) else "configured"
