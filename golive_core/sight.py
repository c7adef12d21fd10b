"""What a reader may see of the lake: the rows of some projects, and no table that is not for them.

The views that their SQL reads are made with it, so that a statement cannot ask for more, whoever
wrote it. A table with a project_id is held to it; one without is held through another that has
both (THROUGH); one with neither shows nothing to who is held to projects.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sight:
    """`projects` whose rows are seen, none for all; `closed` are tables that show nothing."""

    projects: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing is hidden."""
        return not self.projects and not self.closed

    def closes(self, table: str, columns: Collection[str]) -> bool:
        """Tell whether a table with these columns shows nothing."""
        if table in self.closed:
            return True
        return bool(self.projects) and "project_id" not in columns and table not in THROUGH


@dataclass(frozen=True, slots=True)
class Through:
    """A column that tables with a project_id have too; `hides` may be of another project."""

    column: str
    tables: tuple[str, ...]
    hides: tuple[str, ...] = ()


EVERYTHING = Sight()
BARRIER = "limit 1000000000000000"
"""Conditions of a reader are not moved below a LIMIT: there they would look at hidden rows first,
and fail with what those say. A project_id is compared while the files are read."""
THROUGH = {
    "core.branches": Through("repository_id", ("core.repositories",)),
    "core.commit_files": Through("repository_id", ("core.repositories",)),
    "core.failures": Through("failure_id", ("core.test_results",)),
    "core.log_templates": Through(
        "template_id", ("marts.build_templates", "marts.log_template_rates"), hides=("example",)
    ),
}
"""Table without project_id to how its rows are known to be of a project."""


def held(
    table: str, columns: Collection[str], sight: Sight, select: Callable[[str], str | None]
) -> str:
    """Return the SELECT of the rows of a table that are seen.

    `select` gives the SELECT of all rows of a table, None for one that does not exist.
    """
    source = f"select * from ({select(table)})"  # noqa: S608 - of our own
    if sight.closes(table, columns):
        return f"{source} where false"
    if not sight.projects:
        return source
    mine = f"project_id in ({', '.join(map(_literal, sight.projects))})"
    if "project_id" in columns:
        return f"{source} where {mine}"
    way = THROUGH[table]
    known = [found for name in way.tables if (found := select(name)) is not None]
    parts = " union all ".join(
        f"select {way.column} from ({one}) where {mine}"  # noqa: S608 - of our own
        for one in known
    )
    where = f"{way.column} in ({parts})" if parts else "false"
    hidden = ", ".join(f"null::varchar as {name}" for name in way.hides)
    star = f"* replace ({hidden})" if hidden else "*"
    return f"select {star} from ({select(table)}) where {where} {BARRIER}"  # noqa: S608 - of our own


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
