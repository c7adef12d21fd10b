"""Uploads: `POST /v1/reports?project=…` takes report files of any format from any CI.

One file as the body (its name in `X-File-Name`), several as multipart, or an archive of them (zip,
tar, gzip). Answered 202 once the files are on disk; they are in the lake some seconds later.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile

from golive_core import settings
from golive_core.uploads import Upload, safe_name, sync
from golive_gateway.auth import authorise
from golive_gateway.bodies import too_large
from golive_gateway.routes.webhooks import writer

router = APIRouter(prefix="/v1", tags=["reports"])
MOST_BYTES = 1 << 30
MOST_FILES = 2000
MOST_S = 600.0
CHUNK_BYTES = 1 << 20
Note = Callable[[bytes], object]
"""Takes what arrives, for a digest over it."""
Text = Annotated[str, Query(max_length=300)]


class Taken(BaseModel):
    """The files are on disk. `is_new` is false for the same files of the same build again."""

    upload_id: str
    files: int
    size_bytes: int
    is_new: bool


@router.post(
    "/reports",
    status_code=202,
    responses={
        400: {"description": "The multipart body is broken."},
        401: {"description": "There is no valid token."},
        403: {"description": "The token may not upload to this project."},
        404: {"description": "There is no such project."},
        408: {"description": "The body took too long."},
        413: {"description": "The body is too large."},
        422: {"description": "There is no file in it."},
    },
)
async def take(
    request: Request,
    project: Annotated[str, Query(min_length=1, max_length=100)],
    build: Text = "", commit: Text = "", branch: Text = "", environment: Text = "",
) -> Taken:  # fmt: skip
    """Take report files of a build."""
    authorise(request, "write", "reports", project)
    if project not in settings.load().projects:
        raise HTTPException(404, f"golive.toml has no [project.{project}]")
    home = settings.home()
    told = {"build": build, "commit": commit, "branch": branch, "environment": environment}
    options = {name: value for name, value in told.items() if value}
    (home / "uploads").mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    draft = Path(tempfile.mkdtemp(dir=home / "uploads", prefix=".draft-"))
    try:
        async with asyncio.timeout(MOST_S):
            files, size = await _receive(request, draft, digest.update)
        digest.update(repr((project, sorted(options.items()))).encode())
        upload = Upload(digest.hexdigest()[:32], project, options)
        return await _accept(upload, draft, home, files, size)
    except TimeoutError:
        raise HTTPException(408, f"the body took longer than {MOST_S:g} s") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _accept(upload: Upload, draft: Path, home: Path, files: int, size: int) -> Taken:
    """Put the files in their place and the upload into the inbox; a second time counts not."""
    place = upload.folder(home)
    is_there = place.exists()
    if not is_there:
        await asyncio.to_thread(sync, draft)
        draft.rename(place)
    is_there |= await asyncio.to_thread(upload.share, home)
    is_new = await asyncio.wrap_future(writer(home).put(upload.delivery()))
    if not is_new and not is_there:
        upload.forget(home)
    return Taken(upload_id=upload.upload_id, files=files, size_bytes=size, is_new=is_new)


async def _receive(request: Request, draft: Path, note: Note) -> tuple[int, int]:
    """Write the files into the draft; return how many there are, and their bytes."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > MOST_BYTES:
        raise too_large(MOST_BYTES)
    if request.headers.get("content-type", "").startswith("multipart/"):
        return await _parts(request, draft, note)
    name = request.headers.get("x-file-name", "report.xml")
    size = await _write(draft / safe_name(name, 0), request.stream(), note, 0)
    if not size:
        raise HTTPException(422, "the body is empty")
    return 1, size


async def _parts(request: Request, draft: Path, note: Note) -> tuple[int, int]:
    number = size = 0
    async with _limited(request).form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
        for _, part in form.multi_items():
            if isinstance(part, UploadFile):
                path = draft / safe_name(part.filename or "report.xml", number)
                size += await _write(path, _pieces(part), note, size)
                number += 1
    if not number:
        raise HTTPException(422, "there is no file in it")
    return number, size


def _limited(request: Request) -> Request:
    """Return the request with a body that ends with an error where it grows too large."""
    received, so_far = request.receive, 0

    async def receive():  # noqa: ANN202 - an ASGI message
        nonlocal so_far
        message = await received()
        so_far += len(message.get("body", b""))
        if so_far > MOST_BYTES:
            raise too_large(MOST_BYTES)
        return message

    return Request(request.scope, receive)


async def _pieces(part: UploadFile) -> AsyncIterator[bytes]:
    while piece := await part.read(CHUNK_BYTES):
        yield piece


async def _write(path: Path, pieces: AsyncIterator[bytes], note: Note, before: int) -> int:
    """Write a file piece by piece; return its bytes."""
    size = 0
    with path.open("wb") as file:
        async for piece in pieces:
            size += len(piece)
            if before + size > MOST_BYTES:
                raise too_large(MOST_BYTES)
            note(piece)
            file.write(piece)
    return size
