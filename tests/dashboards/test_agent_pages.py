"""Model calls and proposals on their pages: exactly what was sent, and a decision by a click."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from assets import proposals
from assets.model_calls import LakeLedger
from dashboards import reader
from golive_agents.calls import Call
from golive_agents.proposing import Proposal
from golive_core.access import Identity
from golive_core.lake import Lake

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SENT = '[{"role": "user", "content": "L1 | token=[[SECRET_1]]"}]'


@pytest.fixture
def agents_home(tmp_path: Path) -> Path:
    """Return a home with one call to a model and one proposal."""
    home = tmp_path / ".golive"
    lake = Lake(home / "lake")
    call = Call("c" * 32, NOW, "error_resolver", "ci/build#2", "diagnosis 1 (aa)", "tiny",
                "llm.example.org", "h", "answered", sent=SENT, answer='{"claims": []}',
                masks='{"SECRET": 1}', tokens_in=12, tokens_out=3, cost_usd=0.01)  # fmt: skip
    LakeLedger(lake).keep(call)
    parameters = {"repository": "team/shop", "number": 5, "body": "why it failed"}
    proposals.put(lake, Proposal("shop", "error_resolver", "ci/build#2", "Comment on team/shop 5",
                                 "It helps", ("core.builds build_id=x",), "github.set_comment",
                                 "gh", parameters))  # fmt: skip
    return home


def said(app: AppTest) -> str:
    html = [str(one.proto.body) for one in app.get("html")]
    return "\n".join([*html, *(one.value for one in (*app.code, *app.caption, *app.title))])


def test_what_was_sent_is_shown_as_it_was(draw: Callable[..., AppTest], agents_home: Path) -> None:
    app = draw(agents_home, "model_calls", call="c" * 32)
    assert not app.exception
    text = said(app)
    assert "L1 | token=[[SECRET_1]]" in text
    assert "1 secret" in text
    assert "1 question left this machine" in text
    assert not draw(agents_home, "model_calls").exception


def test_a_proposal_is_rejected_by_a_click(draw: Callable[..., AppTest], agents_home: Path) -> None:
    app = draw(agents_home, "proposals")
    assert not app.exception
    assert "why it failed" in said(app)
    number = proposals.listed(Lake(agents_home / "lake"))[0]["proposal_id"]
    app.button(key=f"reject-{number}").click().run()
    assert not app.exception
    row = proposals.find(Lake(agents_home / "lake"), number)
    assert row["status"] == "rejected"
    assert row["decided_by"]


def test_approving_what_cannot_be_done_says_why(
    draw: Callable[..., AppTest], agents_home: Path
) -> None:
    app = draw(agents_home, "proposals")
    number = proposals.listed(Lake(agents_home / "lake"))[0]["proposal_id"]
    app.button(key=f"approve-{number}").click().run()
    assert not app.exception
    row = proposals.find(Lake(agents_home / "lake"), number)
    assert row["status"] == "failed"
    assert "gh" in row["result"]


@pytest.mark.parametrize(
    ("person", "is_shown", "may_decide"),
    [
        (Identity("dora", "developer", ("shop",)), True, True),
        (Identity("dora", "developer", ("other",)), False, False),
        (Identity("vera", "viewer", ("shop",)), True, False),
    ],
)
def test_who_may_not_decide_has_no_button_and_sees_own_projects_only(
    draw: Callable[..., AppTest], agents_home: Path, monkeypatch: pytest.MonkeyPatch,
    person: Identity, is_shown: bool, may_decide: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr(reader, "now", lambda: person)
    app = draw(agents_home, "proposals")
    assert not app.exception
    assert ("why it failed" in said(app)) is is_shown
    number = proposals.listed(Lake(agents_home / "lake"))[0]["proposal_id"]
    keys = [one.key for one in app.button]
    assert (f"reject-{number}" in keys) is may_decide
    if may_decide:
        app.button(key=f"reject-{number}").click().run()
        row = proposals.find(Lake(agents_home / "lake"), number)
        assert (row["status"], row["decided_by"]) == ("rejected", "dora")
