"""`golive doctor`: what is wrong and how to mend it, from the ground up to each source."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from golive_cli.output import Json, emit, say, show, size
from golive_core.errors import GoLiveError
from golive_core.settings import Settings, unknown_variables
from golive_core.toml import near

if TYPE_CHECKING:
    from ingest.source import Finding

OLDEST_PYTHON = (3, 11)
LEAST_BYTES = 200_000_000
FEW_BYTES = 2_000_000_000


def command(as_json: Json = False) -> None:
    """Check Python, Git, settings, home, disk, lake, ports and each source; exit 1 on a failure."""
    found = list(_all())
    if as_json:
        emit([
            {"where": where, "check": one.check, "state": one.state, "detail": one.detail,
             "hint": one.hint}
            for where, one in found
        ])  # fmt: skip
    else:
        _tell(found)
    if any(one.state == "failed" for _, one in found):
        raise typer.Exit(1)


def _tell(found: list[tuple[str, Finding]]) -> None:
    show(
        ["", "check", "state", "detail"],
        [(where, one.check, one.state, one.detail) for where, one in found],
    )
    for where, one in found:
        if one.state != "ok" and one.hint:
            say(f"{where}, {one.check}: {one.hint}")


def _all() -> Iterator[tuple[str, Finding]]:
    from golive_cli.folder import configured

    for check in (_python, _git, _variables):
        yield from _named("machine", "machine", check)
    try:
        settings = configured()
    except GoLiveError as error:
        yield "settings", _failed("golive.toml", error)
        return
    yield "settings", _ok("golive.toml", str(settings.file or "nothing found to read"))
    for check in (_disk, _lake, _ports):
        yield from _named("home", "home", lambda check=check: check(settings))
    yield from _sources(settings)


def _named(
    where: str, name: str, check: Callable[[], Iterable[Finding]]
) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of a check; an error of it is one too."""
    try:
        for one in check():
            yield where, one
    except GoLiveError as error:
        yield where, _failed(name, error)


def _ok(check: str, detail: str) -> Finding:
    from ingest.source import Finding

    return Finding(check, "ok", detail)


def _failed(check: str, error: GoLiveError) -> Finding:
    from ingest.source import Finding

    detail = f"{error.where}: {error.what}" if error.where else error.what
    return Finding(check, "failed", detail, error.hint)


def _python() -> Iterator[Finding]:
    from ingest.source import Finding

    version = ".".join(str(part) for part in sys.version_info[:3])
    is_new = sys.version_info[:2] >= OLDEST_PYTHON
    yield Finding("python", "ok" if is_new else "failed", version, "GoLive needs 3.11 or newer")


def _git() -> Iterator[Finding]:
    from ingest.git_command import require, version

    require("git")
    yield _ok("git", ".".join(str(part) for part in version()))


def _variables() -> Iterator[Finding]:
    from ingest.source import Finding

    for name, known in unknown_variables():
        yield Finding("environment", "warning", f"{name} is not known", near(name, known))


def _disk(settings: Settings) -> Iterator[Finding]:
    from golive_cli.folder import prepared
    from ingest.source import Finding

    home = prepared(settings.home)
    probe = home / ".doctor"
    try:
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        yield Finding("writable", "failed", f"{home}: {error.strerror}", "Make it writable")
        return
    yield _ok("writable", str(home))
    free = shutil.disk_usage(home).free
    state = "ok" if free > FEW_BYTES else "warning" if free > LEAST_BYTES else "failed"
    yield Finding("disk", state, f"{size(free)} free", "Make room, or move GOLIVE_HOME")


def _lake(settings: Settings) -> Iterator[Finding]:
    from golive_core.lake import Lake

    lake = Lake(settings.home / "lake")
    yield _ok("lake", f"version {lake.version()}, {len(lake.tables())} tables")


def _ports(settings: Settings) -> Iterator[Finding]:
    from golive_cli.serve.ports import asked, holder, is_free
    from golive_cli.serve.running import running
    from ingest.source import Finding

    mine = running(settings.home)
    for name, port in asked(settings).items():
        if is_free(port):
            yield _ok(f"port {name}", f"{port} is free")
        elif mine and port in mine.ports.values():
            yield _ok(f"port {name}", f"{port} serves this folder")
        else:
            hint = f"golive up --port-{name} N, or GOLIVE_PORT_{name.upper()}=N"
            yield Finding(f"port {name}", "warning", f"{port} is used by {holder(port)}", hint)


def _sources(settings: Settings) -> Iterator[tuple[str, Finding]]:
    from ingest import registry
    from ingest.source import Context

    context = Context(home=settings.home, base=settings.base)
    for name, instance in settings.instances.items():
        yield from _named(
            name, instance.type, lambda one=instance: registry.build(one, context).check()
        )
