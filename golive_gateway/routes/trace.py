"""Recorded traces in the viewer that Playwright ships: `/trace/<sha256>`; nothing leaves here.

A trace, as every kept file, is given to who may read the tests of its project: `/v1/artifacts/…`.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import mimetypes
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse, RedirectResponse, Response

from golive_core import settings
from golive_core.artifacts import ArtifactStore
from golive_core.errors import LakeError
from golive_core.lake import Lake
from golive_gateway.auth import authorise

router = APIRouter(tags=["read"])
SHA = Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="SHA-256 of the content.")]
NAMED = """
select media, name from core.test_artifacts where sha256 = ? order by build_id desc limit 1
"""
INERT = ("image/jpeg", "image/png", "video/webm", "application/zip", "application/json")
"""Types that a browser shows or saves, and that run nothing."""
POLICY = "sandbox; default-src 'none'"
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    401: {"description": "There is no valid session or token."},
    403: {"description": "It may not read this."},
    404: {"description": "No test left such a file, or none that one may see, or it is gone."},
    429: {"description": "Too many requests; Retry-After says when to come back."},
}  # fmt: skip
INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
VIEWER_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self' data: blob:; "
    "frame-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "script-src 'self'"
)
"""The viewer's own pages; what a trace shows is held by a stricter policy that the viewer sets."""
UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@router.get("/v1/artifacts/{sha256}", response_class=Response, responses=RESPONSES)
def artifact(request: Request, sha256: SHA) -> Response:
    """Return a file that an attempt of a test left: a trace, a video, a screenshot."""
    caller = authorise(request, "read", "data")
    try:
        row = Lake(settings.home() / "lake", caller.sight).query(NAMED, [sha256]).rows()[:1]
        body = ArtifactStore(settings.home()).get(sha256) if row else b""
    except LakeError as error:
        raise HTTPException(404, "it is kept no more") from error
    if not row:
        raise HTTPException(404, "no test that you may see left such a file")
    media, name = row[0]
    headers = {
        "Content-Disposition": f'attachment; filename="{UNSAFE_NAME.sub("_", name)}"',
        "Content-Security-Policy": POLICY, "Cache-Control": "private, max-age=3600",
    }  # fmt: skip
    return Response(body, media_type=media if media in INERT else "text/plain", headers=headers)


@router.get("/trace/{sha256}", include_in_schema=False)
def viewer(request: Request, sha256: SHA) -> RedirectResponse:
    """Open the viewer on a trace."""
    authorise(request, "read", "data")
    return RedirectResponse(f"/trace-viewer/index.html?trace=/v1/artifacts/{sha256}")


@router.get("/trace-viewer/{path:path}", include_in_schema=False)
def files(path: str) -> FileResponse:
    """Return a file of the viewer, which is the same for everybody."""
    root = _viewer()
    found = (root / path).resolve() if root else None
    if root is None or found is None or not found.is_relative_to(root) or not found.is_file():
        raise HTTPException(404, "the trace viewer has no such file")
    media = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    headers = {"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": _policy(found)}
    return FileResponse(found, media_type=media, headers=headers)


@cache
def _policy(page: Path) -> str:
    """Return the policy for a file: of a page, the scripts in it are allowed by their hash."""
    inline = INLINE.findall(page.read_bytes()) if page.suffix == ".html" else []
    hashes = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in inline)
    return " ".join([VIEWER_POLICY, *(f"'sha256-{one}'" for one in hashes)])


@cache
def _viewer() -> Path | None:
    """Return the folder of the viewer in Playwright's driver, without importing Playwright."""
    spec = importlib.util.find_spec("playwright")
    places = spec.submodule_search_locations if spec else None
    if not places:
        return None
    root = Path(next(iter(places))) / "driver" / "package" / "lib" / "vite" / "traceViewer"
    return root.resolve() if root.is_dir() else None
