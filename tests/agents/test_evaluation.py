"""Any model behind the protocol is scored the same way: one that knows, one that does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

from model_server import Body, Plan, serving
from worded import client

from assets.protocols.agents import evaluated
from golive_agents.calls import Notebook
from golive_agents.chat_assistant import Answer, Refusal
from golive_agents.evaluation.planted import explanation, planted
from golive_agents.evaluation.score import questions
from golive_agents.model_assistant import ModelAssistant
from golive_core.lake import Lake

MOST = 12


def knowing(body: Body) -> str:
    """Answer as one that knows: the SQL of the questions, causes, and defects by their text."""
    said = body["messages"][1]["content"]
    if "Q1 | " in said:
        asked = re.findall(r"Q1 \| (.*)", said)[0]
        known = next(one for one in questions() if one.ask.removeprefix("> ") == asked)
        return json.dumps({"sql": known.sql or None, "refusal": None if known.sql else "No data."})
    if "R1 | " in said:
        line = re.findall(r"(D\d+) \|", said)[0]
        return json.dumps({"verdict": "stands", "why": "Nothing guards the items, file or name.",
                           "cites": [line]})  # fmt: skip
    if "F1 | " in said:
        return json.dumps({"claims": [{"text": _cause(said), "cites": ["L1"]}], "culprit": None,
                           "step": "S1", "confidence": 0.5})  # fmt: skip
    return json.dumps({"remarks": _defects(said)})


def _cause(said: str) -> str:
    words = re.findall(r"[A-Za-z]{4,}", re.findall(r"L1 \| (.*)", said)[0])
    return f"The log speaks of {' '.join(words[1:4])}."


def _defects(said: str) -> list[dict[str, object]]:
    found = re.findall(r"(D\d+) \| (\S+):(\d+) \+ (.*)", said)
    planted_lines = {(one.path, str(one.line)) for one in planted()[1]}
    return [
        {"line": line, "text": f"The {_word(text)} is wrong.", "check": f"See the {_word(text)}.",
         "cites": [line]}
        for line, path, number, text in found if (path, number) in planted_lines
    ]  # fmt: skip


def _word(text: str) -> str:
    return max(re.findall(r"[a-z]{4,}", text), key=len)


def test_a_model_that_knows_scores_high_and_one_that_does_not_scores_low(asked_lake: Lake) -> None:
    plan = Plan(answer=knowing)
    with serving(plan) as url:
        high = evaluated(client(url, day_tokens=10**7), asked_lake, lambda _: None, MOST)
        plan.answer = lambda _: "I do not know"
        low = evaluated(client(url, day_tokens=10**7), asked_lake, lambda _: None, MOST)
        broke = evaluated(client(url, day_tokens=1), asked_lake, lambda _: None, MOST)
    ask, explain, review = high.scores
    assert ask.value == 1.0
    assert ask.rivals["grammar"] >= 0.9
    assert (explain.value, explain.rivals["first line shown"]) == (1.0, 1.0)
    assert review.value > review.rivals["no remark"]
    assert [one.value for one in low.scores] == [0.0, 0.0, 0.0]
    assert all("over a budget" in one.note for one in broke.scores)


def test_the_first_shown_lines_of_planted_logs_name_their_causes() -> None:
    for one in planted()[0]:
        assert one.cause in explanation(one).lines[0].text


def test_a_select_of_a_model_reads_and_nothing_else(asked_lake: Lake) -> None:
    plan = Plan()
    with serving(plan) as url:
        own = ModelAssistant(asked_lake, client(url, Notebook(), cache_days=0))
        for sql, is_right in (
            ("select count(*) as builds from core.builds", True),
            ("drop table core.builds", False), ("select * from read_csv('/etc/passwd')", False),
            ("select 1; select 2", False), ("attach 'x.db'", False),
        ):  # fmt: skip
            plan.answer = lambda _, said=sql: json.dumps({"sql": said, "refusal": None})
            found = own.ask(f"how many builds? {sql}")
            assert isinstance(found, Answer if is_right else Refusal), sql
    assert not Path("x.db").exists()
