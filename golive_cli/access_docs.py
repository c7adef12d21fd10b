"""The table of docs/access.md, made from the permissions themselves.

`golive user matrix` prints it; a test compares.
"""

from __future__ import annotations

from golive_core.access import ADMIN, ALLOWED, ROLES

WORDS = {"any": "yes", "own": "own projects"}


def matrix() -> str:
    """Return every resource and action by role, as Markdown."""
    lines = [f"| resource | action | {' | '.join(ROLES)} |", f"|---|---|{'---|' * len(ROLES)}"]
    for resource, action in sorted(ADMIN):
        cells = [WORDS.get(ALLOWED[role].get((resource, action), ""), "no") for role in ROLES]
        lines.append(f"| {resource} | {action} | {' | '.join(cells)} |")
    return "\n".join(lines)
