"""Sources that exist for one command: `golive ingest junit PATH...`, `golive ingest git PATH`.

Such a source has the name of a configured one of its type that reads the same place, so that
nothing is loaded under two names; else `<project>-<type>`, but where `golive init` calls another
type so.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from assets.workspace import Workspace
from golive_cli.detect import OTHERS
from golive_core import settings
from golive_core.errors import UsageError
from golive_core.settings import Instance, Project, Settings
from golive_core.toml import near
from ingest import registry
from ingest.source import Source

WORDS = {"reports": OTHERS}
"""In place of a type: `golive init` calls the JUnit reports of a project `<project>-reports`."""


def once(kind: str, paths: Sequence[str], project: str, options: Mapping[str, str]) -> Workspace:
    """Return a workspace with one instance that reads `paths` for `project`.

    `kind` is a source type or an alias of one.

    Raises UsageError or SettingsError for a type, a path or an option that cannot be.
    """
    from golive_cli.folder import prepared

    source = registry.named(kind) or registry.source(kind)
    found = settings.load()
    prepared(found.home)
    owner = _project(found, project, paths)
    instance = _instance(found, source, owner, [_absolute(found, path) for path in paths], options)
    return Workspace.load(
        dataclasses.replace(
            found,
            instances={instance.name: instance},
            projects={**found.projects, owner.id: owner},
        )
    )


def _project(found: Settings, named: str, paths: Sequence[str]) -> Project:
    """Return the project: the one named, the only one there is, or one after the first path."""
    if named in found.projects:
        return found.projects[named]
    if not named and len(found.projects) == 1:
        return next(iter(found.projects.values()))
    if not named and found.projects:
        raise UsageError("whose are they?", hint=f"Add --project {'|'.join(found.projects)}")
    if named and found.file and found.file.name == settings.FILE:
        hint = near(named, found.projects) or f"Add [project.{named}] to {settings.FILE}"
        raise UsageError(f"there is no project {named!r}", where=settings.FILE, hint=hint)
    from golive_cli.detect import Detected

    made = Detected(Path(paths[0]).resolve(), None, named or _remote(paths[0]), (), (), ())
    return Project(made.project_id, made.project_name)


def _remote(path: str) -> str | None:
    return path if re.match(r"\w+://|[\w.-]+@[\w.-]+:", path) else None


def _instance(
    found: Settings, source: type[Source], project: Project, places: list[str],
    options: Mapping[str, str],
) -> Instance:  # fmt: skip
    fields = source.Options.model_fields
    wrong = [key for key in options if key not in fields]
    if wrong:
        raise UsageError(f"--{wrong[0]} is not for {source.type}", hint="See: golive sources")
    if "paths" in fields:
        reading: dict[str, object] = {"paths": places, **options}
    elif "path" in fields and len(places) == 1:
        reading = {"path": places[0], **options}
    else:
        what = "one place at a time" if "path" in fields else "no files"
        hint = f"It is configured in {settings.FILE}; see: golive sources {source.type}"
        raise UsageError(f"{source.type} reads {what}", hint=hint)
    name = (
        _same(found, source.type, reading) or f"{project.id}-{WORDS.get(source.type, source.type)}"
    )
    return Instance(name, source.type, project.id, reading)


def _same(found: Settings, kind: str, reading: Mapping[str, object]) -> str | None:
    """Return the configured instance that reads the same single place."""
    for one in found.instances.values():
        place = one.options.get("path") or one.options.get("url")
        if one.type == kind and place and _absolute(found, str(place)) == reading.get("path"):
            return one.name
    return None


def _absolute(found: Settings, path: str) -> str:
    """Return a path or glob from the current folder as an absolute one; a URL as it is."""
    if _remote(path):
        return path
    return str(Path(found.base / Path(path).expanduser()).resolve())
