"""Pages as the end of the lineage: which tables a page of the dashboards reads.

A page says so in a constant, `READS = ("marts.pipeline_state", ...)`. It is read from the syntax
tree, since importing a page would bring Streamlit into every run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from assets.core import core_key
from assets.marts import lineage

VIEWS = Path(__file__).parent.parent / "dashboards" / "views"


def page_specs(views: Path = VIEWS) -> list[dg.AssetSpec]:
    """Return an external asset per page that says what it reads."""
    return list(_specs(views))


def _specs(views: Path) -> Iterator[dg.AssetSpec]:
    for path in sorted(views.glob("*/*.py")):
        tree = ast.parse(path.read_text(), str(path))
        reads = _reads(tree)
        if reads:
            yield dg.AssetSpec(
                ["page", path.parent.name, path.stem],
                deps=[core_key(table) for table in lineage(reads)],
                description=_first_paragraph(ast.get_docstring(tree)),
                group_name="dashboards",
                kinds={"streamlit"},
                tags={"layer": "page"},
                metadata={"file": dg.MetadataValue.path(path)},
            )


def _reads(tree: ast.Module) -> tuple[str, ...]:
    """Return the words of the module's READS; empty if it has none or they are computed."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign):
            targets, value = [node.target], node.value
        else:
            continue
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if "READS" in names and isinstance(value, ast.Tuple | ast.List):
            cells = [cell.value for cell in value.elts if isinstance(cell, ast.Constant)]
            return tuple(cell for cell in cells if isinstance(cell, str))
    return ()


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())
