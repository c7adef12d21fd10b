"""What is risky in a change, as pages show it: what `golive review` prints.

What is known of a change belongs to `golive_agents/code_reviewer.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import polars as pl
import streamlit as st

from dashboards import boards, charts, data, moment, reader, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_agents.analysing import by_ruff
from golive_agents.change import Change, Clone
from golive_agents.code_reviewer import Reviewer
from golive_agents.review import FileRisk, Finding, Review, TouchedTest
from golive_core import settings
from golive_core.errors import GoLiveError, UsageError
from golive_core.lake import Lake
from golive_core.sight import Sight

MAINS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
FILES, FINDINGS, TESTS = 12, 12, 8


def draw(scope: Scope, sha: str, base: str, name: str) -> None:
    """Draw the review of a commit since it left `base` (a commit or branch, "" for the main line).

    It needs a clone on this machine, as a `git` source of the project reads one.
    """
    place = _clone(scope.project.id)
    if not place:
        st.html(theme.aside(
            f"To review {name} its repository is needed: where it is cloned, run "
            f"golive review main...{words.short(sha)}"
        ))  # fmt: skip
        return
    try:
        sight = reader.sight()
        found = _reviewed(str(data.lake().root), data.version(), scope.project.id, place, sha, base,
                          sight.projects, sight.closed)  # fmt: skip
    except GoLiveError as error:
        st.html(theme.aside(f"{name} cannot be reviewed: {error}"))
        return
    note = f"Made without a language model; see golive review {found.name.replace(sha, sha[:10])}."
    with charts.figure(f"What is risky in {name}", _rows(found), key="review", note=note):
        _size(found)
        _files(found.files)
        _findings(found.findings)
        _tests(found.tests)
        for why in found.unknown:
            st.html(f"<div class='gl-line'>{theme.quiet(escape(f'Not known: {why}'))}</div>")


def _clone(project: str) -> str:
    """Return the folder of a repository of the project on this machine, "" for none."""
    known = settings.load(settings.base_folder())
    own = [
        one for one in known.instances.values() if one.type == "git" and one.project_id == project
    ]
    places = [str(one.options.get("path") or "") for one in own]
    return next(
        (str(known.base / one) for one in places if one and (known.base / one).is_dir()), ""
    )


@st.cache_data(show_spinner="Reading the change …", max_entries=32, ttl="1h")
def _reviewed(
    root: str, version: int, project: str, place: str, sha: str, base: str,
    projects: tuple[str, ...], closed: tuple[str, ...],
) -> Review:  # fmt: skip
    clone = Clone(Path(place))
    change = _change(clone, sha, base)
    reviewer = Reviewer(Lake(root, Sight(projects, closed)), project=project)
    return reviewer.review(change, clone, analysed=[by_ruff(clone, change)])


def _change(clone: Clone, sha: str, base: str) -> Change:
    """Return what a commit changes since it left its base; of the main line, the commit itself."""
    clone.commit(sha)
    for name in filter(None, (base, *MAINS)):
        try:
            return clone.change(f"{name}...{sha}")
        except UsageError:
            continue
    return clone.change(sha)


def _size(found: Review) -> None:
    size = found.size
    text = (
        f"{words.plural(size.files, 'file')} in {words.plural(size.folders, 'folder')}, "
        f"{words.number(size.insertions)} new and {words.number(size.deletions)} gone lines"
    )
    if size.smaller is not None:
        text += f"; larger than {words.percent(size.smaller)} of the {size.of} commits before"
    st.html(f"<div class='gl-line'>{escape(text)}</div>")


def _files(files: Sequence[FileRisk]) -> None:
    boards.board(_table(files), COLUMNS, key="review-files", most=FILES)


def _table(files: Sequence[FileRisk]) -> pl.DataFrame:
    rows = [
        (one.path, one.kind, one.insertions, one.deletions, one.commits, one.authors, one.owner,
         one.mended, one.broke, one.builds, one.coverage)
        for one in files
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=FILE_ROWS, orient="row")


def _findings(findings: Sequence[Finding]) -> None:
    items = [
        f"<div class='gl-line'>{theme.code(one.cite)} {escape(one.text)} "
        f"{theme.quiet(escape(_told_by(one)))}</div>"
        for one in findings[:FINDINGS]
    ]
    body = theme.listed(items) if items else theme.aside("No analyser found anything on them.")
    st.html(f"<div class='gl-eyebrow'>Findings on new lines</div>{body}")


def _told_by(one: Finding) -> str:
    return ", ".join(filter(None, (f"{one.tool} {one.rule}", one.severity)))


def _tests(tests: Sequence[TouchedTest]) -> None:
    items = [
        f"<div class='gl-line'>{escape(one.title)} {theme.quiet(escape(_verdict(one)))}</div>"
        for one in tests[:TESTS]
    ]
    if items:
        head = "<div class='gl-eyebrow'>Tests touched that are not healthy</div>"
        st.html(f"{head}{theme.listed(items)}")


def _verdict(one: TouchedTest) -> str:
    chance = f", P(flaky) {words.probability(one.probability)}" if one.probability else ""
    return f"{one.verdict}{chance}, because of {one.path}"


def _rows(found: Review) -> Rows:
    """Return the files as rows, with the SQL that shows what they rest on."""
    frame = _table(found.files)
    cites = dict.fromkeys(cite.sql for one in found.files for cite in one.cites)
    return Rows(frame, ";\n".join(cites), moment.as_of(), data.written_at())


FILE_ROWS = {
    "path": pl.String, "kind": pl.String, "insertions": pl.Int64, "deletions": pl.Int64,
    "commits": pl.Int64, "authors": pl.Int64, "owner": pl.String, "mended": pl.Int64,
    "broke": pl.Int64, "builds": pl.Int64, "coverage": pl.Float64,
}  # fmt: skip
COLUMNS = {
    "path": st.column_config.TextColumn("File", width=260),
    "kind": st.column_config.TextColumn("What", width=80),
    "insertions": st.column_config.NumberColumn("New", width=60, help="lines"),
    "deletions": st.column_config.NumberColumn("Gone", width=60, help="lines"),
    "commits": st.column_config.NumberColumn("Commits", width=80, help="of the 365 days before"),
    "authors": st.column_config.NumberColumn("Authors", width=75),
    "owner": st.column_config.TextColumn("Owner", width=140),
    "mended": st.column_config.NumberColumn(
        "Mended", width=80, help="commits whose subject says fix or revert"
    ),
    "broke": st.column_config.NumberColumn(
        "Broke",
        width=70,
        help="first builds of its commits that failed where the one before passed",
    ),
    "builds": st.column_config.NumberColumn("of builds", width=80),
    "coverage": st.column_config.NumberColumn("Covered", format="percent", width=80),
}
