"""Which sources fill a table of core, for pages that have nothing to show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from dashboards import words
from golive_core.errors import GoLiveError

SHOWN = 5


def filling(tables: Iterable[str]) -> list[str]:
    """Return the types of the sources that fill any of these core tables, in their order."""
    wanted = set(tables)
    return [kind for kind, filled in _filled().items() if wanted & filled]


def told(types: Sequence[str]) -> str:
    """Return which sources would fill a page: `A source github, gitlab or jenkins fills it.`."""
    if not types:
        return ""
    shown, more = list(types[:SHOWN]), len(types) - SHOWN
    shown += [f"{words.number(more)} more"] if more > 0 else []
    text = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
    return f"A source of type {text} in golive.toml fills this page."


def command(types: Sequence[str]) -> str:
    """Return the command that shows what such a source needs."""
    return f"golive sources {types[0]}" if types else "golive run"


@cache
def _filled() -> dict[str, frozenset[str]]:
    """Return the core tables that each type of source fills; {} where the sources are broken."""
    from ingest import registry  # all connectors: 0.5 s that only an empty page spends

    try:
        found = registry.sources()
    except GoLiveError:
        return {}
    return {
        name: frozenset(table for stream in kind.streams for table in stream.tables)
        for name, kind in found.items()
    }
