"""`golive record`: the short name of `golive test record`."""

from golive_cli.commands.test.record import command

__all__ = ["command"]
