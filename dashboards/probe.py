"""Draws every page over the real lake without a browser, and says what came of it.

`golive up --check` runs it as a program: one JSON object a page and project on stdout, with
`page`, `project`, `shown` (elements beyond the frame), `empty` (states that say there is nothing)
and `errors`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dashboards import catalog, scope
from dashboards.catalog import View

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

FRAME = ("selectbox", "flex_container", "vertical", "column", "empty", "code", "page_link")
"""Elements that stand on a page without any content too."""
EMPTY, ALERT = "gl-empty", "role='alert'"
FRAME_HTML = ("gl-eyebrow", "made by golive simulate", "<style")
TIMEOUT_S = 120.0


def main() -> None:
    """Write one line a page and project."""
    logging.disable(logging.WARNING)
    for line in probe():
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def probe() -> Iterator[dict[str, Any]]:
    """Yield what each page shows of each project, the pages in the order of the navigation."""
    projects = [project.id for project in scope.projects()]
    for view in catalog.views():
        for project in projects if view.needs_project else projects[:1]:
            yield {"page": view.slug, "title": view.title, "project": project} | _draw(
                view, project
            )


def _draw(view: View, project: str) -> dict[str, Any]:
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_function(_page, default_timeout=TIMEOUT_S, kwargs={"slug": view.slug})
    app.session_state["project"] = project  # the filter of the frame
    try:
        app.run()
    except RuntimeError as error:  # it did not end in time
        return {"shown": 0, "empty": 0, "errors": [str(error)]}
    return _told(app)


def _page(slug: str) -> None:
    """Draw one page inside the frame; Streamlit runs this text as a script of its own."""
    from dashboards import app, catalog

    app.show(next(view for view in catalog.views() if view.slug == slug))


def _told(app: AppTest) -> dict[str, Any]:
    found = list(_elements(app.main))
    html = [text for kind, text in found if kind == "html"]
    empty = [text for text in html if EMPTY in text]
    frame = [text for text in html if any(mark in text for mark in FRAME_HTML)]
    others = [kind for kind, _ in found if kind != "html" and kind not in FRAME]
    errors = [str(one.value) for one in app.exception] + [text for text in empty if ALERT in text]
    shown = len(others) + len(html) - len(empty) - len(frame)
    return {"shown": shown, "empty": len(empty), "errors": errors}


def _elements(block: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - Streamlit's test tree has no types
    """Yield kind and text of everything below a block."""
    for child in getattr(block, "children", {}).values():
        proto = getattr(child, "proto", None)
        yield str(child.type), str(getattr(proto, "body", ""))
        yield from _elements(child)


if __name__ == "__main__":
    main()
