"""`golive upload`: hands report files to a GoLive that runs elsewhere, from any CI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say
from golive_core.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import httpx

REFERENCE = "env:GOLIVE_TOKEN"
TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


def command(  # noqa: PLR0913, PLR0917 - every option of the command line is a parameter
    paths: Annotated[list[str], typer.Argument(help="Report files, folders or globs.")],
    project: Annotated[str, typer.Option(help="Project that they belong to.")],
    url: Annotated[str, typer.Option(help="Where the gateway is.")] = "http://127.0.0.1:8000",
    token: Annotated[str, typer.Option(help="Reference to the API token.")] = REFERENCE,
    build: Annotated[str, typer.Option(help="Build; default: as the CI system says.")] = "",
    commit: Annotated[str, typer.Option(help="Commit that was tested.")] = "",
    branch: Annotated[str, typer.Option(help="Branch that was tested.")] = "",
    environment: Annotated[str, typer.Option(help="Where it ran, if in several places.")] = "",
    as_json: Json = False,
) -> None:
    """Hand in reports: golive upload build/test-results --project shop."""
    from golive_core import ci, settings

    files = list(_files(paths))
    given = {"build": build, "commit": commit, "branch": branch, "environment": environment}
    told = {**ci.build(settings.variable), **{key: one for key, one in given.items() if one}}
    answer = _send(url, settings.resolve(token), {"project": project, **told}, files)
    if as_json:
        emit(answer)
    else:
        again = "" if answer["is_new"] else ", all of them known already"
        say(f"{answer['files']} files handed in for {project}{again}.")


def _files(paths: list[str]) -> Iterator[Path]:
    """Yield the files; raises UsageError where a path holds none."""
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found = [one for one in sorted(path.rglob("*")) if one.is_file()]
        else:
            found = [path] if path.is_file() else sorted(Path().glob(text)) if "*" in text else []
        if not found:
            raise UsageError("no file is there", where=text, hint="Did the tests write reports?")
        yield from found


def _send(url: str, token: str, query: dict[str, str], files: list[Path]) -> dict[str, Any]:
    """Send the files and return the answer; what may pass is tried again, for about a minute."""
    import time

    import httpx

    wait = FIRST_WAIT_S
    for last in [False] * (TRIES - 1) + [True]:
        try:
            answer = _post(url, token, query, files)
        except httpx.TransportError as error:
            if last:
                raise ServiceError(
                    f"no answer: {error}", where=url, hint="Is golive up running there?"
                ) from error
            answer = None
        if answer is not None and (answer.status_code not in AGAIN or last):
            return _told(answer)
        time.sleep(_pause(answer, wait))
        wait = min(2 * wait, LONGEST_WAIT_S)
    raise AssertionError  # the last try returns or raises


def _post(url: str, token: str, query: dict[str, str], files: list[Path]) -> httpx.Response:
    import httpx

    with ExitStack() as open_files:
        parts = [
            ("files", (path.name, open_files.enter_context(path.open("rb")))) for path in files
        ]
        return httpx.post(
            f"{url.rstrip('/')}/v1/reports", params=query, files=parts, timeout=600,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip


def _pause(answer: httpx.Response | None, wait: float) -> float:
    after = answer.headers.get("retry-after", "") if answer is not None else ""
    return min(float(after), LONGEST_WAIT_S) if after.isdigit() else wait


def _told(answer: httpx.Response) -> dict[str, Any]:
    """Return the document of an answer; raises ServiceError for one that is no success."""
    from http import HTTPStatus

    if answer.status_code == HTTPStatus.ACCEPTED:
        return answer.json()
    try:
        detail = str(answer.json().get("detail", ""))
    except ValueError:
        detail = answer.text[:200]
    where = str(answer.url).partition("?")[0]
    raise ServiceError(f"answered {answer.status_code}: {detail}", where=where)
