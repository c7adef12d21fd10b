"""The AWS client of one instance: sessions and roles by boto3, patience by golive_core.http.retry.

    with Aws(options, where="shop-aws", secret=...) as aws:
        answer = aws.call("codebuild", "ListBuilds", sortOrder="DESCENDING")

boto3 signs and parses; it does not retry here, so that every source is patient in the same way.
Only operations that read are called, which is why a call may be tried again though it is a POST.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from golive_core.errors import SourceAuthError
from golive_core.http.limits import Limits, whose
from golive_core.http.pace import Pace
from golive_core.http.quota import throttle_s, told_wait_s
from golive_core.http.retry import Retry, Trial
from golive_core.http.trouble import throttled
from golive_core.log import get_logger
from ingest.aws import trouble

Json = dict[str, Any]
SESSION = "golive"
COSTS_REGION = "us-east-1"
"""Where Cost Explorer is, whatever region is read."""
LATE_S = 0.01
"""After a pause, so that no clock is early."""
IAM = {"ce": "ce", "codebuild": "codebuild", "logs": "logs", "cloudwatch": "cloudwatch"}
log = get_logger(__name__)


class Metric(BaseModel):
    """One `[[source.<name>.metrics]]`: what CloudWatch keeps under a namespace and a name."""

    model_config = ConfigDict(extra="forbid")

    namespace: str
    name: str
    statistic: str = "Average"
    dimensions: dict[str, str] = Field(default_factory=dict[str, str])
    period_s: int = Field(300, ge=60)


class AwsOptions(BaseModel):
    """Options of `[source.<name>]` with type aws.

    Without keys and profile the usual chain of AWS finds credentials. `days` is how far back the
    first pull goes; `overlap_s` how late a log line may come; `costs` asks Cost Explorer, of which
    AWS bills each request, at most every `costs_hours`, and the last `revise_days` again.
    """

    model_config = ConfigDict(extra="forbid")

    region: str
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    codebuild: bool = True
    projects: list[str] = Field(default_factory=list[str])
    log_groups: list[str] = Field(default_factory=list[str])
    log_filter: str = ""
    overlap_s: int = Field(120, ge=0)
    metrics: list[Metric] = Field(default_factory=list[Metric])
    costs: bool = False
    costs_days: int = Field(90, ge=1, le=395)
    costs_hours: float = Field(12.0, ge=1)
    revise_days: int = Field(5, ge=1)
    days: int = Field(7, ge=1, le=455)
    page: int = Field(10_000, ge=1, le=10_000)
    per_second: float = Field(5.0, ge=0)
    timeout_s: float = Field(30.0, gt=0)
    ca: Path | None = None
    verify: bool = True
    proxy: str = ""

    @field_validator("region")
    @classmethod
    def _named(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z]{2,3}(?:-[a-z]+)+-\d", value):
            raise ValueError('name a region, for example "eu-central-1"')
        return value

    @model_validator(mode="after")
    def _paired(self) -> AwsOptions:
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ValueError("access_key_id and secret_access_key go together")
        return self


class Aws:
    """Calls services of one account and region. `requests` counts what was sent, retries too."""

    def __init__(
        self, options: AwsOptions, *, where: str, base: Path, secret: Callable[[str], str],
        retry: Retry, home: Path | None = None,
    ) -> None:  # fmt: skip
        self.options, self.where, self.requests = options, where, 0
        who = (options.region, options.profile, options.access_key_id, options.role_arn)
        self.limits = Limits(where, home, whose(options.endpoint_url, *who))
        self.server_time: datetime | None = None
        self._base, self._secret, self._retry = base, secret, retry
        self._pace = Pace(options.per_second)
        self._clients: dict[str, Any] = {}
        self._session: Any = None

    def __enter__(self) -> Aws:
        return self

    def __exit__(self, *_: object) -> None:
        self.limits.save()
        for client in self._clients.values():
            client.close()

    def call(self, service: str, operation: str, **params: object) -> Json:
        """Return what an operation answers; raises the errors of golive_core/errors.py."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        action = f"{service}:{operation}"
        began, attempt = time.monotonic(), 1
        while True:
            self._held(began)
            try:
                return self._once(service, operation, given)
            except Exception as error:
                spent, trial = time.monotonic() - began, trouble.trial(error, attempt)
                wait = self._retry.wait_s(trial, spent_s=spent)
                self._heed(trial, is_last=wait is None)
                if wait is None:
                    raise trouble.mapped(error, f"{self.where}: {action}", action) from error
                log.debug("asks again", where=action, attempt=attempt, wait_s=round(wait, 2))
            time.sleep(wait)
            attempt += 1

    def pages(self, service: str, operation: str, token: str, **params: object) -> Iterator[Json]:
        """Yield the pages of a list; `token` names the field that leads to the next one."""
        at: object = None
        while True:
            page = self.call(service, operation, **{**params, token: at})
            yield page
            at = page.get(token)
            if not at:
                return

    def _held(self, began: float) -> None:
        """Wait until AWS lets us ask; raises SourceThrottledError if that takes too long."""
        while hold := self.limits.hold():
            wait = max(0.0, hold.until - time.time())
            if time.monotonic() - began + wait > self._retry.total_s:
                raise throttled(f"{hold.why}; it is asked again", wait, self.where)
            time.sleep(wait + LATE_S)

    def _heed(self, trial: Trial, *, is_last: bool) -> None:
        """Leave AWS alone where it asks for it, and the other processes likewise."""
        headers = trial.headers or {}
        if throttle_s(trial.status, headers) is None:
            return
        wait = told_wait_s(trial.status, headers)
        if wait is not None:
            self.limits.pause(wait, f"HTTP {trial.status}")
        elif is_last:
            self.limits.strike(f"HTTP {trial.status}")

    def _once(self, service: str, operation: str, given: Mapping[str, object]) -> Json:
        time.sleep(self._pace.slot_s())
        client = self._client(service)
        self.requests += 1
        answer = cast("Json", getattr(client, snake(operation))(**given))
        headers: Mapping[str, str] = answer.pop("ResponseMetadata", {}).get("HTTPHeaders", {})
        self.server_time = _date(headers.get("date", ""))
        self.limits.learn(headers, is_refused=False)
        return answer

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        if service not in self._clients:
            self._session = self._session or self._signed_in()
            client = self._made(self._session, service)
            client.meta.events.register("before-parse", refuse_oddities)
            self._clients[service] = client
        return self._clients[service]

    def _signed_in(self) -> Any:  # noqa: ANN401
        """Return a session with the keys, the profile or the usual chain, in the role if named."""
        import boto3

        said = self.options
        key = self._secret(said.access_key_id) if ":" in said.access_key_id else said.access_key_id
        session = boto3.Session(
            aws_access_key_id=key or None,
            aws_secret_access_key=self._secret(said.secret_access_key) or None,
            aws_session_token=self._secret(said.session_token) or None,
            profile_name=said.profile or None, region_name=said.region,
        )  # fmt: skip
        if not said.role_arn:
            return session
        asked = {"RoleArn": said.role_arn, "RoleSessionName": SESSION}
        extra = {"ExternalId": said.external_id} if said.external_id else {}
        self.requests += 1
        found = self._made(session, "sts").assume_role(**asked, **extra)["Credentials"]
        return boto3.Session(
            found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], said.region
        )

    def _made(self, session: Any, service: str) -> Any:  # noqa: ANN401
        from botocore.config import Config

        said = self.options
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=min(10.0, said.timeout_s), read_timeout=said.timeout_s,
            proxies={"http": said.proxy, "https": said.proxy} if said.proxy else None,
            user_agent_extra=SESSION,
        )  # fmt: skip
        return session.client(
            service,
            region_name=COSTS_REGION if service == "ce" else said.region,
            endpoint_url=said.endpoint_url or None, config=config,
            verify=str(self._base / said.ca) if said.ca else said.verify,
        )  # fmt: skip


def refuse_oddities(response_dict: Mapping[str, Any], **_: object) -> None:
    """Raise where a page for people came back, or JSON that breaks off.

    botocore would take the rest of an answer that is not JSON for a message and return nothing.
    """
    body: bytes = response_dict.get("body") or b""
    if body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise SourceAuthError(
            "a web page came back instead of data",
            hint="Check endpoint_url and the proxy: this is a page for people, not AWS",
        )
    is_json = "json" in str(response_dict["headers"].get("content-type", ""))
    if is_json and response_dict["status_code"] < 300:  # noqa: PLR2004 - not an error
        try:
            json.loads(body)
        except ValueError as error:
            raise trouble.BrokenOffError(f"the JSON breaks off after {len(body)} bytes") from error


def snake(operation: str) -> str:
    """Return the method of boto3 for an operation: BatchGetBuilds is batch_get_builds."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()


def body(answer: object) -> bytes:
    """Return an answer as JSON, times as ISO 8601 in UTC; the same answer gives the same bytes."""
    return json.dumps(answer, default=_plain, sort_keys=True, ensure_ascii=False).encode()


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
