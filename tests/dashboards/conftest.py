"""Pages over three homes: filled by the simulator, empty, and one whose lake cannot be read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parent))

import demo


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the demo project, made once: pages only read."""
    home = tmp_path_factory.mktemp("filled") / ".golive"
    demo.fill(home)
    return home


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose lake a newer GoLive wrote."""
    home = tmp_path_factory.mktemp("broken") / ".golive"
    (home / "lake").mkdir(parents=True)
    (home / "lake" / "_format.json").write_text('{"format": 99}')
    return home


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    """Clear what Streamlit caches between tests, and its complaints about having no browser."""
    logging.getLogger("streamlit").setLevel(logging.CRITICAL)
    yield
    st.cache_data.clear()


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Return a function that draws a page of a home inside the frame."""

    def drawn(home: Path, slug: str, **query: str) -> AppTest:
        monkeypatch.setenv("GOLIVE_HOME", str(home))
        app = AppTest.from_function(_page, default_timeout=60, kwargs={"slug": slug})
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return drawn


def _page(slug: str) -> None:
    """Draw one page; Streamlit runs this text as a script of its own."""
    from dashboards import app, catalog

    app.show(next(view for view in catalog.views() if view.slug == slug))
