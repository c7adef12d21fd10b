"""Features of a build from the files that it changes: how their builds went, who else touches them.

A file was touched by a change that was asked for before, and has failed where the build of such a
change failed and that was known.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.build_history import Past as History
from models.evaluate import Floats
from models.timeline import DAY_US, WINDOW_US, Timeline

PATH = ["project_id", "path"]
CHURN_US = 30 * DAY_US
TRUST = 3.0


class Past:
    """What is known of files at any instant."""

    def __init__(self, past: pl.DataFrame) -> None:
        columns = ["project_id", "author", "as_of", "known_at", "failed"]
        rows = past.filter(pl.col("commits").fill_null(1) > 0)
        each = rows.select(*columns, path="paths").explode("path").drop_nulls("path")
        later = pl.col("as_of") + pl.duration(microseconds=1)
        self.touched = each.select(*PATH, "author", at=later)
        self.verdicts = Timeline(each.drop_nulls("failed"), PATH, at="known_at", value="failed")
        self.touches = Timeline(self.touched, PATH, at="at")
        self.by_author = Timeline(self.touched, [*PATH, "author"], at="at")

    def of(self, asked: pl.DataFrame, history: History) -> dict[str, Floats]:
        """Return features by name, each of shape `(n,)`; 0 where no file is known."""
        usual = history.project.span(asked, "as_of")
        prior = (history.project.sum(usual) + 1.0) / (usual.count + 4.0)
        rows = asked.with_row_index("row").with_columns(pl.Series("prior", prior))
        each = rows.select(
            "row", "project_id", "author", "as_of", "prior", path="paths"
        ).explode("path").drop_nulls("path")  # fmt: skip
        told = each.with_columns(self._of_paths(each)).join(
            self._owners(each), on=["row", "path"], how="left"
        )
        sums = told.group_by("row").agg(
            files_rate=pl.col("rate").mean(), files_rate_top=pl.col("rate").max(),
            files_builds=pl.col("builds").mean(), churn_builds=pl.col("churn").mean(),
            new_share=(pl.col("touches") == 0).mean(), owned_share=pl.col("owned").mean(),
            owners_count=pl.col("owners").fill_null(0).mean(),
            ownership_entropy=pl.col("entropy").fill_null(0.0).mean(),
        )  # fmt: skip
        found = rows.select("row", "prior").join(sums, on="row", how="left", maintain_order="left")
        found = found.with_columns(
            pl.col("files_rate", "files_rate_top").fill_null(pl.col("prior"))
        )
        names = [name for name in sums.columns if name != "row"]
        values = {name: found[name].cast(pl.Float64).fill_null(0.0).to_numpy() for name in names}
        return {**values, "mends_share": mends(asked, history)}

    def _of_paths(self, each: pl.DataFrame) -> list[pl.Series]:
        span = self.verdicts.span(each, "as_of")
        recent = span.last(20)
        prior = each["prior"].to_numpy()
        touches = self.touches.span(each, "as_of").count
        own = self.by_author.span(each, "as_of").count
        return [
            pl.Series("rate", (self.verdicts.sum(recent) + TRUST * prior) / (recent.count + TRUST)),
            pl.Series("builds", span.count.astype(np.float64)),
            pl.Series("touches", touches),
            pl.Series("churn", self.touches.span(each, "as_of", CHURN_US).count),
            pl.Series("owned", own / np.maximum(touches, 1)),
        ]

    def _owners(self, each: pl.DataFrame) -> pl.DataFrame:
        """Return `row`, `path`, how many people touched the file, and the entropy of their shares.

        In bits (Hassan, "Predicting faults using the complexity of code changes", ICSE 2009).
        """
        window = pl.duration(microseconds=WINDOW_US)
        both = each.select("row", "path", "project_id", "as_of").join(
            self.touched.drop_nulls("author"), on=PATH, how="inner"
        )
        known = both.filter(
            (pl.col("at") <= pl.col("as_of")) & (pl.col("at") > pl.col("as_of") - window)
        )
        people = known.group_by("row", "path", "author").agg(times=pl.len())
        return people.group_by("row", "path").agg(
            owners=pl.len(), entropy=pl.col("times").entropy(base=2, normalize=True)
        )


def mends(asked: pl.DataFrame, history: History) -> Floats:
    """Return for a failing branch which share of the files that broke it the change touches."""
    line = history.branch
    span = line.span(asked, "as_of")
    first = np.maximum(line.good_place(span) + 1, span.low)
    found = np.zeros(asked.height)
    broken = np.flatnonzero(line.streak(span) > 0)
    if not len(broken):
        return found
    paths = asked["paths"]
    broke = line.rows["paths"]
    for row in broken.tolist():
        blamed, own = broke[int(first[row])], paths[row]
        if blamed is not None and own is not None and len(blamed):
            found[row] = len(set(blamed) & set(own)) / len(blamed)
    return found
