"""Log templates: do labelled lines that say the same get one template, at once and as a stream.

Grouping accuracy is the share of lines whose group holds exactly the lines of their true event
(Zhu et al., ICSE-SEIP 2019). `at_once` mines a system in one call, `in_parts` as a stream of ten;
templates that became one later count as one. `moved` is the share of lines of the ten parts whose
template was merged into an older one later, `unlike` that of lines that would get another template
if they came again at the end.
"""

from __future__ import annotations

import polars as pl

from models.log_templates import Mined, mine

COLUMNS = pl.Schema({"system": pl.String(), "content": pl.String(), "event_id": pl.String()})
"""The lines of each system in their order, and the event that each one is of."""
PARTS = 10


def evaluate(data: pl.DataFrame) -> pl.DataFrame:
    """Return lines, templates and measures by system, and their means over systems as `all`."""
    rows = pl.DataFrame([
        {"system": system, **measured(part)}
        for (system,), part in data.group_by("system", maintain_order=True)
    ])  # fmt: skip
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
