"""Culprit search with 10 % wrong verdicts: right commits and runs / log2(n), git bisect beside it.

First a simulation of verdicts over many seeds, then real repositories with real work trees and
real `git bisect run`, plain and with the majority of three. The limit is the capacity of a binary
symmetric channel: log2(n) / 0.531 runs on average for 10 %.

    python benchmarks/culprit.py [SEEDS] [REPOSITORIES]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from math import log2
from pathlib import Path

import numpy as np

from golive_runner.bisect import Bisection
from golive_runner.worktree import Repository
from models.commit_range import between, line
from models.culprit import Search, known_rate

WRONG = 0.1
LIMIT = 1 / 0.531
SIZES = (16, 64, 256, 1024)
ONCE = "flip=0; r=$(od -An -N2 -tu2 /dev/urandom); [ $r -lt 6554 ] && flip=1; " \
       "bad=0; [ $(cat n) -ge {culprit} ] && bad=1; [ $bad -eq $flip ]"  # fmt: skip
COUNTED = "echo >> {count}; "


def main() -> None:
    """Print both tables."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    repositories = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(f"{'search':<34}{'n':>6}{'right':>8}{'runs':>8}{'p95':>6}{'/log2 n':>9}{'/limit':>8}")
    exact = known_rate(WRONG, 1e5)
    for n in SIZES:
        told = [simulated(n, seed, search(n, false_fail=exact, false_pass=exact))
                for seed in range(seeds)]  # fmt: skip
        row("simulated, rate known", n, told)
        row("simulated, rate learnt", n, [simulated(n, seed, search(n)) for seed in range(seeds)])
        steady = [simulated(n, seed, search(n), wrong=0.0) for seed in range(seeds // 4)]
        row("simulated, no wrong verdicts", n, steady)
        row("git bisect, simulated", n, [plain(n, seed, 1) for seed in range(seeds)])
        row("git bisect of 3, simulated", n, [plain(n, seed, 3) for seed in range(seeds)])
    for n in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            real(n, repositories, Path(folder))


def search(n: int, **options: object) -> Search:
    """Return a search over a line of n commits."""
    return Search(line("good", [str(i) for i in range(n)]), **options)  # type: ignore[arg-type]


def simulated(n: int, seed: int, made: Search, wrong: float = WRONG) -> tuple[bool, int]:
    """Return whether the search named the planted commit, and the runs that it took."""
    rng = np.random.default_rng([n, seed])
    culprit, runs = int(rng.integers(1, n + 1)), 0
    while made.answer().kind == "unsure" and (place := made.next_place()) is not None:
        is_failed = (place >= culprit) ^ bool(rng.random() < wrong)
        made.observe(place, failed=is_failed, passed=not is_failed)
        runs += 1
    return made.answer().places == (culprit,), runs


def plain(n: int, seed: int, votes: int) -> tuple[bool, int]:
    """Return the same of a bisection that believes every verdict, or the majority of `votes`."""
    rng = np.random.default_rng([n, seed])
    culprit, low, high, runs = int(rng.integers(1, n + 1)), 0, n, 0
    while high - low > 1:
        at = (low + high) // 2
        fails = ((at >= culprit) ^ (rng.random(votes) < WRONG)).sum()
        low, high = (low, at) if 2 * fails > votes else (at, high)
        runs += votes
    return high == culprit, runs


def row(name: str, n: int, found: list[tuple[bool, int]]) -> None:
    """Print one row."""
    runs = np.array([count for _, count in found])
    right, mean = np.mean([is_right for is_right, _ in found]), runs.mean()
    print(
        f"{name:<34}{n:>6}{right:>8.3f}{mean:>8.2f}{np.quantile(runs, 0.95):>6.0f}"
        f"{mean / log2(n):>9.2f}{mean / log2(n) / LIMIT:>8.2f}", flush=True
    )  # fmt: skip


def real(n: int, times: int, folder: Path) -> None:
    """Plant repositories of n commits and search each by golive, git bisect, and it of three."""
    shas = plant(folder / "repository", n)
    ours, theirs, three = [], [], []
    for seed in range(times):
        culprit = int(np.random.default_rng([n, seed]).integers(1, n + 1))
        ours.append(golive(folder, shas, culprit, seed))
        theirs.append(git_bisect(folder, shas, culprit, "{once}"))
        vote = "v=0; for i in 1 2 3; do ({once}) || v=$((v + 1)); done; [ $v -lt 2 ]"
        right, runs = git_bisect(folder, shas, culprit, vote)
        three.append((right, 3 * runs))
    row("golive bisect, real", n, ours)
    row("git bisect run, real", n, theirs)
    row("git bisect run of 3, real", n, three)


def plant(path: Path, n: int) -> list[str]:
    """Make a repository of n + 1 commits whose file n counts them; return their shas."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
    who = "committer Ada <ada@example.org> {} +0000\ndata 1\nx\nM 644 inline n\n"
    text = "".join(
        f"commit refs/heads/main\n{who.format(1_700_000_000 + i)}data {len(str(i))}\n{i}\n"
        for i in range(n + 1)
    )
    subprocess.run(["git", "fast-import", "--quiet"], input=text.encode(), cwd=path, check=True)
    said = git(path, "rev-list", "--reverse", "main")
    git(path, "reset", "-q", "--hard")
    return said.split()


def git(path: Path, *args: str) -> str:
    """Return what git prints."""
    return subprocess.run(
        ["git", *args], cwd=path, check=True, capture_output=True, text=True
    ).stdout


def golive(folder: Path, shas: list[str], culprit: int, seed: int) -> tuple[bool, int]:
    """Return whether a real search named the planted commit, and its runs."""
    repository = Repository(folder / "repository")
    parents = repository.parents(shas[0], shas[-1], first_parent=False)
    made = Search(between(shas[0], shas[-1], parents))
    command = ["sh", "-c", ONCE.format(culprit=culprit)]
    bisection = Bisection(made, repository, command, folder / f"search-{seed}")
    bisection.go(lambda _: None)
    return made.answer().places == (culprit,), len(bisection.runs)


def git_bisect(folder: Path, shas: list[str], culprit: int, script: str) -> tuple[bool, int]:
    """Return whether `git bisect run` named the planted commit, and how often it ran the script."""
    path, count = folder / "repository", folder / "count"
    count.write_text("")
    text = COUNTED.format(count=count) + script.replace("{once}", ONCE.format(culprit=culprit))
    judge = folder / "judge.sh"
    judge.write_text(text)
    git(path, "bisect", "start", shas[-1], shas[0])
    said = git(path, "bisect", "run", "sh", str(judge))
    git(path, "bisect", "reset")
    return f"{shas[culprit]} is the first bad commit" in said, count.read_text().count("\n")


if __name__ == "__main__":
    main()
