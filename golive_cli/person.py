"""Who sits at the keyboard, for what is recorded of what people did."""

from __future__ import annotations

import getpass


def user() -> str:
    """Return the name of the account, "unknown" where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
