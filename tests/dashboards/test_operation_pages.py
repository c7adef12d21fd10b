"""Incidents, Logs, Code and Settings: what they answer, and the arithmetic behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import lift
from dashboards.views.logs import logs
from dashboards.views.settings import settings as page
from golive_core import settings
from golive_core.lake import Lake

Draw = Callable[..., AppTest]
SECRET = "hunter2-very-secret"


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


# ---------------------------------------------------------------- incidents


def test_an_incident_shows_its_causes_whatever_the_period(draw: Draw, filled: Path) -> None:
    oldest = Lake(filled / "lake").query(
        "select incident_id, title from core.incidents order by started_at limit 1"
    )
    app = draw(filled, "incidents", incident=oldest["incident_id"][0], days="7")
    assert not app.exception
    assert oldest["title"][0] in html(app)
    assert "Probable causes" in [one.value for one in app.subheader]
    assert "Incident began" in html(app)


# ---------------------------------------------------------------- logs


def test_a_word_is_found_and_marked(draw: Draw, filled: Path) -> None:
    app = draw(filled, "logs", q="Deadlock")
    assert not app.exception
    assert "deadlock" in app.title[0].value
    assert "deadlock</mark>" in html(app)
    assert "GET /" not in html(app)


def test_a_field_a_level_and_a_service_narrow_a_search(draw: Draw, filled: Path) -> None:
    app = draw(filled, "logs", q="host=checkout-1", level="warning", service="checkout")
    assert not app.exception
    lines = html(app)
    assert ">warning</span>" in lines
    assert ">info</span>" not in lines
    assert "storefront</span>" not in lines


def test_a_word_that_nobody_wrote_says_so(draw: Draw, filled: Path) -> None:
    app = draw(filled, "logs", q="zebra<b>")
    assert "No line says this" in html(app)
    assert "zebra<b>" not in html(app)


def test_a_rare_word_is_looked_for_in_the_whole_period_and_a_common_one_is_not(
    monkeypatch: pytest.MonkeyPatch, filled: Path
) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(filled))
    newest = Lake(filled / "lake").query("select max(day) from core.log_lines").item()
    asked = {"project": "demo", "first": newest - timedelta(days=29), "last": newest}
    common, first = logs.found(asked, logs.Search("", "", "", 0, "", ""))
    assert common.height == logs.SHOWN
    assert first > asked["first"]
    rare, first = logs.found(asked, logs.Search("zebra", "", "", 0, "", ""))
    assert (rare.height, first) == (0, asked["first"])


def test_marks_never_let_html_through() -> None:
    assert logs.marked("<i>a & b</i>", "a &").startswith("&lt;i&gt;<mark")
    assert logs.marked("<i>", "") == "&lt;i&gt;"


# ---------------------------------------------------------------- code


def test_lift_is_one_where_nothing_differs_and_its_interval_narrows() -> None:
    few, many = lift.lift("x", 10, 2, 10, 2), lift.lift("x", 1000, 200, 1000, 200)
    assert few.lift == pytest.approx(1)
    assert many.high - many.low < few.high - few.low
    assert few.low < 1 < few.high


def test_a_signal_that_tells_is_told_from_chance_and_one_that_nobody_saw_is_left_out() -> None:
    rows = pl.DataFrame({
        "is_broken": [True] * 30 + [False] * 10 + [False] * 36 + [True] * 4,
        "line_count": [500] * 40 + [5] * 40, "file_count": [1] * 80, "churn": [0] * 80,
        "authors": [1] * 80, "is_first_touch": [False] * 80, "findings": [None] * 80,
        "coverage": [None] * 80,
    }, schema_overrides={"findings": pl.Int64, "coverage": pl.Float64})  # fmt: skip
    (found,) = lift.lifts(rows)
    assert (found.n_with, found.broken_with, found.n_without) == (40, 30, 40)
    assert found.verdict == "predicts failures"
    assert found.low < 7.5 < found.high


# ---------------------------------------------------------------- settings


@pytest.fixture
def told(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home beside a golive.toml with one secret that is set and one that is not."""
    home.parent.joinpath("golive.toml").write_text(
        '[project.shop]\nname = "Shop"\n\n[source.ci]\ntype = "jenkins"\n'
        'url = "https://ci.example.org"\ntoken = "env:SHOP_TOKEN"\n\n[source.hub]\n'
        'type = "github"\ntoken = "env:HUB_TOKEN"\n'
    )
    monkeypatch.setenv("GOLIVE_BASE", str(home.parent))
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    monkeypatch.delenv("HUB_TOKEN", raising=False)
    return home


def test_settings_name_the_secret_that_is_not_set_and_show_none(draw: Draw, told: Path) -> None:
    app = draw(told, "settings")
    assert not app.exception
    assert app.title[0].value == "1 secret is not set: env:HUB_TOKEN"
    assert "env:SHOP_TOKEN" in html(app).replace("<wbr>", "")
    assert SECRET not in html(app) + app.text_area[0].value


def test_an_edit_is_tried_before_it_is_made(draw: Draw, told: Path) -> None:
    before = settings.file_of().read_text()
    app = draw(told, "settings")
    app.text_area[0].set_value(before + "[rates]\nusd_per_person_hour = 90\n").run()
    assert "+usd_per_person_hour = 90" in app.code[-1].value
    app.text_area[0].set_value(before + "[rates]\nusd_per_hour = 90\n").run()
    assert "not valid" in html(app)
    app.text_area[0].set_value(before + f'[source.x]\ntype = "git"\ntoken = "{SECRET}"\n').run()
    assert "holds a secret as plain text" in html(app)
    assert settings.file_of().read_text() == before


def test_every_single_setting_says_what_it_means(told: Path) -> None:
    assert all(row["means"] for row in page.values(settings.load()))
