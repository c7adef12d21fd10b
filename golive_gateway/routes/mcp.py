"""`POST /v1/mcp`: the MCP server over HTTP (Streamable HTTP), for assistants on other machines.

Without sessions: every message is answered as JSON and stands for itself, so that who may ask what
is decided anew each time. Assistants beside the lake use `golive mcp`.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from golive_gateway.auth import Principal, allows, authorise
from golive_gateway.mcp_tools import build, held, may_ask_freely, sight

if TYPE_CHECKING:
    from mcp.server import MCPServer

router = APIRouter(prefix="/v1", tags=["assistants"])
server = lru_cache(maxsize=1)(build)
MESSAGE = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        }
    },
}


class Passed(Response):
    """Hands the request to the MCP server, which answers it itself."""

    def __init__(self, known: MCPServer, caller: Principal, *, may_ask_freely: bool) -> None:
        super().__init__()
        self._known, self._caller, self._is_free = known, caller, may_ask_freely

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the server answer; what it starts ends with the request."""
        held.set(self._caller.projects)
        sight.set(self._caller.sight)
        may_ask_freely.set(self._is_free)
        self._known.streamable_http_app(stateless_http=True, json_response=True, host="")
        manager = self._known.session_manager
        async with manager.run():
            await manager.handle_request(scope, receive, send)


@router.post(
    "/mcp",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        202: {"description": "A notification was taken."},
        400: {"description": "It is no message of the protocol."},
        401: {"description": "There is no valid session or token."},
        403: {"description": "It may not read this."},
        404: {"description": "There is no such method."},
        406: {"description": "The client does not take JSON and event streams."},
        413: {"description": "The message is too large."},
        415: {"description": "The message is no JSON."},
        503: {"description": "The lake cannot be read."},
    },
    openapi_extra={"requestBody": MESSAGE},
)
async def message(request: Request) -> Response:
    """Answer one message of the Model Context Protocol; the tools are those of `golive mcp`."""
    caller = await asyncio.to_thread(authorise, request, "read", "mcp")
    is_free = await asyncio.to_thread(allows, request, "read", "sql")
    return Passed(await asyncio.to_thread(server), caller, may_ask_freely=is_free)
