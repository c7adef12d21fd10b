"""Log templates: do labelled lines that say the same get one template, at once and as a stream.

Grouping accuracy is the share of lines whose group holds exactly the lines of their true event
(Zhu et al., ICSE-SEIP 2019). `at_once` mines a system in one call, `in_parts` as a stream of ten;
templates that became one later count as one. `moved` is the share of lines of the ten parts whose
template was merged into an older one later, `unlike` that of lines that would get another template
if they came again at the end.
"""

from __future__ import annotations

import polars as pl

from models.evaluate import Outcome, Protocol, Score, Tell
from models.log_templates import ANY, VALUE, Mined, mine

PARTS = 10
GOAL = 0.92
PUBLISHED = "drain3 .81, Drain tuned .83, Brain .99 (loghub 2k)"


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return means over systems, and a table of all; lines of a system stand in their order."""
    table = evaluate(rows, tell)
    whole = table.filter(system="all").row(0, named=True)
    masked = {"masks alone": float(whole["masked"])}
    stream_of = f"as a stream of {PARTS}"
    return Outcome(
        [
            Score("at once", "grouping accuracy", whole["at_once"], masked, PUBLISHED, GOAL),
            Score(stream_of, "grouping accuracy", whole["in_parts"], masked, PUBLISHED, GOAL),
            Score(stream_of, "lines merged later", whole["moved"]),
            Score(stream_of, "lines unlike at the end", whole["unlike"]),
        ],
        tables={"by system": table},
    )


def evaluate(data: pl.DataFrame, tell: Tell = lambda _: None) -> pl.DataFrame:
    """Return lines, templates and measures by system, and their means over systems as `all`."""
    found: list[dict[str, object]] = []
    for (system,), part in data.group_by("system", maintain_order=True):
        tell(str(system))
        found.append({"system": str(system), **measured(part)})
    rows = pl.DataFrame(found)
    counts = pl.col("lines", "templates").sum()
    every = rows.select(
        pl.lit("all").alias("system"), counts, pl.exclude("system", "lines", "templates").mean()
    )
    return pl.concat([rows, every])


def measured(part: pl.DataFrame) -> dict[str, int | float]:
    """Return the measures of the lines of one system."""
    lines = part["content"]
    whole, (given, templates) = mine(lines), stream(lines)
    return {
        "lines": part.height,
        "templates": whole.templates.height,
        "masked": accuracy(part["event_id"], lines.str.replace_all(VALUE, ANY)),
        "at_once": accuracy(part["event_id"], whole.ids),
        "in_parts": accuracy(part["event_id"], now(given, templates)),
        **stability(lines, given, templates),
    }


def accuracy(events: pl.Series, groups: pl.Series) -> float:
    """Return the grouping accuracy of lines, of which each has a true event and a group."""
    pairs = pl.DataFrame({"event": events, "group": groups})
    of_event, of_group, of_both = (
        pl.len().over(keys) for keys in (["event"], ["group"], ["event", "group"])
    )
    right = pairs.select((of_event == of_both) & (of_group == of_both)).to_series()
    return _share(right)


def stream(lines: pl.Series, parts: int = PARTS) -> tuple[pl.Series, pl.DataFrame]:
    """Return the template that each line was given in its part, and all templates at the end."""
    found: Mined = mine(lines.clear())
    ids = [found.ids]
    step = max(-(-len(lines) // parts), 1)
    for start in range(0, len(lines), step):
        found = mine(lines.slice(start, step), found.templates)
        ids.append(found.ids)
    return pl.concat(ids), found.templates


def now(given: pl.Series, templates: pl.DataFrame) -> pl.Series:
    """Return the templates that stand now for those that lines were given."""
    merged = templates.drop_nulls("merged_into")
    return given.replace(merged["template_id"], merged["merged_into"])


def stability(lines: pl.Series, given: pl.Series, templates: pl.DataFrame) -> dict[str, float]:
    """Return the shares of lines that `moved`, and that are `unlike` what they would be now."""
    stands = now(given, templates)
    again = mine(lines, templates)
    changed = now(again.ids, again.templates) != now(stands, again.templates)
    return {"moved": _share(stands != given), "unlike": _share(changed)}


def _share(those: pl.Series) -> float:
    return float(those.sum()) / max(len(those), 1)


PROTOCOL = Protocol(
    "log_templates",
    "lines of a log that say the same get one template, at once and as a stream",
    ("system", "content", "event_id"),
    run,
)
