"""The part "Why it failed" of one failure and one build says what golive explain says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from golive_agents.error_resolver import Resolver
from golive_core.lake import Lake


def texts(app: AppTest) -> str:
    return "\n".join(str(one.proto.body) for one in app.get("html"))


def test_a_failure_shows_its_next_step_lines_culprits_and_past(
    draw: Callable[..., AppTest], filled: Path
) -> None:
    lake = Lake(filled / "lake")
    signature = lake.query("select min(signature_id) from marts.failure_fixes").item()
    app = draw(filled, "failures", failure=str(signature), days="90")
    assert not app.exception
    said = texts(app)
    found = Resolver(lake, project="demo").explain(str(signature))
    assert found.next_step is not None
    assert found.suspects is not None
    assert found.suspects.commits[0].sha[:7] in said
    assert found.past[0].fixes[0].good_sha[:7] in said
    assert "Lines that tell" in said
    assert "because" in said


def test_a_failed_build_is_explained_and_one_that_passed_is_not(
    draw: Callable[..., AppTest], filled: Path
) -> None:
    lake = Lake(filled / "lake")
    for status, is_explained in (("failed", True), ("passed", False)):
        sql = "select max(build_id) from core.builds where status = ?"
        app = draw(filled, "builds", build=lake.query(sql, [status]).item())
        assert not app.exception
        assert ("Which commit" in texts(app) or "broke it" in texts(app)) is is_explained
