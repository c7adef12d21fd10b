"""What a person configured: golive.toml, the GOLIVE_* variables over it, and secret references.

The only module that reads the environment. What an option of a source means is the source's own
business (`Options` in `ingest/sources/*.py`); here it is only known which of them are secrets.

A value is looked for in this order: GOLIVE_<SECTION>_<KEY> (or GOLIVE_SOURCE_<NAME>_<OPTION>),
golive.toml in the base folder, `.golive/detected.toml` that `golive up` wrote where there is no
golive.toml, the default. A secret is never a value but a reference, `env:NAME`, `file:PATH` or
`sealed:NAME` (see `golive_core.seal`), resolved at the moment of use by `resolve`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from golive_core.endpoint import Model
from golive_core.errors import SettingsError
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

FILE = "golive.toml"
DETECTED = "detected.toml"
PREFIX = "GOLIVE_"
SOURCE_PREFIX = "GOLIVE_SOURCE_"
SCHEDULE = "*/15 * * * *"
"""Cron line of a source that names none."""
SECRET_WORDS = re.compile(
    r"(^|_)(token|password|passwd|passphrase|secret|api_?key|private_key|access_key)s?$"
)
REFERENCE = re.compile(r"(env|file|sealed):(.+)", re.DOTALL)
TOP = (
    "project", "source", "target", "monitor", "rates", "delivery", "retention", "lake", "database",
    "port", "gateway", "secrets", "model", "sign_in", "history_start", "cores",
)  # fmt: skip
MONITOR_TEXTS = ("browser", "evidence", "environment", "base")
RESERVED = ("type", "project", "schedule", "webhook_secret")
_environment = os.environ  # noqa: TID251 - the one module that the rule sends everybody to


@dataclass(frozen=True, slots=True)
class Project:
    """One `[project.<id>]`."""

    id: str
    name: str = ""
    description: str = ""
    owner: str = ""
    git_repository: str = ""
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured source: `[source.<name>]` in golive.toml. Secrets are still references.

    `[target.<name>]` is the same for what GoLive only acts on and never reads.
    """

    name: str
    type: str
    project_id: str
    options: Mapping[str, Any]
    webhook_secret: str = ""
    """The reference to the secret that its webhooks carry or are signed with; "" takes none."""


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is configured. `file` is what was read, None if there was nothing to read."""

    base: Path
    home: Path
    file: Path | None = None
    projects: Mapping[str, Project] = field(default_factory=dict[str, Project])
    instances: Mapping[str, Instance] = field(default_factory=dict[str, Instance])
    targets: Mapping[str, Instance] = field(default_factory=dict[str, Instance])
    schedules: Mapping[str, str] = field(default_factory=dict[str, str])
    monitors: Mapping[str, Monitor] = field(default_factory=dict[str, Monitor])
    rates: Rates = field(default_factory=Rates)
    delivery: Delivery = field(default_factory=Delivery)
    retention: Retention = field(default_factory=Retention)
    lake: Lake = field(default_factory=Lake)
    database: Database = field(default_factory=Database)
    ports: Ports = field(default_factory=Ports)
    gateway: Gateway = field(default_factory=Gateway)
    secrets: Secrets = field(default_factory=Secrets)
    sign_in: SignIn = field(default_factory=SignIn)
    model: Model = field(default_factory=Model)
    history_start: datetime | None = None
    cores: int = field(default_factory=_cores)

    @property
    def dagster_prefix(self) -> str:
        """Below which path Dagster serves: behind a front door it shares the name."""
        return "/dagster" if self.gateway.url else ""

    def schedule(self, instance: str) -> str:
        """Return the cron line (UTC) at which the instance is pulled."""
        return self.schedules.get(instance, SCHEDULE)

    def instance(self, name: str) -> Instance:
        """Return the instance; raises SettingsError naming near matches."""
        if name not in self.instances:
            raise SettingsError(
                f"no source is called {name!r}",
                where=self.file.name if self.file else "",
                hint=near(name, self.instances) or f"Add [source.{name}] to {FILE}",
            )
        return self.instances[name]

    def target(self, name: str) -> Instance:
        """Return what actions of that name act on: a target or a source; raises SettingsError."""
        return self.targets.get(name) or self.instance(name)


def variable(name: str, default: str = "") -> str:
    """Return one environment variable; the door for every other module."""
    return _environment.get(name, default)


def child_environment(**extra: str) -> dict[str, str]:
    """Return the environment for a child process with `extra` on top."""
    return {**_environment, **extra}


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
        for name in sorted(_environment)
        if name.startswith(PREFIX) and name not in known and not name.startswith(SOURCE_PREFIX)
    ]


def _section_variables() -> Iterator[tuple[str, str, str]]:
    """Yield section, key and variable of every setting in a table of its own."""
    for section, default in SECTIONS:
        for one in fields(default):
            yield section, one.name, f"{PREFIX}{section}_{one.name}".upper()


def base_folder(base: Path | None = None) -> Path:
    """Return the folder that golive.toml is looked for in: given, GOLIVE_BASE, or the current."""
    return (base or Path(variable("GOLIVE_BASE") or Path.cwd())).expanduser().resolve()


def home(base: Path | None = None) -> Path:
    """Return where GoLive keeps everything: GOLIVE_HOME, else `.golive` in the base folder."""
    named = variable("GOLIVE_HOME")
    if named.startswith("/"):
        return _absolute(named)
    return Path(named).expanduser().resolve() if named else base_folder(base) / ".golive"


@lru_cache(maxsize=16)
def _absolute(named: str) -> Path:
    """Return a path without links, looked up once: every request of the gateway asks for it."""
    return Path(named).resolve()


def file_of(base: Path | None = None) -> Path | None:
    """Return the file that `load` reads; None where there is none."""
    places = (base_folder(base) / FILE, home(base) / DETECTED)
    return next((path for path in places if path.is_file()), None)


_places: dict[Path, Lake] = {}
_databases: dict[Path, str] = {}
DATABASE_VARIABLE = "GOLIVE_DATABASE_URL"


def load(base: Path | None = None) -> Settings:
    """Read the settings of the folder `base`; everything has a default.

    The lake below the home becomes the copy of the bucket that they name, and what is remembered
    beside it goes to the PostgreSQL that they name. Raises SettingsError with the file, the line
    and the mend.
    """
    found = read(base)
    _places[found.home / "lake"] = found.lake
    _databases[found.home] = found.database.url
    return found


def lake_place(root: Path) -> Lake | None:
    """Return where the settings that were loaded say that the lake of `root` is, None if none."""
    return _places.get(root)


def database_url(place: Path) -> str | None:
    """Return `[database] url` of the settings that were loaded for a home, None if none were."""
    return _databases.get(place)


def read(base: Path | None = None) -> Settings:
    """Read the settings of the folder `base` and change nothing; raises SettingsError."""
    folder, place, file = base_folder(base), home(base), file_of(base)
    return parse(file.read_bytes() if file else b"", base=folder, home=place, file=file)


def parse(content: bytes, *, base: Path, home: Path, file: Path | None = None) -> Settings:
    """Return the settings that the TOML `content` and the GOLIVE_* variables make."""
    toml = Toml.read(content, file.name if file else FILE)
    _overlay(toml)
    toml.known((), toml.data, TOP)
    projects = {key: _project(toml, key) for key in toml.table("project")}
    names = list(toml.table("source"))
    targets = list(toml.table("target"))
    for name in set(names) & set(targets):
        raise toml.error(("target", name), "is a source too", "Actions find it as a source")
    cores = _cores()
    return Settings(
        base=base,
        home=home,
        file=file,
        projects=projects,
        instances={name: _instance(toml, ("source", name), projects) for name in names},
        targets={name: _instance(toml, ("target", name), projects) for name in targets},
        schedules=dict(_schedules(toml, names)),
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
        cores=max(1, toml.scalar(("cores",), toml.data.get("cores", cores), cores)),
    )


# ---------------------------------------------------------------- secrets

_resolved: set[str] = set()


def resolve(reference: str, *, base: Path | None = None) -> str:
    """Return what `env:NAME`, `file:PATH` (from the base folder) or `sealed:NAME` stands for.

    From then on `golive_core.log` masks it. Raises SettingsError if there is none.
    """
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise SettingsError(
            "a secret is given as a value",
            hint='Write "env:NAME", "file:PATH" or "sealed:NAME" instead',
        )
    kind, name = match.groups()
    if kind == "sealed":
        secret = _from_sealed(name, base)
    else:
        secret = _from_variable(name) if kind == "env" else _from_file(base_folder(base) / name)
    _resolved.add(secret)
    return secret


def resolved_secrets() -> frozenset[str]:
    """Return every secret that this process has resolved, for masking."""
    return frozenset(_resolved)


def is_secret_name(key: str) -> bool:
    """Tell whether an option of this name holds a secret: token, password, api_key, ..."""
    return SECRET_WORDS.search(key.lower()) is not None


def _from_sealed(name: str, base: Path | None) -> str:
    from golive_core.seal import sealed

    known = load(base)
    return sealed(known.home, known.secrets.key, base=base).get(name)


def _from_variable(name: str) -> str:
    secret = variable(name).strip()
    if not secret:
        raise SettingsError(
            "the secret is not set", where=f"env:{name}", hint=f"Run: export {name}=..."
        )
    return secret


def _from_file(path: Path) -> str:
    try:
        secret = path.expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret cannot be read ({type(error).__name__})",
            where=f"file:{path}",
            hint="Write it into that file, readable for you alone",
        ) from error
    if not secret:
        raise SettingsError("the secret file is empty", where=f"file:{path}")
    return secret


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


def _schedules(toml: Toml, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
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
    for variable_name in sorted(_environment):
        if variable_name.startswith(prefix):
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
