"""Explain: CPU seconds of one explanation on lakes of growing size, beside the limit of 2 s.

    python benchmarks/explain.py [BUILDSxTESTS ...]

Each lake holds a simulated history; failures of several tests and builds are explained, each in a
resolver of its own. `process` is a whole `golive explain` with all imports.
What is looked at: the newest failed builds and the newest signatures. CPU rather than wall time,
since machines are shared.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from assets import predictions, refresh
from golive_agents.error_resolver import Resolver
from golive_cli.demo import write_simulation
from golive_core.lake import Lake

LIMIT_S = 2.0
SIZES = ("400x600", "1000x2000")
SUBJECTS = """
(select build_id as subject from core.builds where status = 'failed'
    order by queued_at desc limit 6)
union all
(select cast(signature_id as varchar) from marts.failure_signatures
    order by last_seen_at desc limit 6)
"""


def main() -> None:
    """Print a row for each size."""
    print(f"{'lake':<12}{'results':>12}{'mean s':>8}{'max s':>8}{'process':>9}{'max / limit':>13}")
    for size in sys.argv[1:] or SIZES:
        builds, tests = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            lake = filled(Path(folder) / ".golive", builds, tests)
            subjects = lake.query(SUBJECTS)["subject"].to_list()
            took = [cpu(lake, one) for one in subjects]
            print(
                f"{size:<12}{lake.rows('core.test_results'):>12,}{sum(took) / len(took):>8.2f}"
                f"{max(took):>8.2f}{whole(lake, subjects[0]):>9.2f}{max(took) / LIMIT_S:>13.2f}",
                flush=True,
            )


def filled(home: Path, builds: int, tests: int) -> Lake:
    """Return a lake with a simulated history, its marts and verdicts."""
    end = datetime(2026, 3, 31, 18, tzinfo=UTC)
    days = max(30, builds // 20)
    write_simulation(
        home, project="demo", seed=7, builds=builds, tests=tests, days=days, end=end
    )  # fmt: skip
    lake = Lake(home / "lake")
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    predictions.score(lake, made_at=end)
    return lake


def cpu(lake: Lake, subject: str) -> float:
    """Return the CPU seconds of one explanation."""
    before = time.process_time()
    Resolver(lake).explain(subject)
    return time.process_time() - before


def whole(lake: Lake, subject: str) -> float:
    """Return the CPU seconds of a process that explains one thing."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    golive = [sys.executable, "-c", "from golive_cli.main import main; main()"]
    script = [*golive, "explain", subject, "--json"]
    environment = {**os.environ, "GOLIVE_HOME": str(lake.root.parent)}
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
