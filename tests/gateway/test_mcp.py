"""The MCP server as an assistant meets it: a process of its own, the package's own client."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from golive_core.lake import Lake

pytestmark = pytest.mark.slow
TOOLS = {
    "search_failures", "flaky_tests", "select_tests", "build_result", "predictions", "dora", "ask",
    "sql",
}  # fmt: skip


def conversed(home: Path, *calls: tuple[str, dict[str, Any]]) -> tuple[set[str], list[Any]]:
    """Start `golive mcp`, list its tools, call some; return names and answers."""
    from mcp import Client, StdioServerParameters

    environment = {**os.environ, "GOLIVE_HOME": str(home)}
    server = StdioServerParameters(
        command=sys.executable, args=["-c", "from golive_cli.main import main; main()", "mcp"],
        env=environment, cwd=str(home.parent),
    )  # fmt: skip

    async def talk() -> tuple[set[str], list[Any]]:
        async with Client(server) as client:
            tools = await client.list_tools()
            answers = [await client.call_tool(name, given) for name, given in calls]
            return {one.name for one in tools.tools}, answers

    return asyncio.run(talk())


def rows(answer: Any) -> dict[str, Any]:
    assert not answer.is_error, answer
    return json.loads(answer.content[0].text)


def test_an_assistant_asks_what_it_may_and_gets_rows_with_sql(simulated: Path) -> None:
    lake = Lake(simulated / "lake")
    file = lake.query("select file from core.tests where file is not null limit 1").item()
    build = lake.query(
        "select build_id from core.test_results where status = 'failed' limit 1"
    ).item()
    names, answers = conversed(
        simulated,
        ("search_failures", {"text": "error"}), ("flaky_tests", {"project": "demo"}),
        ("select_tests", {"files": [file], "project": "demo"}),
        ("build_result", {"build_id": build}), ("predictions", {}), ("dora", {"days": 30}),
        ("ask", {"question": "how many builds failed last week?"}),
        ("sql", {"statement": "select count(*) as builds from core.builds"}),
        ("sql", {"statement": "drop table core.builds"}),
        ("build_result", {"build_id": "no such"}),
    )  # fmt: skip
    assert names == TOOLS
    known, flaky, selected, told, _, shipped, sentence, counted = map(rows, answers[:8])
    assert known["rows"]
    assert "marts.failure_signatures" in known["sql"]
    assert {"probability", "reasons"} <= set(flaky["rows"][0])
    assert selected["rows"][0]["reasons"]
    assert told["build"]["build_id"] == build
    assert told["failed"]["rows"]
    assert shipped["rows"][0]["n_deployments"] > 0
    assert sentence["sentence"]
    assert counted["rows"] == [{"builds": 80}]
    refused, unknown = answers[8:]
    assert refused.is_error
    assert unknown.is_error
    assert "no build is called" in unknown.content[0].text
