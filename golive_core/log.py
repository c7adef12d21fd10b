"""Logs: structured lines on stderr, for people or (GOLIVE_LOG=json) for machines, no secrets.

stdout belongs to what a command was asked for. Every value passes `redact` on its way out, the
text of exceptions too. The level is GOLIVE_LOG_LEVEL, info by default.

structlog brings rich and attrs along, 0.15 s of CPU, and most processes never log: it is imported
when the first line is logged.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from golive_core.redact import masked, redact
from golive_core.settings import variable

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger as Logger

__all__ = ["Logger", "configure", "get_logger", "redact"]

Event = MutableMapping[str, object]


class _Stderr:
    """Writes to what stderr is at that moment, which tests and servers replace."""

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - the one place a log line leaves by

    log = debug = info = warning = error = critical = fatal = exception = msg


def configure() -> None:
    """Set the form and level that the environment asks for; called by the first line logged."""
    import structlog

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
    return cast("Logger", _Lazy(name))


class _Lazy:
    """Stands for a logger and turns into it when something is asked of it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(self._logger, attribute)

    @cached_property
    def _logger(self) -> Logger:
        import structlog

        if not structlog.is_configured():
            configure()
        return cast("Logger", structlog.get_logger().bind(logger=self._name))


def _masked(_logger: object, _method: str, event: Event) -> Event:
    return {key: masked(value, key) for key, value in event.items()}
