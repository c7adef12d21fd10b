"""The report: every page's figures in one file that asks no network, also opened in Chromium."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import altair as alt
import polars as pl
import pytest
from browsing import keep_file
from typer.testing import CliRunner

from dashboards import report, svg, tables, theme
from golive_cli.main import build
from golive_core.errors import UsageError
from golive_core.lake import Lake


@pytest.fixture(scope="module")
def written(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report of the demo project, made by the command."""
    target = tmp_path_factory.mktemp("report") / "demo.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOLIVE_HOME", str(filled))
        patch.delenv("GOLIVE_BASE", raising=False)
        done = CliRunner().invoke(
            build(), ["report", "--days", "14", "--out", str(target), "--json"]
        )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout[done.stdout.index("{") :])
    assert (told["project"], told["file"]) == ("Demo (simulated)", str(target))
    assert told["pages"] >= 3
    assert told["figures"] >= 8
    assert told["size_bytes"] == target.stat().st_size
    return target


def test_the_report_has_the_answers_charts_and_sql_of_the_pages(written: Path) -> None:
    text = written.read_text()
    assert "14 days to" in text
    assert "made by golive simulate" in text
    for title in ("Broken now", "Builds by day", "Health by pipeline and day", "Slowest"):
        assert f"<h3>{title}</h3>" in text
    assert text.count("<svg role='img'") >= 3
    assert "from marts.pipeline_state" in text
    assert theme.STATUS["failed"] in text


def test_the_file_names_nothing_that_would_be_fetched(written: Path) -> None:
    text = written.read_text()
    assert "<script" not in text
    markup = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    named = re.findall(r"\b(?:src|href)=['\"]?([^'\" >]*)", markup)
    assert named
    assert all(one.startswith("#") for one in named)
    assert "url(http" not in text


def test_a_report_of_the_past_shows_the_past(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    then = Lake(filled / "lake").manifest().committed_at
    assert "as it was at" in report.make(as_of=then).html
    with pytest.raises(UsageError, match="nothing to report"):
        report.make(as_of=datetime(2001, 1, 1, tzinfo=UTC))


def test_what_does_not_exist_is_refused(filled: Path, home: Path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="nothing to report"):
        report.make()
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    with pytest.raises(UsageError, match="no project 'dem'"):
        report.make("dem")


def test_text_from_outside_cannot_become_html() -> None:
    hostile = "<script>alert(1)</script>"
    assert "<script>" not in tables.html(pl.DataFrame({hostile: [hostile]}))
    bars = alt.Chart(pl.DataFrame({"word": [hostile], "n": [1]})).mark_bar().encode(
        x="n:Q", y="word:N",
        color=alt.Color("word:N", legend=None, scale=alt.Scale(domain=[hostile], range=["#fff"])),
    )  # fmt: skip
    assert "<script>" not in svg.draw(bars, alternative=hostile) + svg.legend([bars])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("duration_s", 245.0, "4 min 5 s"), ("cost_usd", 3.456, "$3.46"),
        ("size_bytes", 1500, "1.5 kB"),
        ("wasted_minutes", 2.0, "2 min"), ("failure_rate", 0.123, "12.3 %"),
        ("builds", 12345, "12\u2009345"),
        ("is_new", True, "yes"), ("day", date(2026, 3, 2), "2 Mar 2026"), ("any", None, "\u2013"),
        ("last_at", datetime(2026, 3, 2, 12, tzinfo=UTC), "2 Mar 2026, 12:00"),
        ("tags", ["a", "b"], "a, b"),
    ],
)  # fmt: skip
def test_a_cell_is_written_by_the_name_of_its_column(name: str, value: object, text: str) -> None:
    assert tables.written(name, value) == text


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    rows = pl.DataFrame({"build_id": ["x"] * 30, "duration_s": [1.0] * 30, "empty": [None] * 30})
    made = tables.html(rows)
    assert "and 22 more rows" in made
    assert "Build" not in made
    assert "Empty" not in made
    assert tables.html(rows.head(0)).count("None.") == 1


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("how", ["light", "dark"])
def test_the_file_opens_without_a_network(browser, written: Path, tmp_path: Path, how: str) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, color_scheme=how)
    context.set_offline(True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(written.as_uri())
    page.get_by_role("heading", name="Builds by day").wait_for()
    assert page.locator("svg").first.bounding_box()["height"] > 50
    page.locator("summary").first.click()
    assert page.locator("pre").first.is_visible()
    assert asked == [written.as_uri()]
    assert said == []
    keep_file(page, f"report-{how}", tmp_path)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_the_period_is_as_long_as_asked(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    heard: list[str] = []
    made = report.make("demo", 5, tell=heard.append)
    assert "5 days to" in made.html
    assert heard[0] == "Today"
    newest = Lake(filled / "lake").query("select max(day) from marts.build_health_daily").item()
    first = newest - timedelta(days=4)
    assert f"date '{first}' and date '{newest}'" in made.html.replace("&#x27;", "'")
