"""Bodies in the artifact store."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import pytest

from golive_core.artifacts import ArtifactStore
from golive_core.errors import LakeError, LakeFullError

BODY = b"<testsuite/>" * 100_000


@pytest.fixture
def store(home: Path) -> ArtifactStore:
    return ArtifactStore(home)


def files(store: ArtifactStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_a_body_is_found_by_its_hash_however_it_came(store: ArtifactStore, home: Path) -> None:
    (home / "body").write_bytes(BODY)
    sha = hashlib.sha256(BODY).hexdigest()
    assert sha not in store
    assert store.put_bytes(BODY) == sha
    assert store.put_stream(io.BytesIO(BODY)) == (sha, len(BODY))
    assert store.put_file(home / "body") == sha
    assert sha in store
    assert store.get(sha) == BODY
    with store.open(sha) as stream:
        assert stream.read() == BODY


def test_equal_bodies_are_one_small_file_that_gzip_reads(store: ArtifactStore) -> None:
    sha = store.put_bytes(BODY)
    store.put_bytes(BODY)
    assert files(store) == [store.path(sha)]
    assert store.path(sha).stat().st_size < len(BODY) / 10
    assert gzip.decompress(store.path(sha).read_bytes()) == BODY


def test_an_empty_body_is_a_body(store: ArtifactStore) -> None:
    assert store.get(store.put_bytes(b"")) == b""
    assert store.put_stream(io.BytesIO())[1] == 0


def test_a_missing_body_names_the_next_step(store: ArtifactStore) -> None:
    for ask in (store.get, store.open):
        with pytest.raises(LakeError, match=r"is missing.*golive ingest --full"):
            ask("00" * 32)


def test_a_stream_that_breaks_leaves_nothing(store: ArtifactStore) -> None:
    broken = Mock(read=Mock(side_effect=[b"half", OSError(errno.EIO, "input/output error")]))
    with pytest.raises(OSError, match="input/output"):
        store.put_stream(broken)
    assert files(store) == []


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, LakeFullError), (errno.EACCES, LakeError)]
)
def test_a_disk_that_refuses_is_an_error_of_the_lake(
    code: int, kind: type[LakeError], store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "replace", Mock(side_effect=OSError(code, "no")))
    for put in (lambda: store.put_bytes(BODY), lambda: store.put_stream(io.BytesIO(BODY))):
        with pytest.raises(kind):
            put()
    assert files(store) == []


def test_many_may_store_the_same_body_at_once(store: ArtifactStore) -> None:
    threads = [Thread(target=store.put_bytes, args=(BODY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(hashlib.sha256(BODY).hexdigest()) == BODY
    assert len(files(store)) == 1
