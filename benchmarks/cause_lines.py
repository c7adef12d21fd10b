"""Cause lines: the share of labelled tool logs whose cause is in the first five lines shown.

    python benchmarks/cause_lines.py [--held-out]

123 outputs of compilers, linters, build tools and scanners, labelled by hand: which line names the
cause, and how that was decided, is in `tests/models/cause_lines/`. Beside each figure stands what
`grep -i error | head -5` shows of the same logs. With --held-out the misses of that half are not
listed, so that nobody tunes on it unawares. `golive evaluate cause_lines FILE` does the same for
own logs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "models"))

import labelled_logs

from models.protocols.cause_lines import run

SHARED = Path(os.environ.get("GOLIVE_SHARED", Path(__file__).parents[2] / "shared"))


def main() -> None:
    """Print the scores and the misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", action="store_true", help="list the misses of no half")
    options = parser.parse_args()
    outcome = run(labelled_logs.rows(lambda name: SHARED / name), print)
    print(f"{'logs':<22}{'measure':<8}{'ours':>7}{'grep':>7}  note")
    for one in outcome.scores:
        rival = next(iter(one.rivals.values()), float("nan"))
        print(f"{one.protocol:<22}{one.measure:<8}{one.value:>7.3f}{rival:>7.3f}  {one.note}")
    for row in [] if options.held_out else outcome.tables["missed"].iter_rows(named=True):
        print(f"missed ({row['half']}): {row['name']}: {row['causes']} not in {row['shown']}")


if __name__ == "__main__":
    main()
