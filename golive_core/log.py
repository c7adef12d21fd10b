"""Logs: structured lines on stderr, for people or (GOLIVE_LOG=json) for machines, no secrets.

stdout belongs to what a command was asked for. Every value passes `redact` on its way out, the
text of exceptions too. The level is GOLIVE_LOG_LEVEL, info by default.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import cast

import structlog

from golive_core.redact import masked, redact
from golive_core.settings import variable

__all__ = ["Logger", "configure", "get_logger", "redact"]

Logger = structlog.typing.FilteringBoundLogger
Event = MutableMapping[str, object]


class _Stderr:
    """Writes to what stderr is at that moment, which tests and servers replace."""

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - the one place a log line leaves by

    log = debug = info = warning = error = critical = fatal = exception = msg


def configure() -> None:
    """Set the form and level that the environment asks for; called by the first `get_logger`."""
    as_json = variable("GOLIVE_LOG") == "json"
    level = logging.getLevelNamesMapping().get(variable("GOLIVE_LOG_LEVEL").upper(), logging.INFO)
    last = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Stderr,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> Logger:
    """Return the logger of the module `name`: `log.info("pulled", instance="ci", rows=12)`."""
    if not structlog.is_configured():
        configure()
    return cast("Logger", structlog.get_logger().bind(logger=name))


def _masked(_logger: object, _method: str, event: Event) -> Event:
    return {key: masked(value, key) for key, value in event.items()}
