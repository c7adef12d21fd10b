"""A real moto server on the loopback, once for all tests; each begins with an empty account."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.load import IngestResult, ingest
from golive_core.http import Retry
from golive_core.lake import Lake
from ingest.source import Context, Instance
from ingest.sources.aws import AwsSource

REGION = "eu-central-1"


@dataclass
class Moto:
    url: str

    def post(self, path: str, body: bytes) -> None:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/{path}", body, plain, method="POST")
        urllib.request.urlopen(request, timeout=10).close()

    def client(self, service: str, **keys: str) -> Any:
        import boto3

        given = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", **keys}
        region = "us-east-1" if service == "ce" else REGION
        return boto3.client(service, region_name=region, endpoint_url=self.url, **given)


@pytest.fixture(scope="session")
def moto_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p"]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, str(port)], stdout=out, stderr=out)
    server = Moto(f"http://127.0.0.1:{port}")
    try:
        for _ in range(300):
            try:
                server.post("reset", b"")
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def moto(moto_process: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("KEY", "testing")
    monkeypatch.setattr(AwsSource, "retry", Retry(attempts=2, first_s=0.01, chance=lambda: 0.0))
    moto_process.post("reset", b"")
    return moto_process


@dataclass
class Account:
    """The account of a moto server as the source reads it into a lake."""

    moto: Moto
    lake: Lake
    home: Path

    def source(self, **options: object) -> AwsSource:
        said = {"region": REGION, "endpoint_url": self.moto.url, "per_second": 0,
                "access_key_id": "testing", "secret_access_key": "env:KEY", **options}  # fmt: skip
        return AwsSource(Instance("cloud", "aws", "shop", said), Context(self.home, self.home))

    def ingest(self, **options: object) -> IngestResult:
        source = self.source(**options)
        return ingest(self.lake, source, source.instance, processes=1)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.lake.query(sql).rows()


@pytest.fixture
def account(moto: Moto, lake: Lake, home: Path) -> Account:
    return Account(moto, lake, home)


@pytest.fixture
def limited(moto: Moto) -> Iterator[Callable[[], dict[str, str]]]:
    """Return a function that makes a user without rights and lets AWS look at rights from then."""

    def make() -> dict[str, str]:
        iam = moto.client("iam")
        iam.create_user(UserName="bob")
        key = iam.create_access_key(UserName="bob")["AccessKey"]
        moto.post("reset-auth", b"0")
        return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}

    yield make
    moto.post("reset-auth", json.dumps(1_000_000_000).encode())
