"""The page REST checks over attempts that a real server answered, some days apart."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browsing import Visitor, fits, keep, overhang, serving, violations
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parents[1] / "runner" / "rest"))

from shop_server import served, shop

from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_core.settings import Instance, Project, Settings
from golive_runner import rest
from golive_runner.attempt import Attempt, write

Draw = Callable[..., AppTest]
DAYS = 6
DOCUMENT = """checks: Cookies and echoes
base: {base}
retries: 1
rows: [{{part: one}}, {{part: two}}]
steps:
  - post: /login
    form: {{user: ada}}
    capture: {{token: $.access_token}}
  - get: /echo/{{part}}
    headers: {{X-Session: "{{token}}"}}
    expect: {{status: 200, json: {{$.path: "/echo/{wanted}"}}}}
  - get: /cookie
"""


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def text(app: AppTest) -> str:
    return " ".join([html(app), *(one.value for one in app.code)])


def days(attempts: list[Attempt], at: datetime) -> Iterator[Attempt]:
    """Yield the attempts as if they had happened then."""
    for nth, one in enumerate(attempts):
        moment = at + timedelta(seconds=nth)
        steps = tuple(replace(step, started_at=moment) for step in one.steps)
        yield replace(one, started_at=moment, steps=steps)


def ingested(base: Path, reports: list[Path]) -> None:
    from assets import load
    from assets.core import write_projects
    from assets.workspace import Workspace

    paths = [str(path) for path in reports]
    instance = Instance("shop-runs", "reports", "shop", {"paths": paths})
    settings = Settings(
        home=base / ".golive", base=base, instances={"shop-runs": instance},
        projects={"shop": Project("shop")},
    )  # fmt: skip
    workspace = Workspace.load(settings)
    write_projects(workspace)
    load.ingest(workspace.lake, workspace.source("shop-runs"), instance, context=workspace.context,
                full=True)  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with checks of six days: one row passes always, one fails on the last day."""
    base = tmp_path_factory.mktemp("checks")
    store, now = ArtifactStore(base / ".golive"), datetime.now(UTC).replace(microsecond=0)
    reports: list[Path] = []
    with served(shop()) as address:
        for ago in reversed(range(DAYS)):
            path = base / "echo.yaml"
            path.write_text(DOCUMENT.format(base=address, wanted="{part}" if ago else "two"))
            attempts = list(rest.run(path, store=store))
            reports.append(base / f"run{ago}.json")
            write(reports[-1], "rest", days(attempts, now - timedelta(days=ago)))
    ingested(base, reports)
    return base / ".golive"


def test_the_list_says_which_check_does_not_pass(draw: Draw, checked: Path) -> None:
    app = draw(checked, "checks")
    assert not app.exception
    assert app.title[0].value == "1 check of 2 did not pass"
    assert "Cookies and echoes[part=one]: GET /echo/one" in html(app)
    shown = app.dataframe[0].value
    assert shown["strip"].tolist() == ["✓ ✓ ✓ ✓ ✓ ✕ ✕", "✓ ✓ ✓ ✓ ✓ ✓"]
    assert [len(line) for line in shown["trend_ms"]] == [19, 18]
    assert (shown["p95_ms"] >= shown["p50_ms"]).all()


def test_one_check_shows_what_was_sent_and_answered(draw: Draw, checked: Path) -> None:
    test = Lake(checked / "lake").query(
        "select test_id from core.tests where parameters = 'part=one'"
    )
    app = draw(checked, "checks", check=str(test.item()))
    assert not app.exception
    assert app.title[0].value == "Cookies and echoes[part=one]"
    told = text(app)
    assert "This cannot be shown" not in told
    assert "n = 19 answers" in " ".join(one.value for one in app.caption)
    assert "$.path is &quot;/echo/one&quot;, expected &quot;/echo/two&quot;" in told
    assert "HTTP 200 OK" in told
    assert '"path": "/echo/one"' in told
    assert "x-session: ***" in told
    assert "abc123def456ghi" not in told
    assert "This request was not sent" in told
    assert "first byte after" in told
    assert [one.label.split(" · ")[0] for one in app.expander][:3] == [
        "✓ POST /login", "✕ GET /echo/one", "\u2013 GET /cookie",
    ]  # fmt: skip


def test_an_unknown_check_and_no_check_say_what_to_do(
    draw: Draw, checked: Path, bare: Path
) -> None:
    for wanted in ("12x", "9" * 30, "-"):
        assert "No attempt of such a check" in html(draw(checked, "checks", check=wanted))
    assert "No REST check has run in this period" in html(draw(bare, "checks"))


@pytest.mark.browser
@pytest.mark.slow
def test_both_views_are_whole_in_a_browser(look: Visitor, checked: Path, tmp_path: Path) -> None:
    test = Lake(checked / "lake").query("select test_id from core.tests limit 1").item()
    with serving(checked) as address:
        for name, query in (("checks", ""), ("check", f"?check={test}")):
            page = look(f"{address}/checks{query}")
            assert page.locator("[data-testid=stException], .gl-empty").count() == 0
            assert fits(page), overhang(page)
            assert violations(page) == []
            keep(page, f"{name}-light", tmp_path)
            page = look(f"{address}/checks{query}", phone=True)
            assert fits(page), overhang(page)
            keep(page, f"{name}-phone", tmp_path)
        look.leave()
