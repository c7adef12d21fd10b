"""Code: which files are dangerous to change, who knows them, and which warnings ever came true."""

from __future__ import annotations

import dataclasses
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, filters, lift, theme, words
from dashboards.behind import Drawn
from dashboards.data import Rows
from dashboards.scope import Scope

TITLE = "Code"
ICON = ":material/code:"
SECTION = "Code"
ORDER = 60
QUESTION = "Which files are dangerous to change, who knows them, and which warnings came true?"
READS = (
    "marts.code_files",
    "marts.change_signals",
    "core.code_findings",
    "core.commit_files",
    "core.commits",
    "core.quality_gates",
)
HAS_PERIOD = False
ALONE = 0.8
"""Part of the changes of a file from which one person is said to own it alone."""
SPOTS = 200

FILES = """
select
    path, repository_id, churn, line_churn, authors, owner, owner_share, bus_factor, complexity,
    coverage, findings, builds, breaks, heat, last_changed_at
from marts.code_files
where project_id = $project and ($word = '' or contains(lower(path), lower($word)))
order by heat desc, path
limit $spots
"""
COUNTS = """
select
    count(*) as files, sum(churn)::bigint as changes, max(last_changed_at) as newest_at,
    count(*) filter (where bus_factor = 1 and churn >= 3) as lonely,
    count(*) filter (where breaks > 0) as breaking
from marts.code_files
where project_id = $project
"""
OWNERS = """
select
    owner, count(*) as files, count(*) filter (where owner_share >= $alone) as alone,
    sum(churn)::bigint as changes, max(last_changed_at) as last_at
from marts.code_files
where project_id = $project
group by owner
order by alone desc, files desc
limit 12
"""
SIGNALS = """
select
    build_id, day, commit_sha, is_broken, line_count, file_count, churn, authors, is_first_touch,
    findings, coverage
from marts.change_signals
where project_id = $project
order by day desc, build_id
limit 20000
"""
FINDINGS = """
select
    finding.severity, finding.tool, finding.rule_id, finding.kind, finding.message, finding.path,
    finding.line, finding.created_at, finding.url
from core.code_findings as finding
where
    finding.project_id = $project and finding.resolved_at is null
    and finding.status not in ('resolved', 'ignored')
    and ($path = '' or finding.path = $path)
order by
    list_position(['critical', 'high', 'medium', 'low', 'info'], finding.severity),
    finding.created_at desc
limit 300
"""
CHANGES = """
select entry.committed_at, entry.sha, entry.author_name, entry.subject,
    file.insertions, file.deletions
from core.commit_files as file
inner join core.commits as entry
    on file.repository_id = entry.repository_id and file.sha = entry.sha
where
    file.repository_id = $repository and file.path = $path
    and entry.day > (select max(newest.day) from core.commits as newest
        where newest.repository_id = $repository) - 90
order by entry.committed_at desc
limit 100
"""


def render(scope: Scope) -> None:
    """Draw the page."""
    counts = data.rows(COUNTS, project=scope.project.id).first()
    if not counts.get("files"):
        charts.without(
            "core.commit_files",
            title="No commit has been read yet",
            text="The history of a Git repository fills this page.",
        )
        return
    told = lift.lifts(data.rows(SIGNALS, project=scope.project.id).frame)
    word = st.query_params.get("file", "")
    spots = data.rows(FILES, project=scope.project.id, word=word, spots=SPOTS)
    _summary(scope, counts, told)
    _spots(scope, spots)
    _signals(scope, told)
    _owners(scope)
    _findings(scope)


def _summary(scope: Scope, counts: dict[str, Any], told: list[lift.Lift]) -> None:
    proven = [one for one in told if one.low > 1]
    if proven:
        title = f"{proven[0].signal}: the build breaks {proven[0].lift:.1f} times as often"
    elif counts["lonely"]:
        title = (
            f"{words.plural(counts['lonely'], 'busy file hangs', 'busy files hang')} on one person"
        )
    else:
        title = "No file stands out"
    charts.headline(
        title,
        f"{words.plural(counts['files'], 'file')} of {scope.project.name} changed "
        f"{words.number(counts['changes'])} times in the 90 days to "
        f"{words.day(counts['newest_at'], scope.zone)}; "
        f"{words.number(counts['breaking'])} of them in a commit that broke a green build, "
        f"{words.number(counts['lonely'])} busy ones known by one person alone.",
    )


# ---------------------------------------------------------------- hot spots


def _spots(scope: Scope, spots: Rows) -> None:
    filters.text("file", label="Part of a path", placeholder="Part of a path")
    if spots.is_empty:
        st.html(theme.aside("No file that changed in 90 days has this in its path."))
        return
    charts.show(
        spots,
        _map,
        title="Hot spots",
        n=words.plural(spots.height, "file"),
        unit="commits in 90 days against open findings; the larger, the more lines changed",
        note="Vermillion: broke three green builds or more, and a third of those that could tell.",
        legend={"breaks builds": theme.STATUS["failed"], "does not stand out": theme.SERIES[0]},
    )
    with charts.figure(
        "Files to look at first",
        spots,
        key="files",
        note=(
            "Heat: commits \u00d7 (1 + open findings) \u00d7 (2 \u2212 coverage), "
            "an order to look in, no probability. "
            "Breaks: first builds that failed where the one before had passed, of all that "
            "could tell. "
            "Bus factor: people who made half of the changes. Select a file for its changes."
        ),
    ):
        picked = st.dataframe(
            _table(spots, scope),
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="hot-files",
            height=charts.table_height(spots.height),
            column_config=COLUMNS,
        )
        chosen: list[int] = picked["selection"]["rows"]
        if chosen:
            _file(scope, spots.dicts()[chosen[0]])


COLUMNS = {
    "path": st.column_config.TextColumn("File", width=310),
    "heat": st.column_config.NumberColumn("Heat", format="%.0f", width=60),
    "churn": st.column_config.NumberColumn("Commits", width=75),
    "line_churn": st.column_config.NumberColumn("Lines", width=65),
    "breaks": st.column_config.TextColumn("Breaks", alignment="right", width=75),
    "findings": st.column_config.NumberColumn("Findings", width=75),
    "coverage": st.column_config.NumberColumn("Coverage", format="percent", width=80),
    "complexity": st.column_config.NumberColumn("Complexity", format="%.0f", width=85),
    "bus_factor": st.column_config.NumberColumn("Bus factor", width=85),
    "owner": st.column_config.TextColumn("Most by", width=190),
}


def _table(spots: Rows, scope: Scope) -> pl.DataFrame:
    return spots.frame.select(
        "path",
        "heat",
        "churn",
        "line_churn",
        pl.when(pl.col("builds") > 0)
        .then(pl.format("{} of {}", "breaks", "builds"))
        .alias("breaks"),
        "findings",
        "coverage",
        "complexity",
        "bus_factor",
        pl.format(
            "{} ({} %)", "owner", (pl.col("owner_share") * 100).round(0).cast(pl.Int64)
        ).alias("owner"),
    )


def _map(frame: pl.DataFrame) -> alt.Chart:
    return (
        alt.Chart(frame)
        .mark_circle(opacity=0.65)
        .encode(
            x=alt.X(
                "churn:Q",
                title="Commits in 90 days",
                axis=alt.Axis(format="d", tickMinStep=1),
                scale=alt.Scale(zero=False, padding=14),
            ),
            y=alt.Y("findings:Q", title="Open findings", axis=alt.Axis(tickMinStep=1)),
            size=alt.Size("line_churn:Q", legend=None, scale=alt.Scale(range=[40, 700])),
            color=alt.condition(
                "datum.breaks >= 3 && datum.breaks * 3 >= datum.builds",
                alt.value(theme.STATUS["failed"]),
                alt.value(theme.SERIES[0]),
            ),
            tooltip=["path", "churn", "line_churn", "findings", "breaks", "owner"],
        )
        .properties(height=260)
    )


def _file(scope: Scope, row: dict[str, Any]) -> None:
    changes = data.rows(CHANGES, repository=row["repository_id"], path=row["path"])
    st.html(f"<h3 class='gl-h1'>{theme.code(row['path'])}</h3>")
    lines = [
        f"<div><b>{escape(one['subject'] or 'no subject')}</b><br>"
        + theme.quiet(
            f"{theme.code(words.short(one['sha']))} · {escape(one['author_name'] or '')} · "
            f"{words.moment(one['committed_at'], scope.zone)} · "
            f"+{one['insertions'] or 0} \u2212{one['deletions'] or 0}"
        )
        + "</div>"
        for one in changes.dicts()[:12]
    ]
    with charts.figure(
        "Its changes",
        changes,
        key="file-changes",
        note=f"{words.plural(changes.height, 'commit')} in 90 days.",
    ):
        st.html(theme.listed(lines))


# ---------------------------------------------------------------- what predicted


def _signals(scope: Scope, told: list[lift.Lift]) -> None:
    rows = data.rows(SIGNALS, project=scope.project.id)
    frame = pl.DataFrame([dataclasses.asdict(one) | {"verdict": one.verdict} for one in told])
    note = (
        "Lift: how many times as often such a change broke a green build than one without the "
        "signal, with its 90 % interval; 1 is no difference. What is known of a change is what "
        "stood before it. One signal in ten lies off 1 by chance alone, and lift is no cause."
    )
    if frame.is_empty():
        with charts.figure("Which warnings came true", rows, key="lift"):
            st.html(
                theme.aside(
                    f"Too few changes were built to tell: every signal needs {lift.FEWEST} changes "
                    "with "
                    "it and as many without, each the first build after a green one."
                )
            )
        return
    charts.show(
        rows,
        _lifts(frame),
        title="Which warnings came true",
        key="lift",
        n=words.plural(
            rows.height, "first build after a green one", "first builds after a green one"
        ),
        unit="lift of breaking the build",
        note=note,
    )
    shown = frame.select(
        "signal",
        pl.format("{} of {}", "broken_with", "n_with").alias("with"),
        pl.format("{} of {}", "broken_without", "n_without").alias("without"),
        pl.format(
            "{} ({}\u2013{})", *(pl.col(name).round(2) for name in ("lift", "low", "high"))
        ).alias("lift"),
        "verdict",
    )
    st.dataframe(
        shown,
        hide_index=True,
        key="lift-table",
        height="content",
        column_config={
            "signal": st.column_config.TextColumn("Signal", width=300),
            "with": st.column_config.TextColumn("Broke with it", alignment="right"),
            "without": st.column_config.TextColumn("Broke without", alignment="right"),
            "lift": st.column_config.TextColumn("Lift (90 %)", alignment="right"),
            "verdict": st.column_config.TextColumn("So it", width=220),
        },
    )


def _lifts(frame: pl.DataFrame) -> Drawn:
    base = alt.Chart(frame).encode(
        y=alt.Y("signal:N", sort=None, title=None, axis=alt.Axis(labelLimit=320))
    )
    scale = alt.Scale(type="log", nice=False)
    tone = alt.condition(
        "datum.low > 1", alt.value(theme.STATUS["failed"]), alt.value(theme.SERIES[0])
    )
    bars = base.mark_rule(strokeWidth=4, opacity=0.45).encode(
        x=alt.X("low:Q", scale=scale, title="Lift (1 = no difference)"), x2="high:Q", color=tone
    )
    points = base.mark_circle(size=110, opacity=1).encode(
        x=alt.X("lift:Q", scale=scale),
        color=tone,
        tooltip=["signal", "broken_with", "n_with", "broken_without", "n_without", "verdict"],
    )
    one = (
        alt.Chart(pl.DataFrame({"x": [1.0]}))
        .mark_rule(strokeDash=[4, 4], opacity=0.6, color="#8a8a90")
        .encode(x="x:Q")
    )
    return alt.layer(one, bars, points).properties(height=34 * frame.height + 40)


# ---------------------------------------------------------------- people and findings


def _owners(scope: Scope) -> None:
    owners = data.rows(OWNERS, project=scope.project.id, alone=ALONE)
    charts.show(
        owners,
        _owner_bars,
        title="Who knows what",
        n=words.plural(owners.height, "person", "people"),
        unit="files that a person changed most, in 90 days",
        note="Alone: 80 % or more of the changes of a file are by that person.",
        legend={"alone": theme.STATUS["failed"], "with others": theme.SERIES[0]},
    )


def _owner_bars(frame: pl.DataFrame) -> Drawn:
    base = alt.Chart(frame).encode(
        y=alt.Y("owner:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        tooltip=["owner", "files", "alone", "changes"],
    )
    return alt.layer(
        base.mark_bar(cornerRadiusEnd=3, color=theme.SERIES[0], height=12).encode(
            x=alt.X("files:Q", title="Files", axis=alt.Axis(tickMinStep=1))
        ),
        base.mark_bar(cornerRadiusEnd=3, color=theme.STATUS["failed"], height=12).encode(
            x="alone:Q"
        ),
    ).properties(height=24 * frame.height + 40)


def _findings(scope: Scope) -> None:
    found = data.rows(FINDINGS, project=scope.project.id, path="")
    with charts.figure(
        "Open findings",
        found,
        key="findings",
        note=(f"{words.plural(found.height, 'finding')}, worst first." if found.height else ""),
    ):
        if found.is_empty:
            st.html(
                theme.aside(
                    "No analyser has reported an open finding. A SonarQube server does, or a file: "
                    f"golive ingest sarif PATH --project {scope.project.id}"
                )
            )
            return
        shown = found.frame.select(
            "severity",
            "rule_id",
            "message",
            pl.format("{}:{}", pl.col("path").fill_null("?"), pl.col("line").fill_null(1)).alias(
                "at"
            ),
            "tool",
            pl.col("created_at").dt.convert_time_zone(str(scope.zone)),
        )
        st.dataframe(
            shown,
            hide_index=True,
            key="findings-table",
            height=charts.table_height(shown.height, 8),
            column_config={
                "severity": st.column_config.TextColumn("Severity", width=75),
                "rule_id": st.column_config.TextColumn("Rule", width=150),
                "message": st.column_config.TextColumn("What", width=300),
                "at": st.column_config.TextColumn("Where", width=260),
                "tool": st.column_config.TextColumn("Tool", width=85),
                "created_at": st.column_config.DatetimeColumn("Since", format="D MMM", width=75),
            },
        )
