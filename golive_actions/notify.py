"""Notifications: mail, Slack, Teams, webhooks and whatever else apprise speaks, by an outbox."""

from __future__ import annotations

from typing import ClassVar

from golive_actions.outbox import Letters, Message, Severity, owners
from golive_actions.target import Target, makes


class Notify(Target):
    """Puts messages into the outbox; `golive action send --perform` and Dagster send them."""

    type: ClassVar[str] = "notify"
    title: ClassVar[str] = "Notifications"
    example: ClassVar[str] = """
[target.team]
type = "notify"
project = "shop"
address = "env:TEAM_ADDRESS"                   # an apprise URL: mailtos://..., slack://..., jsons://...
recipients = {"@team/cart" = "env:CART_ADDRESS"}   # owners with an address of their own
codeowners = ".github/CODEOWNERS"
quiet = "22:00-07:00"                          # nothing but what is critical goes out then
digest = ["09:00", "14:00"]                    # all that waits goes out together at these times
timezone = "Europe/Zurich"
"""

    @makes("{title}")
    def send(
        self, title: str, body: str = "", severity: Severity = "info", owner: str = "",
        paths: list[str] | None = None, dedupe: str = "", reason_sql: str = "",
    ) -> Letters:  # fmt: skip
        """Tell the channel, an owner, or the owners of paths; the same message goes out once."""
        found = owners(self.place, paths or ()) if paths else ()
        named = (owner,) if owner else found
        message = Message(title, body, severity, dedupe, reason_sql)
        return Letters(self.place, message, named or ("",))
