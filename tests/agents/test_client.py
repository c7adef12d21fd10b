"""The client over real HTTP: consent, budgets, cache, retries, deadlines, and what is kept."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from model_server import Plan, serving, told
from worded import NOW, answer, client, explanation

from assets.model_calls import LakeLedger
from golive_agents.calls import Notebook
from golive_agents.diagnosis import diagnose
from golive_core.lake import Lake


def good(**changed: object) -> Plan:
    return Plan(answer=lambda _: json.dumps(answer(**changed)))


def test_a_diagnosis_is_streamed_read_and_kept_with_its_cost() -> None:
    plan, pieces = good(), list[str]()
    with serving(plan) as url:
        ledger = Notebook()
        asked = client(url, ledger, usd_per_million_in=10.0, usd_per_million_out=100.0)
        reply = diagnose(explanation(), asked, pieces.append)
    assert reply.value is not None
    assert reply.value.claims[0].cites == ("log of ci/build#2:4",)
    assert reply.value.culprit == explanation().suspects.commits[0].sha  # type: ignore[union-attr]
    assert json.loads("".join(pieces)) == answer()
    call = ledger.calls[0]
    assert (call.status, call.tokens_in, call.tokens_out) == ("answered", 120, 30)
    assert call.cost_usd == pytest.approx((120 * 10 + 30 * 100) / 1e6)
    assert call.first_token_s is not None
    assert json.loads(call.sent or "") == plan.seen[0]["messages"]
    assert plan.seen[0]["response_format"]["json_schema"]["strict"] is True
    assert "tools" not in plan.seen[0]
    assert "Ada" not in told(plan.seen[0])


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"may_send": False}, "may_send"), ({"url": ""}, "no model"), ({"name": ""}, "no model")],
)
def test_nothing_is_sent_without_a_model_and_consent(changed: dict[str, object], why: str) -> None:
    plan, ledger = good(), Notebook()
    with serving(plan) as url:
        reply = diagnose(explanation(), client(**{"url": url, "ledger": ledger, **changed}))  # type: ignore[arg-type]
    assert reply.value is None
    assert why in reply.reason
    assert plan.seen == []
    assert ledger.calls == []


@pytest.mark.parametrize(
    "changed",
    [{"call_tokens": 10}, {"day_tokens": 10}, {"call_usd": 0.001, "usd_per_million_out": 1e6},
     {"day_usd": 0.0, "usd_per_million_in": 1.0}],
)  # fmt: skip
def test_a_call_that_could_break_a_budget_is_not_made(changed: dict[str, float]) -> None:
    plan, ledger = good(), Notebook()
    with serving(plan) as url:
        reply = diagnose(explanation(), client(url, ledger, **changed))
    assert plan.seen == []
    assert ledger.calls[0].status == "refused"
    assert next(iter(changed)) in reply.reason
    assert ledger.calls[0].sent is None


def test_the_budget_of_a_day_counts_what_was_spent_on_it() -> None:
    plan, ledger = good(), Notebook()
    with serving(plan) as url:
        asked = client(url, ledger, day_tokens=2600)
        assert diagnose(explanation(), asked).value is not None
        ledger.keep(replace(ledger.calls[0], call_id="more", tokens_in=2000, request_hash="other"))
        assert "day_tokens" in diagnose(explanation(line="main.c:3: error: total"), asked).reason
        tomorrow = replace(asked, clock=lambda: NOW + timedelta(days=1))
        assert diagnose(explanation(line="main.c:3: error: total undefined"), tomorrow).value


def test_the_same_question_is_answered_from_the_cache_while_it_is_fresh() -> None:
    plan, ledger = good(), Notebook()
    with serving(plan) as url:
        asked = client(url, ledger, cache_days=2)
        first, second = (diagnose(explanation(), asked) for _ in range(2))
        assert second.value == first.value
        assert len(plan.seen) == 1
        assert ledger.calls[1].status == "cached"
        assert ledger.calls[1].cost_usd == 0
        later = replace(asked, clock=lambda: NOW + timedelta(days=3))
        diagnose(explanation(), later)
        assert len(plan.seen) == 2


def test_a_busy_or_broken_server_is_asked_again_and_then_given_up() -> None:
    plan, ledger = replace(good(), statuses=[429, 500]), Notebook()
    with serving(plan) as url:
        assert diagnose(explanation(), client(url, ledger)).value is not None
        assert ledger.calls[0].retries == 2
        plan.statuses = [503] * 9
        reply = diagnose(explanation(line="main.c:1: error: undefined total"), client(url, ledger))
    assert reply.value is None
    assert ledger.calls[1].status == "failed"
    assert "503" in reply.reason


def test_a_server_that_nobody_is_at_is_a_reason_and_no_crash() -> None:
    ledger = Notebook()
    reply = diagnose(explanation(), client("http://127.0.0.1:9/v1", ledger, retries=0))
    assert "APIConnectionError" in reply.reason
    assert ledger.calls[0].status == "failed"


def test_a_redirect_takes_nothing_to_another_host() -> None:
    other = good()
    with serving(other) as elsewhere:
        plan = replace(good(), statuses=[307] * 4, location=f"{elsewhere}/chat/completions")
        with serving(plan) as url:
            reply = diagnose(explanation(), client(url, retries=0))
    assert reply.value is None
    assert other.seen == []


def test_answers_that_never_end_are_cut_off() -> None:
    endless = Plan(answer=lambda _: "and so on and so on ", endless=True)
    slow = Plan(answer=lambda _: "drip " * 400, delay_s=0.05)
    with serving(endless) as first, serving(slow) as second:
        assert "went on" in diagnose(explanation(), client(first, answer_tokens=50)).reason
        reason = diagnose(explanation(), client(second, timeout_s=1.5, retries=0)).reason
        assert "longer than" in reason or "Timeout" in reason


def test_a_server_without_structured_answers_or_usage_will_do() -> None:
    plan, ledger = replace(good(), refuses_shapes=True, tells_usage=False), Notebook()
    with serving(plan) as url:
        reply = diagnose(explanation(), client(url, ledger))
    assert reply.value is not None
    assert "response_format" not in plan.seen[-1]
    assert ledger.calls[0].tokens_in > 100


def test_the_key_is_sent_to_the_endpoint_and_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "sesame-open-0815")
    plan, ledger = Plan(answer=lambda _: "my key is sesame-open-0815"), Notebook()
    with serving(plan) as url:
        reply = diagnose(explanation(line="x.c:1: error: sesame-open-0815"),
                         client(url, ledger, api_key="env:TINY_KEY"))  # fmt: skip
    assert plan.headers[0]["authorization"] == "Bearer sesame-open-0815"
    assert "sesame-open-0815" not in told(plan.seen[0])
    assert "sesame-open-0815" not in str(ledger.calls)
    assert reply.value is None


@pytest.mark.parametrize(
    "changed",
    [
        {"claims": []}, {"claims": [{"text": "It is broken somewhere.", "cites": []}]},
        {"claims": [{"text": "The linker finds no total.", "cites": ["L9"]}]},
        {"claims": [{"text": "Bananas are yellow fruit.", "cites": ["L1"]}]},
        {"culprit": "C7"}, {"culprit": "L1"}, {"step": "S99"}, {"step": "rm -rf /"},
        {"confidence": 2}, {"confidence": "high"}, {"action": "merge"},
    ],
)  # fmt: skip
def test_an_answer_beyond_what_was_asked_is_thrown_away(changed: dict[str, object]) -> None:
    ledger = Notebook()
    with serving(good(**changed)) as url:
        reply = diagnose(explanation(), client(url, ledger))
    assert reply.value is None
    assert ledger.calls[0].status == "rejected"
    assert ledger.calls[0].answer == json.dumps(answer(**changed))


def test_calls_are_kept_in_the_lake_and_found_there(lake: Lake) -> None:
    plan, ledger = good(), LakeLedger(lake)
    with serving(plan) as url:
        asked = replace(client(url, usd_per_million_in=5.0), ledger=ledger)
        assert diagnose(explanation(), asked).value is not None
        assert diagnose(explanation(), asked).call.status == "cached"  # type: ignore[union-attr]
    rows = lake.query("select * from ops.llm_calls order by status")
    assert rows["status"].to_list() == ["answered", "cached"]
    assert ledger.spent(NOW.date()).tokens == 150
    assert ledger.spent(NOW.date()).usd == pytest.approx(120 * 5 / 1e6)
    assert ledger.spent((NOW + timedelta(days=1)).date()).tokens == 0
    assert json.loads(rows["sent"][0]) == plan.seen[0]["messages"]
    assert len(plan.seen) == 1


def test_a_server_made_by_others_is_understood(tmp_path: Path) -> None:
    rule = {"name": "all", "when": {"messages_contain": "undefined reference"},
            "respond": {"content": json.dumps(answer())}}  # fmt: skip
    config = tmp_path / "fakellm.yaml"
    config.write_text(json.dumps({"version": 1, "rules": [rule]}))  # YAML holds JSON
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("fakellm")), "serve", "--port", str(port),
               "--config", str(config)]  # fmt: skip
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=dict(os.environ))  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/docs")
        reply = diagnose(explanation(), client(f"http://127.0.0.1:{port}/v1"))
    finally:
        process.terminate()
        process.wait(20)
    assert reply.value is not None, reply.reason
    assert reply.value.claims[0].text.startswith("The linker")


def _wait(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)
