"""`GET /metrics` for Prometheus: for this machine alone, the front door does not let it out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Return response times, throughput, errors, resources, and what the lake holds."""
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
