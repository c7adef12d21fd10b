"""Loading the code location, against `import dagster` alone: CPU seconds and what came along.

    python benchmarks/definitions_load.py [--runs 5] [--small]

Each case is a process of its own; cases alternate. The bar is 3 s of CPU and no heavy library.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_S = 3.0
HEAVY = ("sklearn", "great_expectations", "openai", "playwright", "pandas", "streamlit")
TOML = """[project.shop]
[source.code]
type = "git"
path = "."
[source.reports]
type = "junit"
paths = ["**/TEST-*.xml"]
[source.ci]
type = "jenkins"
url = "https://ci.example.org"
"""
TAIL = """
import json, resource, sys, time
used = resource.getrusage(resource.RUSAGE_SELF)
heavy = [name for name in HEAVY if name in sys.modules]
print(json.dumps([time.process_time(), used.ru_maxrss / 1024, heavy]))
""".replace("HEAVY", repr(HEAVY))
CASES = {
    "import dagster": "import dagster",
    "code location": (
        "import dagster; from golive_dagster.definitions import defs; "
        "dagster.Definitions.validate_loadable(defs())"
    ),
}


def measure(code: str, folder: Path) -> tuple[float, float, list[str]]:
    """Return CPU seconds, peak memory in MB and the heavy libraries of one process."""
    environment = {key: value for key, value in os.environ.items() if key[:7] != "GOLIVE_"}
    done = subprocess.run(
        [sys.executable, "-c", code + TAIL],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    cpu_s, memory_mb, heavy = json.loads(done.stdout.splitlines()[-1])
    return cpu_s, memory_mb, heavy


def main() -> None:
    """Run the cases in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="two runs")
    arguments = parser.parse_args()
    runs = 2 if arguments.small else arguments.runs
    found: dict[str, list[tuple[float, float, list[str]]]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "golive.toml").write_text(TOML)
        for _ in range(runs):
            for name, code in CASES.items():
                found[name].append(measure(code, Path(folder)))
    medians = {name: statistics.median(one[0] for one in each) for name, each in found.items()}
    print(f"n = {runs}, load {os.getloadavg()[0]:.1f}")
    for name, each in found.items():
        memory = statistics.median(one[1] for one in each)
        print(f"{name:16} {medians[name]:6.2f} s CPU {memory:6.0f} MB  heavy: {each[0][2]}")
    print(f"ratio to import dagster  {medians['code location'] / medians['import dagster']:.2f}")
    print(f"ratio to the limit       {medians['code location'] / LIMIT_S:.2f}  (limit {LIMIT_S} s)")
    failed = medians["code location"] > LIMIT_S or any(one[2] for one in found["code location"])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
