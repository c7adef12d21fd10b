"""REST checks of an OpenAPI description, run several times against its server."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import typer

from golive_cli.output import emit, messages, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_agents.rest_tests import RestCheck

FORMATS = (".json", ".yaml", ".yml")
LOCAL = ("127.0.0.1", "localhost", "::1")


def from_description(
    path: Path, *, base: str, runs: int, write: Path | None, as_json: bool
) -> None:
    """Write, try and tell the checks of a description; exits with 1 where none holds."""
    from golive_agents.rest_tests import checks

    raw = _read(path)
    server = base or _own(raw)
    if not server.startswith(("http://", "https://")):
        raise UsageError(
            "where does its server run?", where=str(path),
            hint="--base http://...: only one of this machine is asked without being named",
        )  # fmt: skip
    every = checks(raw, server)
    wanted = [one for one in every if one.document]
    with messages().status(f"{len(wanted)} operations are asked for ..."):
        wrong = _tried(wanted, runs)
    kept = [one for one in wanted if one.label not in wrong]
    if as_json:
        emit(
            {
                "kept": [{"operation": one.label, "document": one.document} for one in kept],
                "dropped": wrong | {one.label: one.why for one in every if not one.document},
            }
        )
    else:
        _tell(every, kept, wrong, is_printed=write is None)
    for one in kept if write else ():
        _write(one, write or Path())
    if not kept:
        raise typer.Exit(1)


def _own(raw: dict[str, Any]) -> str:
    """Return the server that a description names, if it is this machine; "" for none."""
    servers = cast("list[dict[str, Any]]", raw.get("servers") or [])
    urls = (str(one.get("url", "")) for one in servers)
    return next((url for url in urls if urlsplit(url).hostname in LOCAL), "")


def _read(path: Path) -> dict[str, Any]:
    """Return a description; raises UsageError for what is none."""
    import yaml

    try:
        raw = yaml.safe_load(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"it cannot be read: {error}", where=str(path)) from error
    if not isinstance(raw, dict) or "paths" not in raw:
        raise UsageError("it is no OpenAPI description: it has no paths", where=str(path))
    return cast("dict[str, Any]", raw)


def _tried(wanted: Sequence[RestCheck], runs: int) -> dict[str, str]:
    """Return why operations do not hold, by label: each is asked `runs` times."""
    from golive_runner import isolated
    from golive_runner.job import Job

    wrong: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="golive-rest-") as folder:
        folders = (Path(folder) / str(number) for number in range(len(wanted)))
        files = {_write(one, next(folders)): one.label for one in wanted}
        for _ in range(runs):
            left = [str(file) for file, label in files.items() if label not in wrong]
            if not left:
                break
            job = Job(tuple(left), folder, folder, keep="none", retries=0)
            done = isolated.run(job)
            labels = {str(file.relative_to(folder)): label for file, label in files.items()}
            for one in done.attempts:
                if one.status != "passed":
                    wrong.setdefault(labels[one.file or one.suite], one.message or one.status)
            wrong |= {files[Path(file)]: why for file, why in done.wrong.items()}
    return wrong


def _write(one: RestCheck, folder: Path) -> Path:
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / one.file
    if path.exists():
        raise UsageError("it is there already and is not overwritten", where=str(path))
    path.write_text(yaml.safe_dump(one.document, sort_keys=False, allow_unicode=True))
    return path


def _tell(
    every: Sequence[RestCheck], kept: Sequence[RestCheck], wrong: dict[str, str], *,
    is_printed: bool,
) -> None:  # fmt: skip
    import yaml

    say(f"{len(kept)} of {len(every)} operations that read are checked.")
    for label, why in wrong.items():
        say(f"Does not hold, left out: {label}: {why.splitlines()[0][:200]}")
    for one in every:
        if one.why:
            say(f"Not asked: {one.label}: {one.why}")
    for one in kept if is_printed else ():
        typer.echo(f"# {one.file}\n{yaml.safe_dump(one.document, sort_keys=False)}")
