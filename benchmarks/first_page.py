"""From `golive up` to a filled page and the sign-in link: seconds, against the goal of 25.

    python benchmarks/first_page.py [--repo PATH] [--runs 3] [--small]

Every run has a home of its own; the repository is this one unless another is named. Wall time
counts, and CPU seconds of all processes beside it, which a busy machine stretches less. The clock
stops when the link is printed: the first materialisation is through and the dashboards answer.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

GOAL_S = 25.0
PATIENCE_S = 600.0
GOLIVE = [sys.executable, "-c", "from golive_cli.main import main; main()"]


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(root: psutil.Process) -> float:
    """Return the CPU seconds of a process and of all below it, ended ones too."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def measure(repository: Path) -> tuple[float, float, float]:
    """Return wall and CPU seconds until the link, and seconds until all has ended."""
    environment = {key: value for key, value in os.environ.items() if key[:7] != "GOLIVE_"}
    ports = [f"--port-{name}={free_port()}" for name in ("gateway", "dashboards", "dagster")]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said.txt").open("wb") as said:
        started = time.monotonic()
        up = subprocess.Popen(
            [*GOLIVE, "up", "--no-browser", "--repo", str(repository), *ports],
            cwd=folder, env=environment, stderr=said, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        root = psutil.Process(up.pid)
        while not re.search("sign-in.token=", (Path(folder) / "said.txt").read_text()):
            if up.poll() is not None or time.monotonic() - started > PATIENCE_S:
                sys.exit((Path(folder) / "said.txt").read_text())
            time.sleep(0.05)
        wall, cpu = time.monotonic() - started, cpu_s(root)
        ending = time.monotonic()
        up.send_signal(signal.SIGINT)
        up.wait(60)
        return wall, cpu, time.monotonic() - ending


def main() -> None:
    """Run it a few times and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repo", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="one run")
    given = parser.parse_args()
    runs = 1 if given.small else given.runs
    walls: list[float] = []
    for number in range(1, runs + 1):
        load = os.getloadavg()[0]
        wall, cpu, end = measure(given.repo.resolve())
        walls.append(wall)
        print(
            f"run {number}: page {wall:5.1f} s, cpu {cpu:5.1f} s, ended in {end:4.1f} s, "
            f"load {load:.1f}"
        )
    median = statistics.median(walls)
    print(f"n = {runs}, cores = {len(os.sched_getaffinity(0))}, load {os.getloadavg()[0]:.1f}")
    print(f"ratio to the goal of {GOAL_S:.0f} s: {median / GOAL_S:.2f}")


if __name__ == "__main__":
    main()
