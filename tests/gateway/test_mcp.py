"""The MCP server as an assistant meets it: a process of its own, the package's own client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from golive_core.lake import Lake
from golive_core.tokens import Tokens
from golive_gateway.likeness import SAME, like

pytestmark = pytest.mark.slow
TOOLS = {
    "similar_tickets",
    "search_failures", "flaky_tests", "select_tests", "build_result", "predictions", "dora", "ask",
    "sql", "explain", "review",
}  # fmt: skip


Call = tuple[str, dict[str, Any]]


def started(home: Path) -> Any:
    """Return what starts `golive mcp` over a home as a process of its own."""
    from mcp import StdioServerParameters

    return StdioServerParameters(
        command=sys.executable, args=["-c", "from golive_cli.main import main; main()", "mcp"],
        env={**os.environ, "GOLIVE_HOME": str(home)}, cwd=str(home.parent),
    )  # fmt: skip


async def talked(server: Any, calls: tuple[Call, ...]) -> tuple[list[Any], list[Any]]:
    from mcp import Client

    async with Client(server) as client:
        tools = await client.list_tools()
        return tools.tools, [await client.call_tool(name, given) for name, given in calls]


def conversed(server: Any, *calls: Call) -> tuple[list[Any], list[Any]]:
    """List the tools of a server, call some; return tools and answers."""
    return asyncio.run(talked(server, calls))


def over_http(address: str, token: str, *calls: Call) -> tuple[list[Any], list[Any]]:
    """Do the same with the server in the gateway."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> tuple[list[Any], list[Any]]:
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            return await talked(
                streamable_http_client(f"{address}/v1/mcp", http_client=http), calls
            )

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
    tools, answers = conversed(
        started(simulated),
        ("search_failures", {"text": "error"}), ("flaky_tests", {"project": "demo"}),
        ("select_tests", {"files": [file], "project": "demo"}),
        ("build_result", {"build_id": build}), ("predictions", {}), ("dora", {"days": 30}),
        ("ask", {"question": "how many builds failed last week?"}),
        ("sql", {"statement": "select count(*) as builds from core.builds"}),
        ("sql", {"statement": "drop table core.builds"}),
        ("build_result", {"build_id": "no such"}), ("explain", {"subject": str(simulated)}),
        ("review", {"diff": "nothing", "project": "demo"}), ("explain", {"subject": build}),
        ("review", {"diff": f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-a\n+b\n",
                    "project": "demo"}),
    )  # fmt: skip
    assert {one.name for one in tools} == TOOLS
    assert all(one.annotations.read_only_hint for one in tools)
    assert all(one.description and one.input_schema["type"] == "object" for one in tools)
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
    _, unknown, no_build, no_diff = answers[8:12]
    assert all(one.is_error for one in answers[8:12])
    assert "no build is called" in unknown.content[0].text
    assert "no build and no failure" in no_build.content[0].text
    assert "no unified diff" in no_diff.content[0].text
    why, risk = map(rows, answers[12:])
    assert why["build_id"] == build
    assert why["next_step"]["text"]
    assert risk["files"][0]["path"] == file
    assert risk["broke_share"] is not None


def test_assistants_elsewhere_ask_over_http(running: tuple[str, str]) -> None:
    address, token = running
    sql = "select test_id, last_seen_at from core.tests order by 1 limit 1"
    tools, answers = over_http(address, token, ("sql", {"statement": sql}), ("flaky_tests", {}))
    assert {one.name for one in tools} == TOOLS
    (row,) = rows(answers[0])["rows"]
    assert isinstance(row["test_id"], str)
    assert row["last_seen_at"].endswith("+00:00")
    assert rows(answers[1])["rows"]


def test_a_gateway_nobody_asks_so_does_not_load_it() -> None:
    code = (
        "import sys; from golive_gateway.app import create_app; "
        "create_app(); sys.exit('mcp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nobody_asks_without_a_token(running: tuple[str, str]) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(f"{running[0]}/v1/mcp", json=hello).status_code == 401


def test_who_is_held_to_a_project_learns_nothing_of_others(
    running: tuple[str, str], simulated: Path
) -> None:
    _, token = Tokens(simulated).create("other", ["read"], project="elsewhere")
    build = Lake(simulated / "lake").query("select build_id from core.builds limit 1").item()
    refused = [
        ("select_tests", {"files": ["a"], "project": "demo"}), ("sql", {"statement": "select 1"}),
        ("ask", {"question": "how many builds failed?"}), ("build_result", {"build_id": build}),
        ("explain", {"subject": build}),
    ]  # fmt: skip
    empty = [("flaky_tests", {}), ("search_failures", {"text": "error"}), ("predictions", {}),
             ("dora", {"project": "demo"})]  # fmt: skip
    _, answers = over_http(running[0], token, *refused, *empty)
    assert all(one.is_error for one in answers[:5])
    assert [rows(one)["rows"] for one in answers[5:]] == [[], [], [], []]
    _, mine = Tokens(simulated).create("mine", ["read"], project="demo")
    assert rows(over_http(running[0], mine, ("flaky_tests", {}))[1][0])["rows"]


def test_a_failure_is_known_by_what_lasts_of_it(simulated: Path) -> None:
    lake = Lake(simulated / "lake")
    found = lake.query("select * from marts.failure_signatures order by failures desc limit 200")
    assert found.height > 3
    for row in found.head(20).to_dicts():
        pasted = f"E   {row['type']}: {row['message']}\n  at /tmp/x81/run.py:99"
        again = re.sub(r"[0-9]+", lambda number: str(int(number[0]) + 7), pasted)
        best = like(found, again).to_dicts()[0]
        assert best["likeness"] >= SAME
        assert (best["type"], _worded(best)) == (row["type"], _worded(row))
    assert like(found, "the kitchen is out of coffee, says Ada").is_empty()
    assert like(found, "").is_empty()


def _worded(row: dict[str, Any]) -> str:
    return re.sub(r"[\W\d]+", " ", row["message"] or "")
