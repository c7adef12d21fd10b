"""Files of learned models: `.golive/models/<name>/<project>/`, written whole or not at all.

    versions/<model_id>/estimator.skops   what `fit` returned, saved with skops, never pickle
    versions/<model_id>/manifest.json     how it came about, with the digest of both files
    champion.json                         which version scores, and which ones scored before

A version is written beside its place and renamed; the champion is one small file that is replaced.
So a process that is killed leaves the last state. A file that is not what its digest says, or that
names a type beyond those that are trusted, is never loaded. Nothing here knows the lake.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote, unquote

from golive_core import lock
from golive_core.errors import GoLiveError, UsageError

ESTIMATOR, MANIFEST, CHAMPION = "estimator.skops", "manifest.json", "champion.json"
DRAFT = ".new"
KEPT = 5
"""Newest versions of a project that are kept beside those in use and those of champions before."""
TRUSTED = (
    "models.learners._Weighted",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond those that skops itself trusts: they hold numbers and such types only."""


class ModelFileError(GoLiveError):
    """A file of a model is missing, cut off, edited, or names a type that is not trusted."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """How one version came about; times are ISO 8601 UTC, so that it is the same in JSON."""

    model_id: str
    name: str
    project_id: str
    code_version: str
    data_hash: str
    trained_at: str
    as_of: str
    """The newest thing that it knows."""
    rows: int
    events: int
    features: Mapping[str, str]
    reference: Mapping[str, Mapping[str, list[float]]]
    """What the training rows looked like, feature by feature: see `models.drift`."""
    metrics: Mapping[str, Any]
    """Measured walk-forward: see `models.walk_forward.Comparison`."""
    calibration: Mapping[str, float]
    """Slope and intercept on the log odds."""
    heuristic: str = ""
    """Name of the rule that it was compared with."""
    estimator_sha256: str = ""
    digest: str = ""
    """SHA-256 over all other cells."""

    def sealed(self, estimator: Path) -> Manifest:
        """Return the same with the digests of the file and of itself."""
        with_file = replace(self, estimator_sha256=sha256(estimator), digest="")
        return replace(with_file, digest=with_file.own_digest())

    def own_digest(self) -> str:
        """Return the digest of the cells."""
        cells = {**asdict(self), "digest": ""}
        return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of the champion; `model_id` is empty where the heuristic took over."""

    kind: Literal["promote", "rollback"]
    model_id: str
    at: str
    by: str
    """"gate", or who asked for it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What may score a project: a version with its estimator, or nothing and the reason why.

    `trouble` tells what is wrong with the champion where another one stands in for it.
    """

    manifest: Manifest | None
    estimator: Any = None
    trouble: str = ""


class Store:
    """The versions of one model for one project below `home/models`."""

    def __init__(self, home: Path, name: str, project_id: str) -> None:
        self.name, self.project_id = name, project_id
        self.root = home / "models" / name / quote(project_id, safe="")

    def save(self, manifest: Manifest, estimator: Any) -> Manifest:  # noqa: ANN401 - any estimator
        """Write a version, in place of a damaged one of this id; returns its sealed manifest."""
        import skops.io

        with lock.alone(self.root, "_lock"):
            self._sweep()
            draft = self._folder(manifest.model_id + DRAFT)
            draft.mkdir(parents=True)
            skops.io.dump(estimator, draft / ESTIMATOR)
            sealed = manifest.sealed(draft / ESTIMATOR)
            write(draft / MANIFEST, asdict(sealed))
            flush(draft / ESTIMATOR)
            if self._folder(manifest.model_id).exists():
                shutil.rmtree(self._folder(manifest.model_id))
            draft.replace(self._folder(manifest.model_id))
        return sealed

    def versions(self) -> list[str]:
        """Return the ids of the versions that are whole directories, oldest first."""
        found = (self.root / "versions").glob("*/" + MANIFEST)
        names = (unquote(path.parent.name) for path in found)
        return sorted(name for name in names if not name.endswith(DRAFT))

    def has(self, model_id: str) -> bool:
        """Tell whether a version is a whole directory."""
        return (self._folder(model_id) / MANIFEST).is_file()

    def is_whole(self, model_id: str) -> bool:
        """Tell whether both files of a version are what was saved."""
        try:
            made = self.manifest(model_id)
        except ModelFileError:
            return False
        path = self._folder(model_id) / ESTIMATOR
        return path.is_file() and sha256(path) == made.estimator_sha256

    def manifest(self, model_id: str) -> Manifest:
        """Return a version's manifest; raises ModelFileError if it is gone, cut off or edited."""
        path = self._folder(model_id) / MANIFEST
        cells = read(path)
        if set(cells) != {one.name for one in fields(Manifest)}:
            raise ModelFileError("is not a manifest of this version of GoLive", where=str(path))
        found = Manifest(**cells)
        if found.digest != found.own_digest() or found.model_id != model_id:
            raise ModelFileError("was edited: its digest is another", where=str(path))
        return found

    def load(self, model_id: str, types: Iterable[str] = ()) -> Loaded:
        """Return a version with its estimator; raises ModelFileError where it is not to be trusted.

        `types` are trusted beside TRUSTED.
        """
        import skops.io

        manifest = self.manifest(model_id)
        path = self._folder(model_id) / ESTIMATOR
        if not path.is_file() or sha256(path) != manifest.estimator_sha256:
            raise ModelFileError("was cut off, edited or removed", where=str(path))
        allowed = {*TRUSTED, *types}
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - allowed)
        if unknown:
            raise ModelFileError(
                f"names types that are not trusted: {', '.join(unknown)}", where=str(path),
                hint="Train again; a model that needs them declares `types` in its file",
            )  # fmt: skip
        return Loaded(manifest, skops.io.load(path, trusted=sorted(allowed)))

    def champion(self, types: Iterable[str] = ()) -> Loaded:
        """Return what scores the project now.

        Where its file is not to be trusted, the champion before it, and at the end the heuristic.
        """
        troubles: list[str] = []
        try:
            turns = self.turns()
        except ModelFileError as error:
            return Loaded(None, trouble=f"{error}; the heuristic stands in")
        for model_id in reversed(standing(turns)):
            try:
                found = self.load(model_id, types)
            except ModelFileError as error:
                troubles.append(str(error))
                continue
            stand_in = f"; {model_id} stands in" if troubles else ""
            return replace(found, trouble="; ".join(troubles) + stand_in)
        stand_in = "; the heuristic stands in" if troubles else ""
        return Loaded(None, trouble="; ".join(troubles) + stand_in)

    def turns(self) -> list[Turn]:
        """Return every change of the champion, oldest first."""
        path = self.root / CHAMPION
        return [Turn(**one) for one in read(path)["turns"]] if path.exists() else []

    def crown(self, turn: Turn) -> None:
        """Make a version the champion, or the heuristic where `turn.model_id` is empty."""
        with lock.alone(self.root, "_lock"):
            if turn.model_id:
                self.manifest(turn.model_id)
            kept = self.turns()
            write(self.root / CHAMPION, {"turns": [asdict(one) for one in (*kept, turn)]})

    def before(self) -> str:
        """Return the id of what a rollback goes to, "" for the heuristic.

        Raises UsageError where the heuristic scores already.
        """
        line = standing(self.turns())
        if not line:
            raise UsageError(
                "nothing to roll back: the heuristic scores already",
                where=f"{self.name} of {self.project_id}",
            )
        return line[-2] if len(line) > 1 else ""

    def prune(self, keep: int = KEPT) -> list[str]:
        """Remove versions beyond the `keep` newest that were not among the last champions."""
        with lock.alone(self.root, "_lock"):
            self._sweep()
            used = [turn.model_id for turn in self.turns() if turn.model_id]
            wanted = {*self.versions()[-keep:], *list(dict.fromkeys(reversed(used)))[:keep]}
            gone = [one for one in self.versions() if one not in wanted]
            for model_id in gone:
                shutil.rmtree(self._folder(model_id))
        return gone

    def _folder(self, model_id: str) -> Path:
        return self.root / "versions" / quote(model_id, safe="")

    def _sweep(self) -> None:
        """Remove what a killed process left; called under the lock."""
        for draft in (self.root / "versions").glob("*" + DRAFT):
            shutil.rmtree(draft)


def standing(turns: Iterable[Turn]) -> list[str]:
    """Return the champions that still have trust, the present one last.

    What was rolled back is not among them, nor what came before the heuristic took over.
    """
    line: list[str] = []
    for turn in turns:
        if turn.model_id in line:
            del line[line.index(turn.model_id) + 1 :]
        else:
            line = [*line, turn.model_id] if turn.model_id else []
    return line


def stores(home: Path, name: str) -> list[Store]:
    """Return the stores of all projects that have files of the model."""
    folders = sorted((home / "models" / name).glob("*/"))
    return [Store(home, name, unquote(folder.name)) for folder in folders]


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> dict[str, Any]:
    """Return a JSON object; raises ModelFileError where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelFileError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(found, dict):
        raise ModelFileError("is not a JSON object", where=str(path))
    return cast("dict[str, Any]", found)


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON beside its place, flush it to the disk, and rename it."""
    draft = path.with_name(path.name + DRAFT)
    draft.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
    flush(draft)
    draft.replace(path)


def flush(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def stamp(at: datetime) -> str:
    """Return an aware instant as a manifest holds it."""
    return at.isoformat()
