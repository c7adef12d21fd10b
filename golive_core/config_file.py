"""golive.toml to settings, the GOLIVE_* variables laid over it; slips are told with their line.

What an option of a source means is the source's own business (`Options` in `ingest/sources/*.py`);
here it is only known which of them are secrets.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from golive_core.configured import FILE, SCHEDULE, Instance, Project, Settings, cores
from golive_core.endpoint import Model
from golive_core.environment import names, variable
from golive_core.references import REFERENCE, is_secret_name
from golive_core.sections import (
    Database,
    Delivery,
    Gateway,
    Lake,
    Monitor,
    Ports,
    Rates,
    Retention,
    Secrets,
    Section,
    SignIn,
)
from golive_core.toml import Table, Toml, near

PREFIX = "GOLIVE_"
SOURCE_PREFIX = "GOLIVE_SOURCE_"
DATABASE_VARIABLE = "GOLIVE_DATABASE_URL"
TOP = (
    "project", "source", "target", "monitor", "rates", "delivery", "retention", "lake", "database",
    "port", "gateway", "secrets", "model", "sign_in", "history_start", "cores",
)  # fmt: skip
MONITOR_TEXTS = ("browser", "evidence", "environment", "base")
RESERVED = ("type", "project", "schedule", "webhook_secret")
OWN_VARIABLES = (
    "GOLIVE_HOME", "GOLIVE_BASE", "GOLIVE_LOG", "GOLIVE_LOG_LEVEL", "GOLIVE_DEBUG",
    "GOLIVE_SIGN_IN", "GOLIVE_SHARED", "GOLIVE_HISTORY_START", "GOLIVE_CORES",
)  # fmt: skip
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("rates", Rates()), ("delivery", Delivery()), ("retention", Retention()), ("lake", Lake()),
    ("database", Database()), ("port", Ports()),
    ("gateway", Gateway()), ("secrets", Secrets()), ("sign_in", SignIn()),
    ("model", Model()),
)  # fmt: skip


def unknown_variables() -> list[tuple[str, list[str]]]:
    """Return GOLIVE_* variables that nobody reads, each with the known ones: slips, mostly."""
    known = [*OWN_VARIABLES, *(name for _, _, name in _section_variables())]
    return [
        (name, known)
        for name in names(PREFIX)
        if name not in known and not name.startswith(SOURCE_PREFIX)
    ]


def _section_variables() -> Iterator[tuple[str, str, str]]:
    """Yield section, key and variable of every setting in a table of its own."""
    for section, default in SECTIONS:
        for one in fields(default):
            yield section, one.name, f"{PREFIX}{section}_{one.name}".upper()


def parse(content: bytes, *, base: Path, home: Path, file: Path | None = None) -> Settings:
    """Return the settings that the TOML `content` and the GOLIVE_* variables make."""
    toml = Toml.read(content, file.name if file else FILE)
    _overlay(toml)
    toml.known((), toml.data, TOP)
    projects = {key: _project(toml, key) for key in toml.table("project")}
    sources = list(toml.table("source"))
    targets = list(toml.table("target"))
    for name in set(sources) & set(targets):
        raise toml.error(("target", name), "is a source too", "Actions find it as a source")
    usable = cores()
    return Settings(
        base=base,
        home=home,
        file=file,
        projects=projects,
        instances={name: _instance(toml, ("source", name), projects) for name in sources},
        targets={name: _instance(toml, ("target", name), projects) for name in targets},
        schedules=dict(_schedules(toml, sources)),
        monitors={name: _monitor(toml, name, projects) for name in toml.table("monitor")},
        rates=toml.section("rates", Rates()),
        delivery=toml.section("delivery", Delivery()),
        retention=toml.section("retention", Retention()),
        lake=toml.section("lake", Lake()),
        database=_database(toml),
        ports=toml.section("port", Ports()),
        gateway=toml.section("gateway", Gateway()),
        secrets=toml.section("secrets", Secrets()),
        model=_model(toml),
        sign_in=_sign_in(toml),
        history_start=toml.instant(("history_start",)),
        cores=max(1, toml.scalar(("cores",), toml.data.get("cores", usable), usable)),
    )


# ---------------------------------------------------------------- shaping values


def _model(toml: Toml) -> Model:
    _refuse_literals(toml, ("model",), toml.table("model"))
    return toml.section("model", Model())


def _project(toml: Toml, key: str) -> Project:
    toml.slug(("project", key))
    filled = toml.section(("project", key), Project(key), skip=("id",))
    return filled if filled.name else replace(filled, name=key)


def _database(toml: Toml) -> Database:
    found = toml.section("database", Database())
    _refuse_literal(toml, ("database", "url"), found.url)
    return found


def _sign_in(toml: Toml) -> SignIn:
    _refuse_literals(toml, ("sign_in",), toml.table("sign_in"))
    return toml.section("sign_in", SignIn())


def _instance(toml: Toml, path: tuple[str, str], projects: Mapping[str, Project]) -> Instance:
    name = path[1]
    toml.slug(path)
    raw = toml.table(*path)
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise toml.error(path, "has no type", 'For example type = "git"; see golive sources')
    options = {key: value for key, value in raw.items() if key not in RESERVED}
    _refuse_literals(toml, path, {key: raw[key] for key in raw if key not in ("type", "project")})
    project = _project_of(toml, path, raw.get("project"), projects)
    return Instance(name, kind, project, options, str(raw.get("webhook_secret", "")))


def _project_of(
    toml: Toml, path: tuple[str, ...], named: object, projects: Mapping[str, Project]
) -> str:
    if named is None and len(projects) == 1:
        return next(iter(projects))
    if named is None:
        raise toml.error(path, "names no project", 'Add project = "..."')
    if not isinstance(named, str) or named not in projects:
        hint = near(str(named), projects) or f"Add [project.{named}]"
        raise toml.error((*path, "project"), f"{named!r} is not declared", hint)
    return named


def _monitor(toml: Toml, name: str, projects: Mapping[str, Project]) -> Monitor:
    path = ("monitor", name)
    toml.slug(path)
    raw = toml.table(*path)
    project = _project_of(toml, path, raw.get("project"), projects)
    paths = _texts(raw.get("paths"))
    if not paths:
        raise toml.error(path, "names no paths", 'For example paths = ["journeys/"]')
    blank = Monitor(name, project, tuple(paths))
    line = _cron(toml, (*path, "schedule"), raw.get("schedule", blank.schedule))
    toml.known(path, raw, ["project", "paths", "schedule", *MONITOR_TEXTS])
    given = {
        key: toml.scalar((*path, key), raw[key], getattr(blank, key))
        for key in MONITOR_TEXTS if key in raw
    }  # fmt: skip
    return replace(blank, schedule=line, **given)


def _schedules(toml: Toml, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in sources:
        line = toml.table("source", name).get("schedule")
        if line is not None:  # the scheduler staggers those that name none
            yield name, _cron(toml, ("source", name, "schedule"), line)


def _cron(toml: Toml, path: tuple[str, ...], line: object) -> str:
    if not isinstance(line, str) or len(line.split()) != len(SCHEDULE.split()):
        hint = 'Five fields of cron, for example "*/15 * * * *"'
        raise toml.error(path, "is not a cron line", hint)
    return line


def _refuse_literals(toml: Toml, path: tuple[str, ...], table: Mapping[str, object]) -> None:
    """Refuse a secret that stands in the file, without ever repeating it."""
    for key, value in table.items():
        for text in _texts(value):
            _refuse_literal(toml, (*path, key), text)
        if isinstance(value, dict):
            _refuse_literals(toml, (*path, key), cast("Table", value))


def _texts(value: object) -> list[str]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]


def _refuse_literal(toml: Toml, path: tuple[str, ...], value: str) -> None:
    key = path[-1]
    if is_secret_name(key) and value and not REFERENCE.fullmatch(value):
        name = re.sub(r"\W", "_", f"{path[-2]}_{key}").upper()
        hint = f'Write {key} = "env:{name}" and set that variable, or "file:PATH"'
        raise toml.error(path, "holds a secret as plain text", hint)
    if _password_in_url(value):
        hint = "Take user and password out of the URL; name them as user and token"
        raise toml.error(path, "holds a password inside a URL", hint)


def _password_in_url(value: str) -> bool:
    try:
        return "://" in value and bool(urlsplit(value).password)
    except ValueError:
        return False


# ---------------------------------------------------------------- GOLIVE_* over the file


def _overlay(toml: Toml) -> None:
    """Lay the GOLIVE_* variables over the file's values, in place."""
    for section, key, name in _section_variables():
        table = toml.table(section)
        _take(table, key, name)
        toml.data[section] = table
    for key in ("history_start", "cores"):
        _take(toml.data, key, f"{PREFIX}{key}".upper())
    for name in toml.table("source"):
        _overlay_source(name, toml.table("source", name))


def _overlay_source(name: str, options: Table) -> None:
    prefix = f"{SOURCE_PREFIX}{re.sub('[.-]', '_', name)}_".upper()
    for variable_name in names(prefix):
        _take(options, variable_name.removeprefix(prefix).lower(), variable_name)


def _take(table: Table, key: str, name: str) -> None:
    """Put the variable `name`, if it is set, under `key`; a secret stays a reference to it."""
    value = variable(name)
    if value:
        is_secret = is_secret_name(key) or name == DATABASE_VARIABLE
        plain_secret = is_secret and not REFERENCE.fullmatch(value)
        table[key] = f"env:{name}" if plain_secret else _typed(value)


def _typed(value: str) -> object:
    """Return lists, tables and truths as TOML has them; everything else stays text."""
    if value[0] not in "[{" and value not in ("true", "false"):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value
