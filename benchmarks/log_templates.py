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

from models.log_templates import VALUE, Mined, mine

SHARED = Path(os.environ.get("GOLIVE_SHARED", Path(__file__).parents[2] / "shared"))
LABELLED = SHARED / "data/loghub_2k/loghub_2k.parquet"
COLUMNS = ("system", "content", "event_id")
Miner = Callable[[pl.Series], pl.Series]


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
    accuracy(scores)
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
    """Return the accuracy of every miner by system."""
    miners: dict[str, Miner] = {"at once": at_once, "10 parts": in_parts, "drain3": drain}
    scores = [
        {
            "half": name,
            "system": system,
            **{who: accurate(part, how) for who, how in miners.items()},
            **stability(part["content"]),
        }
        for (system,), part in rows.group_by("system", maintain_order=True)
    ]
    return pl.DataFrame(scores)


def at_once(lines: pl.Series) -> pl.Series:
    """Mine all lines in one call."""
    return mine(lines).ids


def in_parts(lines: pl.Series) -> pl.Series:
    """Mine ten parts one after the other, and follow what became of their templates."""
    given, templates = stream(lines)
    return now(given, templates)


def stream(lines: pl.Series, parts: int = 10) -> tuple[pl.Series, pl.DataFrame]:
    """Return the template that each line was given in its part, and all templates at the end."""
    found, ids = Mined(lines, lines, mine(lines.head(0)).templates), list[pl.Series]()
    step = -(-len(lines) // parts)
    for start in range(0, len(lines), step):
        found = mine(lines.slice(start, step), found.templates)
        ids.append(found.ids)
    return pl.concat(ids), found.templates


def now(given: pl.Series, templates: pl.DataFrame) -> pl.Series:
    """Return the templates that stand now for those that lines were given."""
    merged = templates.drop_nulls("merged_into")
    return given.replace(merged["template_id"], merged["merged_into"])


def stability(lines: pl.Series) -> dict[str, float]:
    """Return the shares of lines that `moved`, and that are `unlike` what they would be now."""
    given, templates = stream(lines)
    stands = now(given, templates)
    again = mine(lines, templates)
    changed = now(again.ids, again.templates) != now(stands, again.templates)
    return {"moved": share(stands != given), "unlike": share(changed)}


def share(those: pl.Series) -> float:
    """Return the share of the true ones."""
    return float(those.sum()) / len(those)


def drain(lines: pl.Series) -> pl.Series:
    """Let drain3 take line by line, with the same masks."""
    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(VALUE, "*")]
    miner = TemplateMiner(config=config)
    return pl.Series([miner.add_log_message(line)["cluster_id"] for line in lines])


def accurate(rows: pl.DataFrame, miner: Miner) -> float:
    """Return the grouping accuracy."""
    found = rows.with_columns(found=miner(rows["content"]))
    sizes = [pl.len().over(keys) for keys in (["event_id"], ["found"], ["event_id", "found"])]
    return found.select(((sizes[0] == sizes[2]) & (sizes[1] == sizes[2])).mean()).item()


def accuracy(scores: pl.DataFrame) -> None:
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
