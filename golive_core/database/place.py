"""Which database remembers for a home."""

from __future__ import annotations

from pathlib import Path

from golive_core import settings
from golive_core.errors import SettingsError

SCHEMES = ("postgresql://", "postgres://")


def url_of(home: Path) -> str:
    """Return the address of the PostgreSQL that remembers for a home; "" where its files do.

    Files remember for every other home than that of the settings: a copy, a restored one. Raises
    SettingsError where the settings cannot be read but speak of a database: what was put into a
    file then would not be found again.
    """
    url = settings.database_url(home)
    if url is None and home == settings.home():
        url = _loaded(home)
    found = settings.resolve(url) if url and settings.REFERENCE.fullmatch(url) else url or ""
    if "://" in found and not found.startswith(SCHEMES):
        raise SettingsError(
            "it is no address of a PostgreSQL", where="[database] url",
            hint="For example postgresql://golive@host:5432/golive",
        )  # fmt: skip
    return found


def _loaded(home: Path) -> str:
    try:
        settings.load()
    except SettingsError:
        if _is_named():
            raise
        return ""
    return settings.database_url(home) or ""


def _is_named() -> bool:
    file = settings.file_of()
    is_in_file = file is not None and b"database" in file.read_bytes()
    return is_in_file or bool(settings.variable(settings.DATABASE_VARIABLE))
