"""`golive erase-person`: takes a person out of everything that is kept, and proves it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show, size
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_core.erasure.perform import Changes
    from golive_core.erasure.proof import Proof


def command(
    who: Annotated[str, typer.Argument(help="An e-mail address, a full name or a login.")] = "",
    also: Annotated[
        list[str] | None, typer.Option(help="Another address, name or login of them; repeat.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Nothing but what is named: no names found beside it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show where; change nothing.")] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Everybody erased before: after an old backup came back."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Erase a person: golive erase-person ada@example.org --dry-run shows what would go."""
    from golive_core.settings import home

    if again:
        _again(home(), as_json)
        return
    if not who:
        raise UsageError("who?", hint="golive erase-person ada@example.org --dry-run")
    names = _names(home(), who, also or [], only=only)
    if dry_run:
        _preview(home(), names, as_json)
    else:
        _erase(home(), names, as_json)


def _names(home: Path, who: str, also: list[str], *, only: bool) -> list[str]:
    from golive_core.erasure.known import kind_of
    from golive_core.erasure.person import names_of
    from golive_core.lake import Lake

    if only:
        return [text for text in dict.fromkeys([who, *also]) if kind_of(text)]
    return names_of(Lake(home / "lake"), who, also)


def _preview(home: Path, names: list[str], as_json: bool) -> None:
    from golive_core.erasure.proof import prove

    found = prove(home, names)
    if as_json:
        emit({"names": names, "found": found.left})
        return
    say(f"Called: {', '.join(names)}")
    show(["where", "times"], sorted(found.left.items()))
    say("Nothing was changed. --only leaves out what is called so beside the name you gave.")


def _erase(home: Path, names: list[str], as_json: bool) -> None:
    from golive_core.erasure import known
    from golive_core.erasure.proof import prove
    from golive_core.lake import Lake

    (home / "lake").mkdir(parents=True, exist_ok=True)
    pseudonym = known.add(home / "lake", names).pseudonym
    Lake(home / "lake").share_erased()
    changes = _perform(home, pseudonym)
    proof = prove(home, names)
    report = _written(home, pseudonym, changes, proof)
    if as_json:
        emit({**report, "names": names})
    else:
        _tell(pseudonym, changes, proof)
        say(f"The proof: {home / 'erasures' / f'{pseudonym}.json'}")
        say("Backups made before still have them: see docs/operations.md, Erasing a person.")
    if proof.left:
        raise typer.Exit(1)


def _again(home: Path, as_json: bool) -> None:
    changes = _perform(home, "everybody erased before")
    if as_json:
        emit(asdict(changes))
    else:
        say(f"{sum(changes.rows.values()):,} rows, {changes.artifacts} artifacts changed.")


def _perform(home: Path, target: str) -> Changes:
    """Erase twice: rows that were on their way in when the list was written came meanwhile."""
    from golive_actions import audit
    from golive_cli.person import user
    from golive_core.erasure.perform import erase
    from golive_core.lake import Lake

    lake, changes = Lake(home / "lake"), erase(home)
    subject = audit.Subject(user(), "golive.erase_person", target, "")
    audit.rechain(lake, subject, {"rows": changes.rows, "artifacts": changes.artifacts})
    for table, rows in erase(home).rows.items():
        changes.rows[table] = changes.rows.get(table, 0) + rows
    lake.forget_past()
    return changes


def _written(home: Path, pseudonym: str, changes: Changes, proof: Proof) -> dict[str, Any]:
    """Keep what was searched and changed, without a name of the person, and return it."""
    report = {
        "pseudonym": pseudonym, "at": datetime.now(UTC).isoformat(), "changed": asdict(changes),
        "searched": asdict(proof), "is_erased": not proof.left,
    }  # fmt: skip
    folder = home / "erasures"
    folder.mkdir(exist_ok=True)
    (folder / f"{pseudonym}.json").write_text(json.dumps(report, indent=1))
    return report


def _tell(pseudonym: str, changes: Changes, proof: Proof) -> None:
    rows = [*changes.rows.items(), *changes.cells.items()]
    rows += [("artifacts", changes.artifacts)] if changes.artifacts else []
    rows += [(name, 1) for name in changes.files]
    show(["changed", "rows"], rows)
    say(f"{pseudonym} stands for them now. Searched: {proof.columns} columns of {proof.tables} "
        f"tables with {proof.rows:,} rows, {proof.parquet_files} Parquet files, "
        f"{proof.artifacts} artifacts, {proof.databases} databases, {proof.other_files} other "
        f"files; {size(proof.size_bytes)}.")  # fmt: skip
    if proof.left:
        show(["left in", "times"], sorted(proof.left.items()))
        say("Something is left: a writer was at work, or it is no text. Run it again in a minute.")
    else:
        say("0 left.")
