"""Git history into committed lake tables, against git itself and against perceval.

    python benchmarks/git_history.py [REPOSITORY] [--rounds 3] [--small] [--keep FOLDER]

Without REPOSITORY a realistic one of 20,000 commits is made (seeded, about a minute); any path is
taken and never written to: all cases run on a bare clone of it. Cases take turns. The limit is
`git log --all --numstat` to a pipe, which GoLive has to beat while it also parses, types and
commits: it runs git in as many processes as there are cores. perceval clones a mirror and prints
JSON. Wall times are of whole processes, start and imports included; `inside` leaves these out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

COMMITS, FILES, SEED = 20_000, 4_000, 20_240_501
ROOT = Path(__file__).resolve().parent.parent
VOCABULARY = """
account adapter address agent archive asset audit batch billing branch buffer build cache cart
catalog channel check client cluster column commit config cursor customer dashboard delta deploy
driver editor engine event export factory field filter frame gateway handler history import index
ingest invoice job journal kernel label layout ledger loader logger manager market matrix merge
metric mirror model monitor node object order parser partition payload pipeline policy pool price
process product profile project proxy query queue record region registry release report request
resource result router runner schema scope search sensor server service session shard shipment
signal source stage state store stream table target task template tenant ticket token trace
tracker transfer user value vendor view window worker
"""
WORDS = re.findall(r"\w+", VOCABULARY)


# ---------------------------------------------------------------- a repository to measure with


class History:
    """Writes the input of `git fast-import`: files of code, topics of a few commits, merges.

    Files are log-normal in length (median 120 lines), those that changed often change often, and
    commits touch a few of them (median 2). About 2 % of the changes are renames, 2 % removals.
    """

    def __init__(self, commits: int) -> None:
        self.dice = random.Random(SEED)
        self.commits = commits
        self.files: dict[str, tuple[list[str], int]] = {}
        self.order: list[str] = []
        self.marks = self.made = 0
        self.at = 1_300_000_000

    def __iter__(self) -> Iterator[bytes]:
        start: dict[str, int | None] = {}
        for _ in range(max(20, FILES * self.commits // COMMITS // 4)):
            yield from self.create(start)
        yield self.commit("main", start, [])
        while self.made < self.commits:
            base = side = self.marks
            topic: dict[str, int | None] = {}
            for _ in range(min(self.dice.randint(1, 9), self.commits - self.made)):
                change: dict[str, int | None] = {}
                yield from self.change(change)
                yield self.commit("topic", change, [side])
                side = self.marks
                topic |= change
            yield self.commit("main", topic, [base, side])

    def change(self, change: dict[str, int | None]) -> Iterator[bytes]:
        """Yield the blobs of one commit and note what it does to which path (None: removes)."""
        for _ in range(min(60, int(self.dice.lognormvariate(0.7, 0.9)) + 1)):
            draw = self.dice.random()
            path = self.order[int(len(self.order) * self.dice.random() ** 3)]
            if draw < 0.12 and len(self.files) < FILES:
                yield from self.create(change)
            elif draw < 0.14 and len(self.files) > 50 and path not in change:
                self.forget(path)
                change[path] = None
            elif draw < 0.16 and path not in change:
                lines, _ = self.forget(path)
                change[path] = None
                yield from self.store(self.path(), self.edited(lines), change)
            elif change.get(path, 0) is not None and path in self.files:
                yield from self.store(path, self.edited(self.files[path][0]), change)

    def create(self, change: dict[str, int | None]) -> Iterator[bytes]:
        """Yield the blob of a new file."""
        count = min(4_000, int(self.dice.lognormvariate(4.8, 1.0)) + 1)
        yield from self.store(self.path(), [self.line() for _ in range(count)], change)

    def store(self, path: str, lines: list[str], change: dict[str, int | None]) -> Iterator[bytes]:
        """Yield the blob of a file."""
        if path not in self.files:
            self.order.append(path)
        self.marks += 1
        self.files[path] = (lines, self.marks)
        change[path] = self.marks
        text = "\n".join([*lines, ""]).encode()
        yield b"blob\nmark :%d\ndata %d\n%s\n" % (self.marks, len(text), text)

    def forget(self, path: str) -> tuple[list[str], int]:
        """Take a file out of the tree and return it."""
        self.order.remove(path)
        return self.files.pop(path)

    def edited(self, lines: list[str]) -> list[str]:
        """Return the lines with one to four places changed."""
        lines = list(lines)
        for _ in range(self.dice.randint(1, 4)):
            at = self.dice.randint(0, len(lines))
            lines[at : at + self.dice.randint(0, 6)] = [
                self.line() for _ in range(self.dice.randint(0, 10))
            ]
        return lines or [self.line()]

    def line(self) -> str:
        """Return a line of something like code."""
        return " " * (4 * self.dice.randint(0, 4)) + " ".join(
            self.dice.choices(WORDS, k=self.dice.randint(1, 7))
        )

    def path(self) -> str:
        """Return a path one to six folders deep."""
        folders = self.dice.choices(WORDS[:24], k=self.dice.randint(1, 6))
        name = "_".join(self.dice.choices(WORDS, k=2))
        return f"{'/'.join(folders)}/{name}{self.dice.randint(0, 99)}.py"

    def commit(self, branch: str, change: dict[str, int | None], parents: list[int]) -> bytes:
        """Return a commit of the change; with two parents it is a merge of the second."""
        self.marks += 1
        self.made += 1
        self.at += self.dice.randint(60, 40_000)
        who = self.dice.choice(WORDS)
        person = f"{who.title()} Person <{who}@example.org> {self.at} +0000"
        subject = f"{self.line().strip().capitalize()} (#{self.made})"
        body = "\n".join(self.line().strip() for _ in range(self.dice.randint(0, 8)))
        text = f"{subject}\n\n{body}\n".encode()
        links = [f"{word} :{mark}" for word, mark in zip(("from", "merge"), parents, strict=False)]
        files = [
            f"D {path}" if mark is None else f"M 100644 :{mark} {path}"
            for path, mark in change.items()
        ]
        head = f"commit refs/heads/{branch}\nmark :{self.marks}\nauthor {person}\n"
        tail = "\n".join([*links, *files, "", ""])
        return (
            head.encode() + f"committer {person}\n".encode()
            + b"data %d\n%s\n" % (len(text), text) + tail.encode()
        )  # fmt: skip


def synthesize(folder: Path, commits: int) -> None:
    """Make a bare repository of `commits` commits and pack it as a server would."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    git = ["git", "-C", str(folder)]
    importer = subprocess.Popen([*git, "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE)
    assert importer.stdin
    for piece in History(commits):
        importer.stdin.write(piece)
    importer.stdin.close()
    if importer.wait():
        raise SystemExit("git fast-import failed")
    subprocess.run([*git, "update-ref", "-d", "refs/heads/topic"], check=True)
    subprocess.run([*git, "repack", "-adfq", "--depth=50", "--window=10"], check=True)


# ---------------------------------------------------------------- what is measured


def limit(repository: Path) -> None:
    """Run git itself, its output thrown away by a reader."""
    command = ["git", "-C", str(repository), "log", "--all", "--numstat"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while process.stdout and process.stdout.read(1 << 20):
            pass


def perceval(repository: Path, scratch: Path) -> None:
    """Run perceval with a mirror of its own, its JSON thrown away."""
    tool = str(Path(sys.executable).parent / "perceval")
    command = [tool, "git", str(repository), "--git-path", str(scratch / "mirror"), "--json-line"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


INGEST = """
import json, sys, time
from pathlib import Path
from assets.load import ingest
from golive_core.lake import Lake
from golive_core.settings import Instance
from ingest.source import Context
from ingest.sources.git import GitSource

if __name__ == "__main__":
    repository, home, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    context = Context(home=home, base=repository)
    instance = Instance("bench", "git", "bench", {"path": str(repository)})
    for _ in range(steps):
        lake, start = Lake(home / "lake"), time.perf_counter()
        done = ingest(lake, GitSource(instance, context), instance, context=context)
        seconds = time.perf_counter() - start
        if done.error:
            raise done.error
        tables = done.conform.tables
        print(json.dumps({
            "seconds": seconds,
            "rows": {name: result.new for name, result in tables.items()},
            "files": sum(result.files for result in tables.values()),
        }), flush=True)
        sys.stdin.readline()
"""


def golive(repository: Path, home: Path, between: list[Callable[[], None]]) -> list[dict]:
    """Ingest in a process of its own, once and after each of `between`; return what it told."""
    command = [sys.executable, "-c", INGEST, str(repository), str(home), str(len(between) + 1)]
    told = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for step in [*between, lambda: None]:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the ingest failed")
            told.append(json.loads(line))
            step()
            process.stdin.write("\n")
            process.stdin.flush()
    return told


def add_commits(repository: Path, count: int) -> None:
    """Put commits on top of HEAD, each of which adds a file and changes another."""
    git = ["git", "-C", str(repository)]
    branch = subprocess.check_output([*git, "symbolic-ref", "HEAD"], text=True).strip()
    now = int(time.time())
    pieces = [f"feature done\nreset {branch}\nfrom {branch}^0\n\n"]
    for number in range(count):
        who = f"Ada <ada@example.org> {now + number} +0000"
        pieces.append(
            f"commit {branch}\nauthor {who}\ncommitter {who}\ndata 4\nnew\n"
            f"M 100644 inline bench/{now}-{number}.txt\ndata 2\n{number}\n"
            f"M 100644 inline bench/log.txt\ndata 2\n{number}\n\n"
        )
    text = "".join([*pieces, "done\n"]).encode()
    subprocess.run([*git, "fast-import", "--quiet", "--force"], input=text, check=True)


@dataclass
class Figures:
    """Wall and CPU seconds by case."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def time(self, case: str, work: Callable[[], object]) -> None:
        """Run and measure one case, its children too."""
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        work()
        self.wall.setdefault(case, []).append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu.setdefault(case, []).append(cpu)

    def median(self, case: str) -> float:
        """Return the median wall time of a case."""
        return statistics.median(self.wall[case])


def measure(repository: Path, scratch: Path, rounds: int) -> tuple[Figures, list[dict]]:
    """Run every case in turn, `rounds` times."""
    figures, told = Figures(), []
    for number in range(rounds):
        figures.time("git log --all --numstat", lambda: limit(repository))
        home = scratch / f"home{number}"
        figures.time("golive, whole process", lambda home=home: golive(repository, home, []))
        shutil.rmtree(home)
        steps = [lambda: add_commits(repository, 10), lambda: None]
        told.append(golive(repository, home, steps))
        shutil.rmtree(home)
        for name, one in zip(("golive, inside", "10 new", "unchanged"), told[-1], strict=True):
            figures.wall.setdefault(name, []).append(one["seconds"])
        figures.time("perceval git", lambda: perceval(repository, scratch))
        shutil.rmtree(scratch / "mirror")
    return figures, told


def report(figures: Figures, told: list[dict], rounds: int) -> None:
    """Print the table and the ratios."""
    print(f"\n{'case':28}{'wall s':>9}{'min':>9}{'max':>9}{'CPU s':>9}")
    for case, walls in figures.wall.items():
        cpu = statistics.median(figures.cpu[case]) if case in figures.cpu else float("nan")
        line = f"{figures.median(case):9.3f}{min(walls):9.3f}{max(walls):9.3f}{cpu:9.2f}"
        print(f"{case:28}{line}")
    first, new, same = told[-1]
    print(f"rows: first {first['rows']}, 10 new {new['rows']}, unchanged {same['rows']}")
    print(f"files: first {first['files']}, 10 new {new['files']}, unchanged {same['files']}")
    base, whole = figures.median("git log --all --numstat"), figures.median("golive, whole process")
    inside = figures.median("golive, inside")
    for name, value, goal in (
        ("golive whole process / git log", whole / base, "<= 0.8"),
        ("golive inside / git log", inside / base, "<= 0.8"),
        ("perceval / golive whole process", figures.median("perceval git") / whole, ">= 3"),
        ("10 new commits / first", figures.median("10 new") / inside, "<= 0.03"),
        ("unchanged / first", figures.median("unchanged") / inside, "<= 0.05"),
    ):
        print(f"ratio {name}: {value:.3f} (goal {goal})")
    print(f"n={rounds}, load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="2,000 commits, one round")
    parser.add_argument("--keep", type=Path, help="folder for the made repository, to use it again")
    given = parser.parse_args()
    rounds = 1 if given.small else given.rounds
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        original = given.repository or made(
            given.keep or scratch, 2_000 if given.small else COMMITS
        )
        copy = scratch / "copy.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(original), str(copy)], check=True)
        counts = ["git", "-C", str(copy), "rev-list", "--all", "--count"]
        commits = subprocess.check_output(counts, text=True).strip()
        print(f"{original.name}: {commits} commits, load average {os.getloadavg()[0]:.2f}")
        report(*measure(copy, scratch, rounds), rounds)


def made(folder: Path, commits: int) -> Path:
    """Return the made repository, from `folder` if it is there already."""
    path = folder / f"synthetic-{commits}.git"
    if not path.exists():
        print(f"making {commits} commits ...", flush=True)
        synthesize(path, commits)
    return path


if __name__ == "__main__":
    main()
