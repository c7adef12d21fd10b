"""An S3-compatible bucket: objects, listed in order, put only where there is none if so asked.

All that GoLive needs of a store is that a put with `If-None-Match: *` succeeds for one of many who
try, and that whoever lists or reads afterwards sees it: AWS S3, MinIO, Ceph, R2 and moto do. Who
may is what boto3 finds: AWS_* variables, a profile, the role of the machine or pod.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

from golive_core.errors import LakeError

AT_ONCE = 16
"""Objects that are fetched at a time."""
DELETED_AT_ONCE = 1000
"""S3's limit of one request."""
LOST = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)
CONNECT_S, READ_S, TRIES = 10, 60, 5


@dataclass(frozen=True, slots=True)
class Object:
    """One object: its key below the prefix, size in bytes and time in seconds since 1970."""

    key: str
    size: int
    at: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """The objects below `prefix` of a bucket; `endpoint` and `region` may be "" for the usual."""

    name: str
    prefix: str
    endpoint: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    def get(self, key: str) -> bytes | None:
        """Return an object, None if there is none."""
        with self._told(f"reading {key}"):
            try:
                return self._client.get_object(**self._at(key))["Body"].read()
            except self._client.exceptions.NoSuchKey:
                return None

    def claim(self, key: str, body: bytes) -> bool:
        """Put an object where there is none; tell whether it is this one that is there."""
        from botocore.exceptions import ClientError

        with self._told(f"writing {key}"):
            try:
                self._client.put_object(**self._at(key), Body=body, IfNoneMatch="*")
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in LOST:
                    raise
                return self.get(key) == body  # a repeated request finds what the first one put
            return True

    def upload(self, path: Path, key: str) -> None:
        """Put a file."""
        with self._told(f"writing {key}"):
            self._client.upload_file(str(path), self.name, self.prefix + key)

    def download(self, pairs: Iterable[tuple[str, Path]]) -> None:
        """Fetch objects to files, many at a time; LakeError if one is gone."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._fetch, pairs))

    def listed(self, prefix: str, *, after: str = "") -> Iterator[Object]:
        """Yield the objects whose key begins with `prefix`, in order, those behind `after`."""
        start = {"StartAfter": self.prefix + after} if after else {}
        with self._told(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=self.prefix + prefix, **start
            )
            for page in pages:
                for one in page.get("Contents", ()):
                    key = one["Key"].removeprefix(self.prefix)
                    yield Object(key, one["Size"], one["LastModified"].timestamp())

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        names = [{"Key": self.prefix + key} for key in keys]
        with self._told("deleting"):
            for start in range(0, len(names), DELETED_AT_ONCE):
                some = names[start : start + DELETED_AT_ONCE]
                self._client.delete_objects(Bucket=self.name, Delete={"Objects": some})

    def _fetch(self, pair: tuple[str, Path]) -> None:
        key, path = pair
        body = self.get(key)
        if body is None:
            hint = "Something other than GoLive removes objects: look at lifecycle rules"
            raise LakeError(f"{key} is gone", where=str(self), hint=hint)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{uuid4().hex}")
        draft.write_bytes(body)
        draft.replace(path)

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.name, "Key": self.prefix + key}

    @property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        return _client(self.endpoint, self.region, os.getpid())

    @contextmanager
    def _told(self, doing: str) -> Generator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            hint = "Look at [lake] in golive.toml, the network and the rights of AWS_*"
            raise LakeError(f"{doing} failed: {error}", where=str(self), hint=hint) from error


@lru_cache(maxsize=8)
def _client(endpoint: str, region: str, _pid: int) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
    import boto3
    from botocore.config import Config

    session: Any = boto3.Session()

    config = Config(
        connect_timeout=CONNECT_S, read_timeout=READ_S, max_pool_connections=AT_ONCE,
        retries={"max_attempts": TRIES, "mode": "standard"},
        request_checksum_calculation="when_required",  # stores of others do not know newer ones
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if endpoint else "auto"},
    )  # fmt: skip
    return session.client(
        "s3", endpoint_url=endpoint or None, region_name=region or None, config=config
    )
