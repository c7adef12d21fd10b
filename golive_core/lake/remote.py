"""A lake in a bucket: the folder below the home is then this machine's copy of it.

The bucket has the files of a local lake under the same names, so that other engines read its
tables. Files never change once they are there; what a machine lacks it fetches when it is asked
for. Who commits, of all machines, is settled by puts that succeed once:

    1  data        the staged Parquet files are uploaded; nobody sees them
    2  claim       `_manifests/<n>.intent` says what transaction n does: from now on it happens.
                   Who comes second finishes the first one's transaction and plans anew
    3  log         one entry a table, put once, whoever puts it
    4  manifest    put once; readers of all machines see it within FRESH_S

Nobody holds a lock in the bucket and no clock is asked, so a machine that dies leaves nothing to
wait for: the next one finds its claim and does 3 and 4.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from golive_core.erasure.known import FILE as ERASED
from golive_core.errors import LakeError, SettingsError
from golive_core.lake.bucket import Bucket, Object
from golive_core.log import get_logger
from golive_core.settings import lake_place

log = get_logger(__name__)
FILE = "_remote.json"
FRESH_S = 2.0
"""Readers look for news in the bucket this often."""
MANIFESTS, LOG, FORMAT_FILE = "_manifests", "_delta_log", "_format.json"


class Remote:
    """The bucket of one lake and the folder that is its copy here."""

    def __init__(self, root: Path, bucket: Bucket) -> None:
        self.root, self.bucket = root, bucket
        self._lock = threading.Lock()
        self._looked = -FRESH_S
        self._erased: Object | None = None

    def refresh(self, *, now: bool = False) -> None:
        """Bring manifests and logs up to date, if it was not done just now.

        Readers go on with what this machine has where the bucket does not answer; writers, who say
        `now`, do not: LakeError.
        """
        with self._lock:
            if not now and time.monotonic() - self._looked < FRESH_S:
                return
            try:
                self._pull()
            except LakeError as error:
                if now or not self._newest():
                    raise
                log.warning("the bucket does not answer, its copy is shown", error=str(error))
            self._looked = time.monotonic()

    def pending(self) -> bytes | None:
        """Return the claim of a transaction that somebody has not finished yet."""
        return self.bucket.get(self._intent(self._newest() + 1))

    def claim(self, n: int, promise: Mapping[str, Any]) -> bool:
        """Claim transaction `n` for what is promised; False if it is somebody else's."""
        key = self._intent(n)
        if not self.bucket.claim(key, json.dumps(promise, sort_keys=True).encode()):
            return False
        if self.bucket.get(self._manifest(n)) is None:
            return True
        self.bucket.delete([key])  # it was done, and its claim removed, long ago
        return False

    def unclaim(self, n: int) -> None:
        """Remove the claim of a transaction that is done, or that cannot be."""
        self.bucket.delete([self._intent(n)])

    def push(self, paths: Iterable[Path]) -> None:
        """Upload files that are read by nobody yet."""
        for path in paths:
            self.bucket.upload(path, self._key(path))

    def settle(self, path: Path, body: bytes) -> bytes:
        """Put what a file is to be where there is none; return what is there then."""
        key = self._key(path)
        return body if self.bucket.claim(key, body) else self.bucket.get(key) or body

    def present(self, folder: Path, paths: Iterable[str]) -> None:
        """Fetch those of a table's files that this machine does not have."""
        missing = [folder / path for path in paths if not (folder / path).exists()]
        if missing:
            self.bucket.download((self._key(path), path) for path in missing)

    def pull_log(self, folder: Path) -> None:
        """Fetch the entries of a table's log that this machine does not have."""
        log = folder / LOG
        have = sorted(path.name for path in log.glob("*.json") if path.stem.isdigit())
        prefix = f"{self._key(log)}/"
        found = self.bucket.listed(prefix, after=prefix + have[-1] if have else "")
        names = [one.key for one in found if one.key.removeprefix(prefix)[:20].isdigit()]
        self.bucket.download((key, self.root / key) for key in names)

    def files(self, folder: Path) -> dict[str, Object]:
        """Return the objects of a table by their path in its folder."""
        prefix = f"{self._key(folder)}/"
        return {one.key.removeprefix(prefix): one for one in self.bucket.listed(prefix)}

    def prune_manifests(self, oldest: int) -> None:
        """Remove the manifests before number `oldest`."""
        names = (one.key for one in self.bucket.listed(f"{MANIFESTS}/"))
        number = slice(len(MANIFESTS) + 1, len(MANIFESTS) + 21)
        self.bucket.delete([name for name in names if int(name[number]) < oldest])

    def push_checkpoints(self, folder: Path) -> None:
        """Upload the checkpoints of a table's log, which Delta makes here alone."""
        there = self.files(folder)
        for path in (folder / LOG).glob("*.checkpoint*.parquet"):
            if path.relative_to(folder).as_posix() not in there:
                self.bucket.upload(path, self._key(path))

    def delete(self, paths: Iterable[Path]) -> None:
        """Remove files from the bucket."""
        self.bucket.delete(self._key(path) for path in paths)

    def share_erased(self) -> None:
        """Tell the other machines who was erased."""
        self.push([self.root / ERASED])

    def _pull_erased(self) -> None:
        there = next(iter(self.bucket.listed(ERASED)), None)
        if there and there != self._erased:
            self.bucket.download([(ERASED, self.root / ERASED)])
            (self.root / ERASED).chmod(0o600)
            self._erased = there

    def _pull(self) -> None:
        self._pull_erased()
        after = self._manifest(self._newest())
        news = [one.key for one in self.bucket.listed(f"{MANIFESTS}/", after=after)]
        if not (self.root / FORMAT_FILE).exists() and news:
            self.bucket.download([(FORMAT_FILE, self.root / FORMAT_FILE)])
        for key in news:
            if key.endswith(".json"):
                self._take(key)
        if news:
            _put(self.root / MANIFESTS / "latest", json.dumps({"n": self._newest()}))

    def drop_pruned(self) -> None:
        """Let go of manifests that are gone from the bucket: their files may be gone too."""
        oldest = next(iter(self.bucket.listed(f"{MANIFESTS}/")), None)
        if oldest is not None:
            for path in (self.root / MANIFESTS).glob("*.json"):
                if path.stem.isdigit() and path.stem < Path(oldest.key).stem:
                    path.unlink(missing_ok=True)

    def _take(self, key: str) -> None:
        """Fetch a manifest and what its tables' logs have up to it, and then show it."""
        body = self.bucket.get(key)
        if body is None:
            return  # pruned since it was listed
        for table, entry in json.loads(body)["tables"].items():
            folder = self.root.joinpath(*table.split("."))
            if not (folder / LOG / f"{int(entry['version']):020d}.json").exists():
                self.pull_log(folder)
        self.bucket.download([(key, self.root / key)])

    def _newest(self) -> int:
        names = [path.stem for path in (self.root / MANIFESTS).glob("*.json")]
        return max((int(name) for name in names if name.isdigit()), default=0)

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _manifest(self, n: int) -> str:
        return f"{MANIFESTS}/{n:020d}.json"

    def _intent(self, n: int) -> str:
        return f"{MANIFESTS}/{n:020d}.intent"


def of(root: Path) -> Remote | None:
    """Return the bucket of the lake below `root`; None for one that is on this machine alone.

    Where the settings that were loaded name a bucket, the folder becomes the copy of it. Raises
    SettingsError where it is the copy of another, or of one that they do not name.
    """
    place = lake_place(root)
    if place and place.location:
        attach(root, place.location, endpoint=place.endpoint, region=place.region)
    elif place and (root / FILE).exists():
        hint = "Name it again in [lake] location, or remove the folder: the bucket keeps the lake"
        raise SettingsError("is the copy of a bucket that is not named", where=str(root), hint=hint)
    try:
        status = (root / FILE).stat()
    except OSError:
        return None
    return _of(root, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=16)
def _of(root: Path, *_state: int) -> Remote:
    try:
        return Remote(root, Bucket(**json.loads((root / FILE).read_bytes())))
    except (ValueError, TypeError) as error:
        raise LakeError("does not name a bucket", where=str(root / FILE)) from error


def bucket_at(location: str, endpoint: str, region: str) -> Bucket:
    """Return the bucket of `s3://bucket/prefix`; raises SettingsError for another location."""
    parts = urlsplit(location)
    if parts.scheme != "s3" or not parts.netloc:
        hint = 'Write location = "s3://bucket/prefix"'
        raise SettingsError(f"{location!r} is no bucket", where="[lake] location", hint=hint)
    prefix = parts.path.strip("/")
    return Bucket(parts.netloc, f"{prefix}/" if prefix else "", endpoint, region)


def attach(root: Path, location: str, *, endpoint: str = "", region: str = "") -> None:
    """Make the folder the copy of a lake at `s3://bucket/prefix`; once it is, nothing is done.

    Raises SettingsError for another kind of location, or a folder that holds another lake.
    """
    wanted = asdict(bucket_at(location, endpoint, region))
    text = json.dumps(wanted)
    path = root / FILE
    if path.exists() and path.read_text() == text:
        return
    here = json.loads(path.read_text()) if path.exists() else None
    is_other = here is not None and (here["name"], here["prefix"]) != (
        wanted["name"], wanted["prefix"],
    )  # fmt: skip
    if is_other or (here is None and (root / MANIFESTS).exists()):
        hint = "Upload it: golive lake upload, or name another GOLIVE_HOME"
        raise SettingsError("this home holds another lake", where=str(root), hint=hint)
    root.mkdir(parents=True, exist_ok=True)
    _put(path, text)


def upload(root: Path, files: Iterable[str], location: str, *, endpoint: str, region: str) -> None:
    """Put a lake of this machine into a bucket that has none yet, and make this its copy.

    `files` are those of one state (`copying.pinned`). The manifests come last.
    """
    target = Remote(root, bucket_at(location, endpoint, region))
    if next(iter(target.bucket.listed(f"{MANIFESTS}/")), None) is not None:
        hint = "Name a prefix that is empty"
        raise SettingsError("a lake is there already", where=location, hint=hint)
    paths = [root / name for name in files]
    target.push(sorted(paths, key=lambda path: (path.parent.name == MANIFESTS, path.name)))
    _put(root / FILE, json.dumps(asdict(target.bucket)))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    draft.write_text(text)
    draft.replace(path)
