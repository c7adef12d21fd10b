"""What a person configured: golive.toml, the GOLIVE_* variables over it, and secret references.

A value is looked for in this order: GOLIVE_<SECTION>_<KEY> (or GOLIVE_SOURCE_<NAME>_<OPTION>),
golive.toml in the base folder, `.golive/detected.toml` that `golive up` wrote where there is no
golive.toml, the default. This is the door for every other module: its parts are the environment,
what can be configured, reading the file, and references to secrets.
"""

from __future__ import annotations

from pathlib import Path

from golive_core.config_file import (
    DATABASE_VARIABLE,
    OWN_VARIABLES,
    PREFIX,
    RESERVED,
    SECTIONS,
    SOURCE_PREFIX,
    parse,
    unknown_variables,
)
from golive_core.configured import DETECTED, FILE, SCHEDULE, Instance, Project, Settings
from golive_core.environment import base_folder, child_environment, home, variable
from golive_core.references import (
    REFERENCE,
    is_secret_name,
    resolve,
    resolved_secrets,
)
from golive_core.sections import Delivery, Gateway, Lake, Ports, Rates, Retention, SignIn

__all__ = [
    "DATABASE_VARIABLE", "DETECTED", "FILE", "OWN_VARIABLES", "PREFIX", "REFERENCE", "RESERVED",
    "SCHEDULE", "SECTIONS", "SOURCE_PREFIX", "Delivery", "Gateway", "Instance", "Lake", "Ports",
    "Project", "Rates", "Retention", "Settings", "SignIn", "base_folder", "child_environment",
    "database_url", "file_of", "home", "is_secret_name", "lake_place", "load", "parse", "read",
    "resolve", "resolved_secrets", "unknown_variables", "variable",
]  # fmt: skip


def file_of(base: Path | None = None) -> Path | None:
    """Return the file that `load` reads; None where there is none."""
    places = (base_folder(base) / FILE, home(base) / DETECTED)
    return next((path for path in places if path.is_file()), None)


_places: dict[Path, Lake] = {}
_databases: dict[Path, str] = {}


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
