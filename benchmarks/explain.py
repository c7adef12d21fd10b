"""Explain: CPU seconds of one explanation on lakes of growing size, beside the limit of 2 s.

    python benchmarks/explain.py [BUILDSxTESTS ...]

Each lake holds a simulated history; failures of several tests and builds are explained, each in a
resolver of its own. The first explanation of a process also imports scikit-learn; it is told apart.
What is looked at: the newest failed builds and the newest signatures. CPU rather than wall time,
since machines are shared.
"""

from __future__ import annotations

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
EACH = 6
SUBJECTS = """
(select build_id as subject from core.builds where status = 'failed' order by queued_at desc limit 6)
union all
(select cast(signature_id as varchar) from marts.failure_signatures
    order by last_seen_at desc limit 6)
"""


def main() -> None:
    """Print a row for each size."""
    print(f"{'lake':<12}{'results':>12}{'first s':>9}{'mean s':>8}{'max s':>8}{'max / limit':>13}")
    for size in sys.argv[1:] or SIZES:
        builds, tests = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            lake = filled(Path(folder) / ".golive", builds, tests)
            took = [cpu(lake, one) for one in lake.query(SUBJECTS)["subject"].to_list()]
            rest = took[1:]
            print(
                f"{size:<12}{lake.rows('core.test_results'):>12,}{took[0]:>9.2f}"
                f"{sum(rest) / len(rest):>8.2f}{max(rest):>8.2f}{max(rest) / LIMIT_S:>13.2f}",
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


if __name__ == "__main__":
    main()
