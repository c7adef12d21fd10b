"""`golive doctor`: what is wrong and how to mend it, from the ground up to each source."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import typer

from golive_cli.output import Json, ago, emit, say, show, size
from golive_core.errors import GoLiveError, SourceThrottledError
from golive_core.settings import Settings, unknown_variables
from golive_core.toml import near

if TYPE_CHECKING:
    from ingest.source import Finding

OLDEST_PYTHON = (3, 11)
LEAST_BYTES = 200_000_000
FEW_BYTES = 2_000_000_000
MISSED_TICKS = 3
"""Ticks of a schedule without a success after which doctor warns."""
RENEWED = timedelta(minutes=15)
"""How late a success without news is noted (`RENEW_AFTER` of assets/health.py, slow to import)."""


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
    for check in (_disk, _encryption, _secrets, _lake, _database, _ports):
        yield from _named("home", "home", lambda check=check: check(settings))
    yield from _sources(settings)


def _named(
    where: str, name: str, check: Callable[[], Iterable[Finding]]
) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of a check; an error of it is one too."""
    from ingest.doctor import failed

    try:
        for one in check():
            yield where, one
    except SourceThrottledError as error:
        yield where, failed(error)
    except GoLiveError as error:
        yield where, _failed(name, error)


def _ok(check: str, detail: str) -> Finding:
    from ingest.source import Finding

    return Finding(check, "ok", detail)


def _failed(check: str, error: GoLiveError) -> Finding:
    from ingest.source import Finding

    detail = f"{error.where}: {error.what}" if error.where else error.what
    return Finding(check, "failed", detail, error.hint)


def _database(settings: Settings) -> Iterator[Finding]:
    """Ask the PostgreSQL that gateways share, where one is named; a table is made if need be."""
    if not settings.database.url:
        return
    from golive_core.inbox import Inbox

    try:
        inbox = Inbox(settings.home)
        waiting = inbox.depth()
    except GoLiveError as error:
        yield _failed("database", error)
        return
    yield _ok("database", f"{inbox.where}, {waiting:,} deliveries wait")


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
    from golive_core.backup.contents import unfinished
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
    if left := unfinished(home):
        hint = "Restore again with --force; what was there before lies in it until then"
        yield Finding("restore", "failed", f"it was cut off: {', '.join(left)}", hint)
    free = shutil.disk_usage(home).free
    state = "ok" if free > FEW_BYTES else "warning" if free > LEAST_BYTES else "failed"
    yield Finding("disk", state, f"{size(free)} free", "Make room, or move GOLIVE_HOME")


def _encryption(settings: Settings) -> Iterator[Finding]:
    """Tell whether the volume is encrypted; on a shared server it should be."""
    from golive_core.volume import is_encrypted
    from ingest.source import Finding

    found = is_encrypted(settings.home)
    if found is None:
        yield _ok("encryption", "cannot be told here")
    elif found:
        yield _ok("encryption", "on an encrypted volume")
    else:
        state = "warning" if settings.gateway.url else "ok"
        hint = "Put .golive on an encrypted volume: docs/front_door.md"
        yield Finding("encryption", state, "the volume is not encrypted by this machine", hint)


def _secrets(settings: Settings) -> Iterator[Finding]:
    """Tell whether what is sealed can be opened."""
    from golive_core import seal

    names = seal.names(settings.home)
    if names:
        box = seal.sealed(settings.home, settings.secrets.key, base=settings.base)
        for name in names:
            box.get(name)
        yield _ok("sealed secrets", f"{len(names)}, all opened with key {box.key_id}")


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
    healths = _healths(settings)
    for name, instance in settings.instances.items():
        yield from _named(
            name, instance.type, lambda one=instance: registry.build(one, context).check()
        )
        yield name, lag(settings, name, healths.get(name), datetime.now(UTC))


def _healths(settings: Settings) -> dict[str, dict[str, Any]]:
    from golive_core.lake import Lake

    try:
        rows = Lake(settings.home / "lake").query("select * from ops.source_health").to_dicts()
    except GoLiveError:
        return {}  # said above: the lake has a line of its own
    return {row["instance"]: row for row in rows}


def lag(settings: Settings, name: str, health: dict[str, Any] | None, now: datetime) -> Finding:
    """Compare the last success with the schedule: a pull that is missed once is no fault.

    `health` is the row of ops.source_health, which is renewed late where nothing is new.
    """
    from golive_core import cron
    from ingest.source import Finding

    ask, line = f"golive ingest {name}", settings.schedule(name)
    if health is None:
        return Finding("lag", "warning", "it was never pulled", f"{ask}, or golive up")
    newest = f"newest event {ago(health['newest_at'], now)}"
    if health["status"] == "paused":
        return Finding("lag", "ok", f"paused, last success {ago(health['succeeded_at'], now)}")
    if health["succeeded_at"] is None:
        hint = f"{health['hint'] or 'See what it says above'}; then {ask}"
        return Finding("lag", "warning", "no pull has worked yet", hint)
    told = f"last success {ago(health['succeeded_at'], now)}, {newest}"
    missed = cron.ticks(line, health["succeeded_at"] + RENEWED, now)
    if len(list(islice(missed, MISSED_TICKS))) < MISSED_TICKS:
        return Finding("lag", "ok", told)
    schedule = f"every_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
    return Finding(
        "lag", "warning", f"{told}; its schedule is {line}",
        f"{ask} shows what stops it. golive up runs the schedule {schedule}: see its ticks in "
        f"Dagster, http://127.0.0.1:{settings.ports.dagster}/automation",
    )  # fmt: skip
