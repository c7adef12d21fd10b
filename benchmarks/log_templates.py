"""Log templates: do lines that say the same get one template, and how fast, beside drain3.

    python benchmarks/log_templates.py [--small] [--held-out FOLDER]

Accuracy: loghub 2k of the shared folder, 2,000 labelled lines a system, one configuration for all.
Masks and thresholds were chosen while looking at those systems. What they are worth elsewhere,
`--held-out` tells: a checkout of github.com/logpai/loghub, of which the other systems are read.
Grouping accuracy (GA) is the share of lines whose group holds exactly the lines of their true
event. `at once` mines a system in one call, `10 parts` as a stream of ten; templates that became
one later count as one. drain3 has its defaults and the same masks.

Stability: `moved` is the share of lines of the ten parts whose template was merged into an older
one later, `unlike` that of lines that would get another template if they came again at the end.

Speed: lines of all systems mixed, with new digits in every line. CPU seconds of one process, since
machines are shared. drain3 gets fewer lines: it slows as its clusters grow, so that favours it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

from models.log_templates import VALUE, mine
from models.protocols.log_templates import accuracy, evaluate

SHARED = Path(os.environ.get("GOLIVE_SHARED", Path(__file__).parents[2] / "shared"))
LABELLED = SHARED / "data/loghub_2k/loghub_2k.parquet"
COLUMNS = ("system", "content", "event_id")


def main() -> None:
    """Print accuracy by system and half, then speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="100,000 lines instead of 1,000,000")
    parser.add_argument("--held-out", type=Path, help="a checkout of logpai/loghub")
    options = parser.parse_args()
    halves = {"tuned on": pl.read_parquet(LABELLED).select(COLUMNS)}
    if options.held_out:
        halves["held out"] = held_out(options.held_out, set(halves["tuned on"]["system"]))
    scores = pl.concat([half(name, rows) for name, rows in halves.items()])
    report(scores)
    lines = 100_000 if options.small else 1_000_000
    speed(pl.concat(halves.values())["content"], lines, lines // 10)


def held_out(folder: Path, tuned: set[str]) -> pl.DataFrame:
    """Return the lines of the systems of a loghub checkout that are not `tuned` on."""
    paths = {path.parent.name: path for path in sorted(folder.glob("*/*_2k.log_structured.csv"))}
    frames = [
        pl.read_csv(path, infer_schema=False).select(
            pl.lit(name).alias("system"), content="Content", event_id="EventId"
        )
        for name, path in paths.items()
        if name not in tuned
    ]
    return pl.concat(frames)


def half(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what `golive evaluate log_templates` measures, and drain3's accuracy, by system."""
    ours = evaluate(rows).filter(pl.col("system") != "all")
    theirs = [
        accuracy(part["event_id"], drain(part["content"]))
        for _, part in rows.group_by("system", maintain_order=True)
    ]
    return ours.select(
        pl.lit(name).alias("half"), "system", pl.col("at_once").alias("at once"),
        pl.col("in_parts").alias("10 parts"), pl.Series("drain3", theirs), "moved", "unlike",
    )  # fmt: skip


def drain(lines: pl.Series) -> pl.Series:
    """Let drain3 take line by line, with the same masks."""
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(VALUE, "*")]
    miner = TemplateMiner(config=config)
    return pl.Series([miner.add_log_message(line)["cluster_id"] for line in lines])


def report(scores: pl.DataFrame) -> None:
    """Print a line a system, then the means."""
    names = scores.columns[2:]
    print(f"{'grouping accuracy':<24}" + "".join(f"{name:>10}" for name in names))
    means = pl.mean(*names)
    rows = [
        scores,
        scores.group_by("half", maintain_order=True).agg(means).with_columns(system=pl.lit("mean")),
        scores.select(means, half=pl.lit("all"), system=pl.lit("mean")),
    ]
    for half, system, *values in pl.concat(
        [one.select(scores.columns) for one in rows]
    ).iter_rows():
        print(f"{half + ' ' + system:<24}" + "".join(f"{value:>10.3f}" for value in values))


def speed(contents: pl.Series, lines: int, lines_of_peer: int) -> None:
    """Print lines per CPU second of both."""
    messages = mixed(contents, lines)
    print(f"\nload average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    ours = rate("mine", mine, messages)
    theirs = rate("drain3, same masks", drain, messages.head(lines_of_peer))
    print(f"ratio to drain3: {ours / theirs:.1f}")


def mixed(contents: pl.Series, lines: int) -> pl.Series:
    """Return lines drawn from `contents`, with other digits in each."""
    rng = np.random.default_rng(1)
    drawn = contents.gather(rng.integers(0, len(contents), lines))
    text = np.frombuffer("\n".join(drawn).encode(), np.uint8).copy()
    digit = (text >= ord("0")) & (text <= ord("9"))
    text[digit] = rng.integers(ord("0"), ord("9") + 1, int(digit.sum()), np.uint8)
    return pl.Series("message", text.tobytes().decode().split("\n"))


def rate(name: str, work: Callable[[pl.Series], object], messages: pl.Series) -> float:
    """Print and return the lines per CPU second."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(messages)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    per_s = len(messages) / cpu
    print(f"{name:<20}{len(messages):>10,} lines{cpu:>8.2f} CPU s{wall:>8.2f} s wall"
          f"{per_s:>12,.0f} lines/CPU s")  # fmt: skip
    return per_s


if __name__ == "__main__":
    main()
