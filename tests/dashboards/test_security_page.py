"""The page Security tells what is odd, who called, and which tokens there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from golive_core.tokens import Tokens

Draw = Callable[..., AppTest]


def html(app: AppTest) -> str:
    return " ".join(str(one.proto.body) for one in app.get("html"))


def test_guessing_is_told_first(draw: Draw, filled: Path) -> None:
    app = draw(filled, "security")
    assert not app.exception
    assert app.title[0].value == "1 finding wants a look"
    assert "23 sign-ins from 198.51.100.7 were refused within an hour" in html(app)
    callers = app.dataframe[0].value
    assert callers["who"][0] == "nobody known"
    assert callers["refused"][0] >= 23


def test_without_events_it_says_what_brings_them(draw: Draw, tmp_path: Path) -> None:
    app = draw(tmp_path / ".golive", "security")
    assert not app.exception
    assert "No event yet" in html(app) or app.title[0].value == "Nothing is odd"


def test_tokens_are_listed_without_what_opens_anything(draw: Draw, tmp_path: Path) -> None:
    home = tmp_path / ".golive"
    _, text = Tokens(home).create("jenkins", ["reports:write"], project="shop")
    app = draw(home, "security")
    board = next(one.value for one in app.dataframe if "token" in one.value)
    assert board["token"].to_list() == ["jenkins"]
    assert text not in str(board)
