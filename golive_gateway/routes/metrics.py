"""`GET /metrics` for Prometheus: open to this machine, to others with a token that reads.

The front door does not let it out.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from golive_gateway.auth import authorise

HERE = ("127.0.0.1", "::1")
router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        401: {"description": "Who asks from another machine has no valid session or token."},
        403: {"description": "It may not read this."},
    },
)
def metrics(request: Request) -> Response:
    """Return response times, throughput, errors, resources, and what the lake holds."""
    if request.client is None or request.client.host not in HERE:
        authorise(request, "read", "health")
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
