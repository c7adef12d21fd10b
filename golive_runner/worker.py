"""The process that runs documents: `python -m golive_runner.worker JOB EVENTS`.

It is started by `golive_runner.isolated` and may be killed at any moment: whatever it knows it has
written already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from golive_core.artifacts import ArtifactStore
from golive_core.errors import GoLiveError
from golive_runner.attempt import Attempt
from golive_runner.job import Job, Told
from golive_runner.journeys import document as journeys
from golive_runner.journeys.engine import Engine, Keep, Options
from golive_runner.journeys.looking import Looking
from golive_runner.process import end_with_parent
from golive_runner.yaml_file import YamlFile


class Worker:
    """Runs the documents of one job, each in the engine that its first word asks for."""

    def __init__(self, job: Job, told: Told, stack: ExitStack) -> None:
        self._job, self._told, self._stack = job, told, stack
        self._store = ArtifactStore(Path(job.home))
        self._browser: Engine | None = None

    def run(self) -> None:
        """Run every document; what is wrong with one is told, and the next begins."""
        for file in self._job.files:
            try:
                for attempt in self._attempts(file):
                    self._told.attempt(attempt)
            except GoLiveError as error:
                self._told.wrong(file, str(error))
            self._told.done(file)

    def _attempts(self, file: str) -> Iterator[Attempt]:
        document = YamlFile.read(Path(file))
        word = next((one for one in ENGINES if one in document.mapping()), None)
        if word is None:
            hint = f"It begins with {' or '.join(f'`{one}: NAME`' for one in ENGINES)}"
            raise document.error((), "is nothing that can be run", hint)
        return ENGINES[word](self, file, document)

    def journey(self, file: str, document: YamlFile) -> Iterator[Attempt]:
        """Run a browser journey."""
        journey = journeys.parse(document, base=self._job.base)
        attempts = self._engine().attempts(journey)
        while True:
            self._told.begin(file, journey.settings.limit_s)
            attempt = next(attempts, None)
            if attempt is None:
                return
            yield attempt

    def checks(self, file: str, _document: YamlFile) -> Iterator[Attempt]:
        """Run REST checks."""
        from golive_runner import rest

        job = self._job
        options = rest.Options(
            root=Path(job.root), retries=job.retries, keep=job.keep, base=job.base
        )
        suite = rest.prepare(Path(file), options)
        attempts = suite.attempts(self._store)
        while True:
            self._told.begin(file, suite.limit_s)
            attempt = next(attempts, None)
            if attempt is None:
                return
            yield attempt

    def _engine(self) -> Engine:
        if self._browser is None:
            job = self._job
            options = Options(job.browser, job.headed, _keep(job.keep), retries=job.retries)
            looking = Looking(self._store, job.baselines, job.rejected)
            engine = Engine(self._store, options, job.root, looking)
            self._browser = self._stack.enter_context(engine)
        return self._browser


ENGINES: Mapping[str, Callable[[Worker, str, YamlFile], Iterator[Attempt]]] = {
    "journey": Worker.journey,
    "checks": Worker.checks,
}
"""What runs a document, by its first word."""


def _keep(said: str) -> Keep:
    return said if said in ("failed", "none") else "all"


def main() -> None:
    """Run the job that the arguments name."""
    job, events = sys.argv[1:]
    end_with_parent()
    with ExitStack() as stack:
        Worker(Job.read(Path(job)), Told(Path(events)), stack).run()


if __name__ == "__main__":
    main()
