"""One to a hundred million test results: what a new row costs, and what others pay for the same.

    python benchmarks/scale/run.py [--sizes 1000000 10000000] [--tests 8000] [--rounds 3]
        [--no-peers] [--folder DIR] [--json FILE] [--plot FILE.svg]

For each size the simulator's history of 4 builds a day is loaded into a lake, its marts and flaky
verdicts are made, its last day is added alone, the questions are asked and the pages drawn. Each
step runs in a process of its own, whose peak memory is told. PostgreSQL 15, one DuckDB file and
pandas get the same results in the same run, and must give the same answers. Loading starts from
files that each side reads best: Parquet, CSV for COPY. Short steps are repeated, the best of both
sides counts. Everything is written below a temporary folder and removed: about 80 bytes a result
for the lake, 700 for PostgreSQL with its CSV.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lake_side
import peers
from measured import Figure, apart

FLAT, MEMORY_MB = 1.3, 4096
PARTS = ("first", "day", "asked", "pages", "peers")
GOALS = {"ranking": 20.0, "pass rate": 50.0, "load": 5.0}
"""How many times slower PostgreSQL is to be."""


def one_size(folder: Path, rows: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Measure one size; return its figures and what they are told by."""
    home, source = folder / "project" / ".golive", folder / "source"
    started = time.monotonic()
    _, made = apart(lake_side.make, source, rows, asked.tests)
    print(f"\n{made:,} results of {asked.tests:,} tests, in {time.monotonic() - started:.0f} s,"
          f" load average {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip
    first, _ = apart(lake_side.load, home, source / "base")
    first += apart(lake_side.marts, home)[0]
    day, new = apart(lake_side.load, home, source / "day")
    day += apart(lake_side.marts, home)[0]
    found = {"rows": made, "day_rows": new, "bytes": lake_side.sizes(home),
             "first": first, "day": day, "peers": []}  # fmt: skip
    found["pages"], _ = apart(lake_side.pages, home)
    found["asked"], answers = apart(lake_side.ask, home, asked.rounds)
    if asked.peers:
        found["peers"] = beside(folder, source, answers, asked.rounds)
    found["load_average"] = os.getloadavg()[0]
    return found


def beside(folder: Path, source: Path, ours: dict[str, Any], rounds: int) -> list[Figure]:
    """Return the figures of the peers, which must answer the same; the day is in all of them."""
    csv = peers.write_csv(source / "base", folder / "csv")
    day = peers.write_csv(source / "day", folder / "csv_day")
    files = sorted([*(source / "base").glob(f"{lake_side.FACTS}-*.parquet"),
                    *(source / "day").glob(f"{lake_side.FACTS}-*.parquet")])  # fmt: skip
    found: list[Figure] = []
    for step, given in (
        (peers.ask_postgres, (folder / "postgres", csv, day, rounds)),
        (peers.ask_duckdb, (folder / "peer.duckdb", files, rounds)),
        (peers.ask_pandas, (files, rounds)),
    ):
        figures, answers = apart(step, *given)
        assert answers["ranking"] == ours["ranking"], figures[0].side
        assert answers["pass rate"] == ours["rate"], figures[0].side
        print(
            f"  {figures[0].side}: the same answers, {answers['bytes'] / 1e6:,.0f} MB", flush=True
        )
        found += figures
    return found


def report(found: dict[str, Any]) -> None:
    """Print the figures of one size."""
    for part in PARTS:
        print(f"\n{part:<12}{'':<34}{'s wall':>9}{'s CPU':>9}{'peak MB':>9}")
        for one in found[part]:
            if one.wall >= 0.1 or part in ("asked", "peers"):
                print(f"{one.side:<12}{one.name:<34}{one.wall:>9.3f}{one.cpu:>9.2f}"
                      f"{one.memory_mb:>9.0f}")  # fmt: skip
    layers = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in found["bytes"].items())
    print(f"lake MB: {layers}")


def ratios(found: dict[str, Any]) -> list[str]:
    """Print how many times dearer each peer is, by clock and by CPU; return the missed goals."""
    loads = [one for one in found["first"] if one.name == "load"]
    ours = {one.name: one for one in [*loads, *found["asked"]]}
    missed: list[str] = []
    for name, goal in GOALS.items():
        for side in dict.fromkeys(one.side for one in found["peers"]):
            theirs = [one for one in found["peers"] if one.side == side]
            parts = [one for one in theirs if one.name.split(":")[0] == name]
            wall, cpu = sum(one.wall for one in parts), sum(one.cpu for one in parts)
            by_clock, by_cpu = wall / ours[name].wall, cpu / ours[name].cpu
            told = f" (goal >= {goal:g})" if side == "PostgreSQL" else ""
            print(f"{name:<12}{side:<12}{wall:>9.3f} s / lake {ours[name].wall:.3f} s ="
                  f"{by_clock:>6.1f}, by CPU{by_cpu:>6.1f}{told}")  # fmt: skip
            missed += [name] if side == "PostgreSQL" and by_clock < goal else []
    return missed


def cpu_of(figures: list[Figure], *starts: str) -> float:
    """Return the CPU seconds of the figures whose name begins so."""
    return sum(one.cpu for one in figures if one.name.startswith(starts))


def costs(found: dict[str, Any]) -> dict[str, float]:
    """Return what a row costs at one size: microseconds of CPU, bytes; CPU seconds of pages."""
    rows, new = found["rows"], found["day_rows"]
    first, day = found["first"], found["day"]
    return {
        "load, us a row": cpu_of(first, "load") / rows * 1e6,
        "day: load, us a new row": cpu_of(day, "load") / new * 1e6,
        "day: marts, us a new row": cpu_of(day, "mart") / new * 1e6,
        "day: flaky scoring, us a new row": cpu_of(day, "flaky scoring") / new * 1e6,
        "day: other models, us a new row": cpu_of(day, "model") / new * 1e6,
        "lake, bytes a row": sum(found["bytes"].values()) / (rows + new),
        "slowest page, s": max(one.cpu for one in found["pages"]),
        "all pages once, s": sum(one.cpu for one in found["pages"] if "again" not in one.name),
    }


def growth(sizes: list[dict[str, Any]]) -> list[str]:
    """Print the costs of each size and the ratio of the last to the first; return what grew."""
    table = [costs(one) for one in sizes]
    head = "".join(f"{one['rows'] / 1e6:>11.1f} M" for one in sizes)
    print(f"\n{'cost':<36}{head}{'last/first':>12}")
    missed: list[str] = []
    for name in table[0]:
        ratio = table[-1][name] / table[0][name]
        print(f"{name:<36}{''.join(f'{row[name]:>13.3f}' for row in table)}{ratio:>12.2f}")
        missed += [name] if ratio > FLAT else []
    return missed


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the figures of an earlier run."""
    found = json.loads(path.read_text())
    for size in found:
        for part in PARTS:
            size[part] = [Figure(**one) for one in size[part]]
    return found


def told(found: list[dict[str, Any]], plot: Path | None) -> None:
    """Print everything and name what missed its goal; draw the curves if that is wished."""
    missed: list[str] = []
    for size in found:
        print(
            f"\n==== {size['rows']:,} results, load average {size['load_average']:.1f} at the end"
        )
        report(size)
        missed += [f"{name} at {size['rows'] / 1e6:.0f} M" for name in ratios(size)]
    missed += growth(found)
    peaks = [one.memory_mb for size in found for part in ("first", "day", "asked", "pages")
             for one in size[part]]  # fmt: skip
    print(f"peak memory of a process of ours {max(peaks):.0f} MB (goal <= {MEMORY_MB})")
    print(f"missed: {', '.join(missed)}" if missed else "every goal met")
    if plot:
        from curves import draw

        draw([{"rows": one["rows"]} | costs(one) for one in found], plot)


def main() -> None:
    """Run the sizes and print what they came to; what missed its goal is named at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--tests", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    parser.add_argument("--folder", type=Path, help="where to write (20 GB for 10 M are plenty)")
    parser.add_argument("--json", type=Path, help="keep the figures")
    parser.add_argument("--plot", type=Path, help="draw the curves (SVG)")
    parser.add_argument("--read", type=Path, help="only print and draw what --json kept")
    asked = parser.parse_args()
    if asked.read:
        told(kept(asked.read), asked.plot)
        return
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, best of {asked.rounds}")
    found: list[dict[str, Any]] = []
    for rows in asked.sizes:
        with tempfile.TemporaryDirectory(dir=asked.folder) as name:
            Path(name).chmod(0o755)
            found.append(one_size(Path(name), rows, asked))
        if asked.json:
            asked.json.write_text(json.dumps(found, default=asdict, indent=1))
    told(found, asked.plot)


if __name__ == "__main__":
    main()
