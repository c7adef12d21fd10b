"""What the front door asks before it lets a request on to the dashboards or to Dagster.

nginx sends each request here first (`auth_request`), websockets too. 204 lets it pass, 401 leads to
the sign-in page, 403 is final. See `deploy/nginx`.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from golive_gateway.auth import authorise

router = APIRouter(prefix="/auth", tags=["front door"])


@router.get(
    "/{service}",
    status_code=204,
    responses={401: {"description": "Nobody is signed in."}, 403: {"description": "Not allowed."}},
)
def passes(request: Request, service: Literal["dashboards", "dagster"]) -> Response:
    """Answer 204 where the session of the request may use a service."""
    caller = authorise(request, "use", service)
    return Response(status_code=204, headers={"X-GoLive-User": caller.name})
