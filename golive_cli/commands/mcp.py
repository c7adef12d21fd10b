"""`golive mcp`: the MCP server on stdin and stdout, for coding assistants."""

from __future__ import annotations


def command() -> None:
    """Let a coding assistant ask: is this failure known, which tests for this diff."""
    from golive_gateway.mcp_tools import build

    build().run("stdio")
