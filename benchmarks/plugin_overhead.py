"""What the pytest plugin costs a suite: `python benchmarks/plugin_overhead.py [TESTS] [ROUNDS]`.

The same suite of trivial tests runs without a plugin, with GoLive's (into a file; live to a
gateway; with a quarantine and a plan), and with pytest's own JUnit XML as a peer, in turn, each in
a process of its own. Printed are medians of CPU and wall seconds, ms a test over the bare suite,
and the ratio of CPU to the bare suite. CPU counts the sending process too.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILES = 20
QUARANTINE = """\
version: 1
tests:
- {project: shop, test: {class: test_0, name: test_0}, expires: 2999-01-01}
"""


class Gateway(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        """Answer as the gateway does."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def suite(root: Path, tests: int) -> None:
    """Write the suite, a quarantine and a plan of it."""
    (root / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\n")
    for number in range(FILES):
        body = "".join(f"def test_{i}(): pass\n" for i in range(tests // FILES))
        (root / f"test_{number}.py").write_text(body)
    (root / "quarantine.yaml").write_text(QUARANTINE)
    rows = [
        {"class_name": f"test_{file}", "name": f"test_{i}", "rank": 1, "flaky_probability": 0.01}
        for file in range(FILES)
        for i in range(tests // FILES)
    ]
    (root / "plan.json").write_text(json.dumps({"tests": rows}))


def run(root: Path, options: list[str]) -> tuple[float, float]:
    """Return CPU and wall seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    environment = {**os.environ, "GOLIVE_TOKEN": "glv_none", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=root, env=environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - begun


def main() -> None:
    """Run every way in turn and print what each took."""
    tests = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"--golive-url=http://127.0.0.1:{server.server_port}"
    ours = ["-p", "golive", "--golive-project=shop"]
    ways = {
        "bare": [],
        "golive": ours,
        "golive, live": [*ours, url],
        "golive, all of it": [
            *ours, url, "--golive-quarantine=quarantine.yaml", "--golive-plan=plan.json",
            "--golive-order", "--golive-retries=2",
        ],
        "junitxml": ["--junitxml=junit.xml"],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        suite(root, tests)
        seconds = {name: [] for name in ways}
        for _ in range(rounds):
            for name, options in ways.items():
                seconds[name].append(run(root, options))
    print(f"{tests} tests, median of {rounds} rounds")
    bare_cpu, bare_wall = (statistics.median(part) for part in zip(*seconds["bare"], strict=True))
    for name, told in seconds.items():
        cpu, wall = (statistics.median(part) for part in zip(*told, strict=True))
        more_cpu = (cpu - bare_cpu) / tests * 1000
        more_wall = (wall - bare_wall) / tests * 1000
        print(
            f"{name:18} CPU {cpu:6.2f} s  wall {wall:6.2f} s  over bare {more_cpu:6.3f} ms CPU, "
            f"{more_wall:6.3f} ms wall a test  ratio {cpu / bare_cpu:.3f}"
        )


if __name__ == "__main__":
    main()
