"""Drives a search for a culprit: runs a command at the commits that the model asks for.

Each verdict is written down before the next run begins, so that an interrupted search goes on from
there. What is asked for next and what is known is the business of `models/culprit.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event

from golive_core.settings import child_environment
from golive_runner import process
from golive_runner.worktree import Repository, WorkTree
from models.culprit import Search

SKIP = 125
LARGEST_FAILURE = 127


@dataclass(frozen=True, slots=True)
class Run:
    """One run: `verdict` is passed, failed or skipped, with the reason; its log is a file."""

    sha: str
    verdict: str
    reason: str
    seconds: float


@dataclass
class Bisection:
    """A search with the command that decides it; `folder` keeps its runs, logs and work trees."""

    search: Search
    repository: Repository
    command: Sequence[str]
    folder: Path
    timeout_s: float | None = None
    jobs: int = 1
    budget: int = 100
    runs: list[Run] = field(default_factory=list[Run])
    stop: Event = field(default_factory=Event)

    def resume(self) -> int:
        """Take in the runs that an interrupted search made; return how many."""
        if self._journal.exists():
            for text in self._journal.read_text().splitlines():
                try:
                    run = Run(**json.loads(text))
                except (ValueError, TypeError):
                    continue  # the line that was being written when it was cut off
                self._take(run)
        return len(self.runs)

    def forget(self) -> None:
        """Forget the runs of an earlier search."""
        self._journal.unlink(missing_ok=True)

    def go(self, told: Callable[[Run], None]) -> None:
        """Run until the answer is sure, the budget is used up, or no run would tell more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for i in range(self.jobs):
            process.end_marked(f"{self.folder}/work-{i}")
        free = [WorkTree(self.repository, self.folder / f"work-{i}") for i in range(self.jobs)]
        trees = list(free)
        live: dict[Future[Run], tuple[int, WorkTree]] = {}
        pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="bisect")
        try:
            while self._fill(pool, free, live):
                for done in wait(live, return_when=FIRST_COMPLETED).done:
                    free.append(live.pop(done)[1])
                    self._write(done.result())
                    told(self.runs[-1])
        finally:
            self.stop.set()
            pool.shutdown(cancel_futures=True)
            for tree in trees:
                tree.remove()

    def _fill(
        self,
        pool: ThreadPoolExecutor,
        free: list[WorkTree],
        live: dict[Future[Run], tuple[int, WorkTree]],
    ) -> bool:
        """Start runs in the free work trees; return whether any run is under way."""
        is_sure = self.search.answer().kind != "unsure"
        while not is_sure and free and len(self.runs) + len(live) < self.budget:
            place = self.search.next_place([at for at, _ in live.values()])
            if place is None:
                break
            tree, number = free.pop(), len(self.runs) + len(live) + 1
            sha = self.search.commits.places[place]
            live[pool.submit(self._run, sha, tree, number)] = place, tree
        return bool(live) and not is_sure

    def _run(self, sha: str, tree: WorkTree, number: int) -> Run:
        tree.check_out(sha)
        clean = {k: v for k, v in child_environment().items() if not k.startswith("GIT_")}
        ended = process.run(
            self.command, folder=tree.path, log=self.folder / f"run-{number}.log",
            environment={**clean, "GOLIVE_COMMIT": sha}, mark=f"{self.folder}/{tree.path.name}",
            timeout_s=self.timeout_s, stop=self.stop,
        )  # fmt: skip
        verdict, reason = judged(ended.code)
        return Run(sha, verdict, reason, round(ended.seconds, 3))

    def _write(self, run: Run) -> None:
        with self._journal.open("a") as file:
            file.write(json.dumps(asdict(run)) + "\n")
        self._take(run)

    def _take(self, run: Run) -> None:
        place = self.search.commits.place_of()[run.sha]
        self.runs.append(run)
        if run.verdict == "skipped":
            self.search.skip(place)
        else:
            is_failed = run.verdict == "failed"
            self.search.observe(place, failed=is_failed, passed=not is_failed)

    @property
    def _journal(self) -> Path:
        return self.folder / "runs.jsonl"


def judged(code: int | None) -> tuple[str, str]:
    """Return verdict and reason of an exit code, as `git bisect run` has them; None: time is up."""
    if code is None:
        return "skipped", "did not end in time"
    if code < 0 or code > LARGEST_FAILURE:
        return "skipped", f"ended by signal {-code}" if code < 0 else f"exit code {code}"
    if code == SKIP:
        return "skipped", "cannot be tested (exit code 125)"
    return ("failed", f"exit code {code}") if code else ("passed", "")
