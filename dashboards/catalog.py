"""The pages there are: every file `views/<section>/<page>.py`, found by looking.

A page declares TITLE, ICON, SECTION, ORDER, QUESTION (what it answers), READS (the tables that it
reads) and `render(scope)`; optionally HAS_PERIOD = False where the period filter means nothing to
it, and NEEDS_PROJECT = False where it speaks of the whole installation. Files that begin with an
underscore help a page. Nobody lists pages.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from dashboards.scope import Scope
from golive_core.errors import UsageError

FOLDER = Path(__file__).parent / "views"
REQUIRED = ("TITLE", "ICON", "SECTION", "ORDER", "QUESTION", "READS", "render")


@dataclass(frozen=True, slots=True)
class View:
    """One page as its module declares it; `slug` is its path in the URL."""

    slug: str
    title: str
    icon: str
    section: str
    order: int
    question: str
    reads: tuple[str, ...]
    render: Callable[[Scope], None]
    has_period: bool = True
    needs_project: bool = True


def views(folder: Path = FOLDER) -> list[View]:
    """Return every page in the order of the navigation; raises UsageError for an incomplete one."""
    found = [_view(path, folder) for path in sorted(folder.glob("*/*.py")) if path.stem[0] != "_"]
    return sorted(found, key=lambda view: (view.order, view.title))


def _view(path: Path, folder: Path) -> View:
    module = _module(path, folder)
    absent = [name for name in REQUIRED if not hasattr(module, name)]
    if absent:
        raise UsageError(f"the page declares no {', '.join(absent)}", where=str(path))
    return View(
        slug=path.stem,
        title=module.TITLE,
        icon=module.ICON,
        section=module.SECTION,
        order=module.ORDER,
        question=module.QUESTION,
        reads=tuple(module.READS),
        render=module.render,
        has_period=getattr(module, "HAS_PERIOD", True),
        needs_project=getattr(module, "NEEDS_PROJECT", True),
    )


def _module(path: Path, folder: Path) -> ModuleType:
    if folder == FOLDER:
        return importlib.import_module(f"dashboards.views.{path.parent.name}.{path.stem}")
    spec = importlib.util.spec_from_file_location(f"view_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError("cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
