"""Everything that pages know: SQL over the lake, cached until the lake changes.

The only module of the dashboards that reads. A page asks for marts, and for a small range of core
where one build or one test is looked at. Rows come with the SQL that made them, its parameters
filled in, so that a reader can run it again with `golive sql`. Where the reader looks at a past
moment (`dashboards/moment.py`), everything here is as it was then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import polars as pl
import streamlit as st

from dashboards import moment, reader
from golive_core import quarantine, settings
from golive_core.artifacts import ArtifactStore
from golive_core.errors import GoLiveError, LakeError
from golive_core.lake import Lake
from golive_core.lake.literals import Value, filled_in
from golive_core.settings import Delivery, Ports, Rates, Settings
from golive_core.sight import Sight

Hashed = str | int | float | bool | date | datetime | None | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to one question: the rows, and the SQL that anybody can run again.

    `as_of` is the past instant that was asked about, None for now; `written_at` is when the lake
    that was read had last changed, None for one that never was written.
    """

    frame: pl.DataFrame
    sql: str
    as_of: datetime | None = None
    written_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to show."""
        return self.frame.is_empty()

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.frame.height

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows by column name."""
        return self.frame.to_dicts()

    def first(self) -> dict[str, Any]:
        """Return the first row, or an empty mapping."""
        return self.frame.row(0, named=True) if self.frame.height else {}


def lake() -> Lake:
    """Return the lake of GOLIVE_HOME; raises LakeVersionError for one of a newer GoLive."""
    return Lake(settings.home() / "lake")


def seen_lake() -> Lake:
    """Return the lake as far as the reader may see it: for whatever reads on their behalf."""
    return Lake(settings.home() / "lake", reader.sight())


def version() -> int:
    """Return the lake's version: a page that showed it is current as long as it stays."""
    return lake().version()


def rows(sql: str, **parameters: Value) -> Rows:
    """Return the rows of a SELECT with `$name` parameters, from the cache if the lake is the same.

    A table that was not computed yet gives no rows. Raises LakeError.
    """
    shown = _shown()
    text = sql.strip()
    sight = reader.sight()
    frame = _frame(shown.root, shown.n, shown.as_of, text, _hashable(parameters), sight.projects,
                   sight.closed)  # fmt: skip
    return Rows(frame, filled_in(text, parameters), shown.as_of, shown.written_at)


def artifact(sha: str) -> bytes | None:
    """Return a body of the artifact store that a row names, None where it is no longer kept."""
    return _artifact(str(settings.home()), sha)


def is_kept(sha: str) -> bool:
    """Tell whether the body that a row names is still in the artifact store."""
    return sha in ArtifactStore(settings.home())


def none(sql: str, **parameters: Value) -> Rows:
    """Return no rows of a SELECT that cannot be asked yet."""
    shown = _shown()
    text = filled_in(sql.strip(), parameters)
    return Rows(pl.DataFrame(), text, shown.as_of, shown.written_at)


def written_at() -> datetime | None:
    """Return when the lake that is shown had last changed, None for one never written."""
    return _shown().written_at


def kept_since() -> datetime | None:
    """Return the instant from which the past can be shown, None for an empty lake."""
    return _kept_since(str(lake().root), version())


def missing(tables: Iterable[str]) -> list[str]:
    """Return the tables among these that nobody has written yet."""
    return [name for name in tables if name not in _shown().tables]


def rates() -> Rates:
    """Return what machine and person time cost; the defaults where the settings are broken."""
    try:
        return _settings(str(settings.base_folder())).rates
    except GoLiveError:
        return Rates()


def delivery() -> Delivery:
    """Return what counts as a failed deployment; the defaults where the settings are broken."""
    try:
        return _settings(str(settings.base_folder())).delivery
    except GoLiveError:
        return Delivery()


def dagster_url() -> str:
    """Return where Dagster is: behind the front door, or on this machine."""
    try:
        known = _settings(str(settings.base_folder()))
    except GoLiveError:
        return f"http://127.0.0.1:{Ports().dagster}"
    root = known.gateway.url.rstrip("/") or f"http://127.0.0.1:{known.ports.dagster}"
    return f"{root}{known.dagster_prefix}"


def sign_in_url(to: str = "") -> str:
    """Return where people sign in, and come back to the path `to`."""
    return gateway_url(f"/sign-in?{urlencode({'to': to})}" if to else "/sign-in")


def gateway_url(path: str) -> str:
    """Return the address of a path of the gateway: behind the front door, or on the host in use."""
    try:
        known = _settings(str(settings.base_folder()))
    except GoLiveError:
        return f"http://127.0.0.1:{Ports().gateway}{path}"
    # The cookie belongs to a host: localhost and 127.0.0.1 are two.
    host = urlsplit(st.context.url or "").hostname or "127.0.0.1"
    root = known.gateway.url.rstrip("/") or f"http://{host}:{known.ports.gateway}"
    return f"{root}{path}"


def set_aside() -> list[quarantine.Entry]:
    """Return the entries of the quarantine file beside golive.toml; raises UsageError."""
    return _set_aside(str(settings.base_folder()))


@dataclass(frozen=True, slots=True)
class TableSize:
    """One table on disk: rows now, and files with those that older versions still need."""

    table: str
    rows: int
    files: int
    size_bytes: int


def table_sizes() -> list[TableSize]:
    """Return the size of every table, largest first."""
    return _table_sizes(str(lake().root), version())


@dataclass(frozen=True, slots=True)
class Shown:
    """What is looked at: a version of the lake, its tables, and when it was written."""

    root: str
    n: int
    as_of: datetime | None
    written_at: datetime | None
    tables: frozenset[str]


def _shown() -> Shown:
    place, as_of = lake(), moment.as_of()
    return _version_of(str(place.root), place.version(), as_of)


@st.cache_data(show_spinner=False, max_entries=64, ttl="1h")
def _version_of(root: str, newest: int, as_of: datetime | None) -> Shown:
    found = Lake(root).manifest(as_of)
    return Shown(root, found.n, as_of, found.committed_at if found.n else None,
                 frozenset(found.tables))  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=4, ttl="1h")
def _kept_since(root: str, newest: int) -> datetime | None:
    return Lake(root).kept_since()


@st.cache_data(show_spinner=False, max_entries=400, ttl="1h")
def _frame(
    root: str, n: int, as_of: datetime | None, sql: str,
    parameters: tuple[tuple[str, Hashed], ...], projects: tuple[str, ...], closed: tuple[str, ...],
) -> pl.DataFrame:  # fmt: skip
    existing = _version_of(root, n, as_of).tables
    if any(name not in existing for name in re.findall(r"\bmarts\.[a-z_]+", sql)):
        return pl.DataFrame()
    values = {name: _plain(value) for name, value in parameters}
    return Lake(root, Sight(projects, closed)).query(sql, values or None, as_of=as_of)


@st.cache_data(show_spinner=False, max_entries=200, ttl="10m")
def _artifact(home: str, sha: str) -> bytes | None:
    try:
        return ArtifactStore(Path(home)).get(sha)
    except LakeError:
        return None


@st.cache_data(show_spinner=False, ttl="1m")
def _settings(base: str) -> Settings:
    return settings.load(Path(base))


@st.cache_data(show_spinner=False, ttl="1m")
def _set_aside(base: str) -> list[quarantine.Entry]:
    files = (Path(base) / name for name in quarantine.FILES)
    return [entry for path in files for entry in quarantine.read(path)]


@st.cache_data(show_spinner=False, max_entries=2, ttl="10m")
def _table_sizes(root: str, at_version: int) -> list[TableSize]:
    place = Lake(root)
    sizes = [_size_of(place, name) for name in place.tables()]
    return sorted(sizes, key=lambda size: -size.size_bytes)


def _size_of(place: Lake, name: str) -> TableSize:
    folder = place.root.joinpath(*name.split("."))
    files = [path.stat().st_size for path in folder.rglob("*.parquet")]
    return TableSize(name, place.rows(name), len(files), sum(files))


def _plain(value: Hashed) -> Value:
    return cast("Value", list(value)) if isinstance(value, tuple) else value


def _hashable(parameters: Mapping[str, Value]) -> tuple[tuple[str, Hashed], ...]:
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(parameters.items())
    )
