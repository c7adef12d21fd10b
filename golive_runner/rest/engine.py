"""Documents of REST checks to attempts: `run` yields them as they happen.

Nothing outlives the generator: its loop, its connections and its thread end with it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from golive_core.artifacts import ArtifactStore
from golive_core.http.loop import Loop
from golive_runner.attempt import Attempt
from golive_runner.rest import document, fill, rows
from golive_runner.rest.client import Bounds, Client, Reach, trust
from golive_runner.rest.document import CASES, Checks, OpenApi
from golive_runner.rest.evidence import Keeper
from golive_runner.rest.schema import Schema, schemas
from golive_runner.rest.trying import Job, Try

KIND = "http"
SLACK_S = 5.0
"""What an attempt may take beside its requests."""
UNCHECKED = "certificates not checked"


@dataclass(frozen=True)
class Options:
    """How documents are run: what is over what they say themselves.

    `base` is where they are tried in place of what they name, `root` the folder that suites are
    named from, `environment` what the attempts say they ran in; `retries` and `keep` (all, failed
    or none) go over the document's where they are given.
    """

    root: Path | None = None
    environment: str = KIND
    retries: int | None = None
    keep: str = "all"
    base: str = ""


@dataclass(frozen=True)
class Suite:
    """A checked document: nothing of it was sent yet. One attempt may take `limit_s` seconds."""

    checks: Checks
    path: Path
    name: str
    environment: str
    rows: list[rows.Row]
    schemas: list[Schema | None]

    @property
    def limit_s(self) -> float:
        """Return what an attempt takes at most: its requests until their deadlines."""
        wanted = self.checks.openapi
        cases = 1 if wanted is None else wanted.cases if isinstance(wanted, OpenApi) else CASES
        return max(len(self.checks.steps), cases) * self.checks.deadline_s + SLACK_S

    def attempts(self, store: ArtifactStore) -> Iterator[Attempt]:
        """Yield the attempts as they happen; raises UsageError before any is sent."""
        with closing(Keeper(store)) as keeper:
            yield from self._attempts(keeper)

    def _attempts(self, keeper: Keeper) -> Iterator[Attempt]:
        if self.checks.openapi is not None:
            from golive_runner.rest import openapi

            yield from openapi.run(self, keeper, client_of)
            return
        job = Job(self.checks, self.path, self.name, self.environment, self.schemas, keeper)
        base = fill.text(self.checks.base, self.rows[0])
        with _client(self.checks, base, self.path) as (loop, client):
            for name, row in zip(rows.names(self.rows), self.rows, strict=True):
                yield from _tries(job, loop, client, name, row)


def prepare(path: Path, options: Options | None = None) -> Suite:
    """Read a document and all that it names; raises UsageError with file, line and key."""
    options = options or Options()
    checks, file = document.read(path)
    said = checks.keep if options.keep == "all" else options.keep
    retries = checks.retries if options.retries is None else options.retries
    base = options.base or checks.base
    checks = checks.model_copy(update={"keep": said, "retries": retries, "base": base})
    wanted = rows.rows(checks, path)
    if checks.openapi is None:
        document.check_names(checks, file, rows.columns(wanted))
    fill.resolved(file.data)
    environment = f"{options.environment}, {UNCHECKED}" if checks.insecure else options.environment
    name = _name(path, options.root)
    return Suite(checks, path, name, environment, wanted, schemas(checks, path))


def run(path: Path, *, store: ArtifactStore, options: Options | None = None) -> Iterator[Attempt]:
    """Run a document and yield its attempts, retries too; raises UsageError before any is sent.

    Evidence goes into `store`.
    """
    yield from prepare(path, options).attempts(store)


def _name(path: Path, root: Path | None) -> str:
    whole = path.resolve()
    if root and whole.is_relative_to(root.resolve()):
        return str(whole.relative_to(root.resolve()))
    return path.name


def _tries(job: Job, loop: Loop, client: Client, name: str, row: rows.Row) -> Iterator[Attempt]:
    """Yield the attempts of one test: until it passes, or there is none left."""
    for _ in range(job.checks.retries + 1):
        attempt = loop.submit(Try(job, client, name, row).go()).result()
        yield attempt
        if attempt.status == "passed":
            return


@contextmanager
def _client(checks: Checks, base: str, path: Path) -> Generator[tuple[Loop, Client]]:
    """Lend a client with the document's bounds and the loop that it runs in."""
    client, loop = client_of(checks, base, path), Loop(f"rest-{path.stem}")
    try:
        loop.submit(client.warm()).result()
        yield loop, client
    finally:
        loop.submit(client.close()).result()
        loop.close()


def client_of(checks: Checks, base: str, path: Path) -> Client:
    """Return a client that reaches what the document names; raises UsageError."""
    absolute = [step.path for step in checks.steps if "://" in step.path]
    bounds = Bounds(checks.timeout_s, checks.deadline_s, int(checks.max_body_mib * (1 << 20)))
    ca = path.parent / checks.ca if checks.ca else None
    return Client(Reach([base, *absolute], checks.allow), bounds, trust(checks.insecure, ca))
