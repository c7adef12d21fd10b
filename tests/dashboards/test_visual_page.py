"""The page Visual review over looks that a runner made: what waits, deciding, who may, history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from browsing import Visitor, fits, overhang, serving, violations
from streamlit.testing.v1 import AppTest

from assets import baselines, refresh
from golive_core import access
from golive_core.artifacts import ArtifactStore
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_runner.attempt import Attempt, Look, StepResult, write
from golive_runner.visual import Place, check, pixels
from tests.agents.model_server import Plan
from tests.agents.model_server import serving as model

Draw = Callable[..., AppTest]
PLACE = Place("front page", "chromium", "200x120", "light")


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def png(*boxes: tuple[int, int, int, int]) -> bytes:
    picture = np.full((120, 200, 3), 245, np.uint8)
    for x, y, wide, high in boxes:
        picture[y : y + high, x : x + wide] = (30, 90, 160)
    return pixels.write(picture)


def attempt(look: Look, at: datetime) -> Attempt:
    status = "failed" if look.verdict == "changed" else "passed"
    step = StepResult("look at “front page”", "look", status, at, 0.2, look=look)
    return Attempt("shop.yaml", "Front", status, at, 0.5, environment="chromium", steps=(step,))


class Shop:
    """A home with a project whose journey looks at one page."""

    def __init__(self, base: Path) -> None:
        self.base, self.home = base, base / ".golive"
        self.store, self.lake = ArtifactStore(self.home), Lake(self.home / "lake")
        self.at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

    def run(self, *pictures: bytes, commit: str = "c1") -> None:
        """Look at pictures, an attempt each, as a run of the commit does."""
        from assets import load
        from assets.core import write_projects
        from assets.workspace import Workspace
        from golive_core.settings import Instance, Project, Settings

        known = baselines.approved(self.lake, "shop")
        sha = known.get(PLACE.look_id("shop.yaml", "Front"))
        before = self.store.get(sha) if sha else None
        attempts = []
        for picture in pictures:
            self.at += timedelta(minutes=1)
            attempts.append(attempt(check(self.store, PLACE, picture, before)[0], self.at))
        report = self.base / f"{self.at:%H%M}.json"
        write(report, "journeys", attempts)
        instance = Instance(
            "runs", "reports", "shop", {"paths": [str(report)], "commit": commit, "build": commit}
        )
        settings = Settings(
            home=self.home, base=self.base, instances={"runs": instance},
            projects={"shop": Project("shop")},
        )  # fmt: skip
        workspace = Workspace.load(settings)
        write_projects(workspace)
        done = load.ingest(workspace.lake, workspace.source("runs"), instance,
                           context=workspace.context, full=True)  # fmt: skip
        assert not done.error


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop whose look was approved, then changed on the next commit."""
    made = Shop(tmp_path)
    made.run(png((20, 20, 60, 30)))
    baselines.approve(made.lake, baselines.waiting(made.lake)[0], by="ada", note="as designed")
    made.run(png((20, 20, 60, 30), (120, 70, 50, 30)), commit="c2")
    return made


def test_what_differs_waits_with_its_pictures_and_regions(shop: Shop, draw: Draw) -> None:
    app = draw(shop.home, "visual")
    assert not app.exception
    said = html(app)
    assert app.title[0].value == "1 look waits for you"
    assert "<b>front page</b> of Front: 6.25 % of it changed" in said
    assert said.count("<img") == 3
    assert "added, 50 \N{MULTIPLICATION SIGN} 30 px at 120, 70" in said
    assert "left:60.000%;top:58.333%" in said
    assert "approved by ada" in said
    assert ": as designed" in said


def test_approving_on_the_page_makes_it_the_baseline_and_is_in_the_audit_log(
    shop: Shop, draw: Draw
) -> None:
    app = draw(shop.home, "visual")
    next(one for one in app.button if one.label == "Approve").click().run()
    assert app.title[0].value == "Every look is as approved"
    assert app.info[0].value == "front page of Front: approved"
    newest = shop.lake.query("select * from ops.baselines order by decided_at desc").row(
        0, named=True
    )
    assert baselines.approved(shop.lake, "shop") == {newest["look_id"]: newest["sha256"]}
    audited = shop.lake.query("select action, actor from ops.audit_log order by number")
    assert audited["action"].to_list() == ["baselines.approve"] * 2
    shop.run(png((20, 20, 60, 30), (120, 70, 50, 30)), commit="c3")
    assert baselines.waiting(shop.lake) == []


def test_a_rejected_picture_waits_no_more_and_the_look_keeps_failing(
    shop: Shop, draw: Draw
) -> None:
    row = baselines.find(shop.lake, "front page")[0]
    baselines.reject(shop.lake, row, by="ada")
    assert baselines.waiting(shop.lake) == []
    shop.run(png((20, 20, 60, 30), (120, 70, 50, 30)), commit="c3")
    last = shop.lake.query("select arg_max(verdict, build_id) as verdict from core.visual_checks")
    assert last["verdict"][0] == "changed"
    app = draw(shop.home, "visual")
    assert app.title[0].value == "1 rejected look is not mended yet"
    assert "<b>front page</b> of Front: 6.25 % of it changed" in html(app)
    assert "Rejected and not mended" in [one.value for one in app.subheader]


def test_a_rejected_first_picture_is_known_to_the_next_run_and_can_be_approved_after_all(
    tmp_path: Path,
) -> None:
    made = Shop(tmp_path)
    made.run(png((20, 20, 60, 30)))
    row = baselines.waiting(made.lake)[0]
    baselines.reject(made.lake, row, by="ada")
    assert baselines.rejected(made.lake, "shop") == {row["look_id"]: [row["actual"]]}
    assert baselines.waiting(made.lake) == []
    with pytest.raises(UsageError, match="does not wait any more"):
        baselines.reject(made.lake, row, by="ada")
    [again] = baselines.find(made.lake, "front page")
    baselines.approve(made.lake, again, by="ada")
    assert baselines.rejected(made.lake, "shop") == {}
    assert baselines.approved(made.lake, "shop") == {row["look_id"]: row["actual"]}
    with pytest.raises(UsageError, match="no look called"):
        baselines.find(made.lake, "front page")


def test_nobody_approves_a_picture_that_they_did_not_see(shop: Shop) -> None:
    seen = baselines.find(shop.lake, "front page")[0]
    shop.run(png((20, 20, 60, 30), (10, 80, 90, 30)), commit="c3")
    with pytest.raises(UsageError, match="does not wait any more"):
        baselines.approve(shop.lake, seen, by="ada")
    with pytest.raises(UsageError, match="no look called 'nothing'"):
        baselines.find(shop.lake, "nothing")
    with pytest.raises(UsageError, match="a person has to decide"):
        baselines.approve(shop.lake, baselines.waiting(shop.lake)[0], by="")


def test_who_may_not_approve_sees_no_buttons(
    shop: Shop, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role, shown in (("viewer", 0), ("tester", 1)):
        who = access.Identity("vera", role, ("shop",))  # type: ignore[arg-type] - a Role
        monkeypatch.setattr("dashboards.reader.now", lambda who=who: who)
        labels = [one.label for one in draw(shop.home, "visual").button]
        assert labels.count("Approve") == shown


def test_a_look_that_changes_and_changes_back_on_one_commit_is_a_flake(
    shop: Shop, draw: Draw
) -> None:
    same, other = png((20, 20, 60, 30)), png((20, 20, 60, 30), (5, 90, 40, 20))
    shop.run(other, same, commit="c3")
    shop.run(same, same, commit="c4")
    for mart in refresh.marts():
        refresh.refresh(shop.lake, mart)
    row = shop.lake.query("select * from marts.visual_health").row(0, named=True)
    assert (row["checks"], row["changed"], row["unexplained"]) == (6, 2, 2)
    assert (row["flaky_commits"], row["flake_rate"]) == (1, 0.5)
    daily = shop.lake.query("select sum(mixed_commits) as mixed from marts.test_daily")
    assert daily["mixed"][0] == 1, "the flaky posterior has the same evidence"
    app = draw(shop.home, "visual")
    assert app.dataframe[0].value["strip"][0] == "+ ✕ ✕ ✓ ✓ ✓"


def test_a_page_without_looks_says_how_to_get_one(filled: Path, draw: Draw) -> None:
    assert "No page was looked at yet" in html(draw(filled, "visual"))


def test_a_model_is_asked_what_changed_and_what_it_saw_is_shown(
    shop: Shop, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_BASE", str(shop.base))
    text = "A second blue box has appeared."
    answer = {
        "regions": [{"id": "R1", "kind": "layout", "text": text}], "verdict": "fault",
        "confidence": 0.9,
    }  # fmt: skip
    plan = Plan(answer=lambda _: json.dumps(answer))
    with model(plan) as url:
        (shop.base / "golive.toml").write_text(
            f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\nmay_send = true\n'
        )
        app = draw(shop.home, "visual")
        ask = next(one for one in app.button if one.label == "Ask tiny what changed")
        assert "may_send_pictures" in html(ask.click().run())
        assert plan.seen == []
        with (shop.base / "golive.toml").open("a") as toml:
            toml.write("may_send_pictures = true\n")
        app = draw(shop.home, "visual")
        app = next(one for one in app.button if one.label.startswith("Ask")).click().run()
        assert text in html(app), html(app).partition("No words from the model")[2][:400]
        assert "tiny: it looks like a fault, 90% sure by its own word" in html(app)
    call = shop.lake.query("select call_id from ops.llm_calls").item()
    shown = draw(shop.home, "model_calls", call=call)
    assert not shown.exception
    assert len(shown.get("image")) == 2


def test_a_picture_that_is_lost_is_said_to_be(shop: Shop, draw: Draw) -> None:
    row = baselines.waiting(shop.lake)[0]
    shop.store.path(row["actual"]).unlink()
    app = draw(shop.home, "visual")
    assert not app.exception
    assert "not kept any more" in html(app)


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_is_whole_in_a_browser(shop: Shop, look: Visitor) -> None:
    with serving(shop.home) as address:
        page = look(f"{address}/visual")
        assert page.locator("h1").first.inner_text() == "1 look waits for you"
        assert fits(page), overhang(page)
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        assert violations(page) == []
        look.leave()
        phone = look(f"{address}/visual", phone=True)
        assert fits(phone), overhang(phone)
        assert look.complaints == []
        look.leave()
