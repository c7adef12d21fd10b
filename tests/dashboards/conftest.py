"""Pages over three homes: filled by the simulator, empty, and one whose lake cannot be read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parent))

import browsing
import demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the demo project, made once: pages only read."""
    home = tmp_path_factory.mktemp("filled") / ".golive"
    demo.fill(home)
    return home


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that knows a project, and nothing of it."""
    from assets.core import write_projects
    from assets.workspace import Workspace
    from golive_core.settings import Project, Settings

    base = tmp_path_factory.mktemp("bare")
    settings = Settings(home=base / ".golive", base=base, projects={"shop": Project("shop")})
    write_projects(Workspace.load(settings))
    return settings.home


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return one Chromium for all tests."""
    with browsing.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def address(filled: Path) -> Iterator[str]:
    """Return the address of the dashboards over the demo project."""
    with browsing.serving(filled) as url:
        yield url


@pytest.fixture(scope="session")
def empty_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the dashboards over nothing."""
    with browsing.serving(tmp_path_factory.mktemp("empty") / ".golive") as url:
        yield url


@pytest.fixture(scope="session")
def broken_address(broken: Path) -> Iterator[str]:
    """Return the address of the dashboards over a lake that a newer GoLive wrote."""
    with browsing.serving(broken) as url:
        yield url


@pytest.fixture
def look(browser: Browser) -> Iterator[browsing.Visitor]:
    """Return a visitor, who must not have met an error in the end."""
    visitor = browsing.Visitor(browser)
    yield visitor
    visitor.leave()
    assert visitor.complaints == []
