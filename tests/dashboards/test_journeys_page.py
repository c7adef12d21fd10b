"""The page Journeys over a small lake: the list, the film strip, what changed where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_runner.attempt import Attempt, Evidence, Status, StepResult, write

Draw = Callable[..., AppTest]
STEPS = ("open /", "click “Sign in”", "see text “Hello Ada”")


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


@pytest.fixture(scope="module")
def run_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a journey that passed, then stopped at its last step."""
    from assets import load
    from assets.core import write_projects
    from assets.workspace import Workspace
    from golive_core.settings import Instance, Project, Settings

    base = tmp_path_factory.mktemp("journeys")
    home = base / ".golive"
    store, now = ArtifactStore(home), datetime.now(UTC).replace(microsecond=0)
    report = base / "run.json"
    write(report, "journeys", [
        attempt(store, now - timedelta(minutes=5), "passed", "- heading \"Hello Ada\""),
        attempt(store, now, "failed", "- heading \"Hello\"\n- text: <b>odd</b>"),
    ])  # fmt: skip
    instance = Instance("shop-runs", "reports", "shop", {"paths": [str(report)]})
    settings = Settings(
        home=home, base=base, instances={"shop-runs": instance}, projects={"shop": Project("shop")}
    )
    workspace = Workspace.load(settings)
    write_projects(workspace)
    load.ingest(workspace.lake, workspace.source("shop-runs"), instance, context=workspace.context,
                full=True)  # fmt: skip
    return home


def attempt(store: ArtifactStore, at: datetime, status: Status, tree: str) -> Attempt:
    """Return an attempt whose last step ends so, with a picture and a tree of every step."""

    def kept(kind: str, name: str, media: str, body: bytes) -> Evidence:
        return Evidence(kind, name, media, store.put_bytes(body), len(body))

    steps = tuple(
        StepResult(
            name, name.partition(" ")[0], status if nth == 2 else "passed", at, 0.4,
            "text “Hello Ada” did not appear" if status == "failed" and nth == 2 else "",
            evidence=(kept("screenshot", "1.jpg", "image/jpeg", b"\xff\xd8picture"),
                      kept("accessibility", "1.yaml", "text/yaml", tree.encode())),
        )
        for nth, name in enumerate(STEPS)
    )  # fmt: skip
    vitals = b'{"http://shop/": {"lcp": 3100.4, "cls": 0.02, "ttfb": 12}}'
    whole = (
        kept("trace", "trace.zip", "application/zip", b"PK"),
        kept("console", "console.txt", "text/plain", b"console error: odd"),
        kept("vitals", "vitals.json", "application/json", vitals),
    )
    message = "see text “Hello Ada”: text “Hello Ada” did not appear" if status == "failed" else ""
    return Attempt("sign_in.yaml", "Sign in", status, at, 1.2, "sign_in.yaml", "chromium",
                   "NotFound", message, steps=steps, evidence=whole)  # fmt: skip


def test_the_list_says_which_journey_does_not_get_through(draw: Draw, run_twice: Path) -> None:
    app = draw(run_twice, "journeys")
    assert not app.exception
    assert app.title[0].value == "1 journey of 1 did not get through"
    assert "did not appear" in html(app)
    shown = app.dataframe[0].value
    assert shown["strip"].tolist() == ["✓ ✕"]
    assert shown["rate"].tolist() == [50]


def test_one_journey_shows_its_film_and_what_changed(draw: Draw, run_twice: Path) -> None:
    test = Lake(run_twice / "lake").query("select test_id from core.tests").item()
    app = draw(run_twice, "journeys", journey=str(test))
    assert not app.exception
    told = html(app)
    assert told.count("data:image/jpeg;base64,") == 3
    assert "Hello Ada" in told
    assert "&lt;b&gt;odd" in told, "what a page says is text, never HTML of ours"
    assert "gl-minus" in told
    assert "gl-plus" in told
    told_of = {one.label: (one.value, one.delta) for one in app.metric}
    assert told_of["Largest paint"] == ("3,100 ms", "needs work")


def test_an_attempt_that_passed_is_not_compared(draw: Draw, run_twice: Path) -> None:
    test = Lake(run_twice / "lake").query("select test_id from core.tests").item()
    app = draw(run_twice, "journeys", journey=str(test))
    app.selectbox(key="attempt").set_value(1).run()
    assert not app.exception
    assert "gl-minus" not in html(app)


def test_an_unknown_journey_and_no_journey_say_what_to_do(
    draw: Draw, run_twice: Path, filled: Path
) -> None:
    assert "No attempt of such a journey" in html(draw(run_twice, "journeys", journey="12x"))
    assert "No journey has run in this period" in html(draw(filled, "journeys"))
