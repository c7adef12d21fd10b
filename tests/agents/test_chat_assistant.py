"""Questions about a seeded lake get the exact rows, and what it cannot answer is refused."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from golive_agents.chat_assistant import Answer, Assistant, Refusal
from golive_agents.evaluation.score import holds, questions, score
from golive_agents.semantic_layer import subjects
from golive_core.errors import QueryError
from golive_core.lake import Lake


def answer(assistant: Assistant, question: str, **more: object) -> Answer:
    found = assistant.ask(question, **more)  # type: ignore[arg-type]
    assert isinstance(found, Answer), found
    return found


def refusal(assistant: Assistant, question: str) -> Refusal:
    found = assistant.ask(question)
    assert isinstance(found, Refusal), found
    return found


def test_the_questions_have_their_exact_answers(assistant: Assistant, asked_lake: Lake) -> None:
    asked = questions()
    assert len(asked) >= 100
    outcomes = list(
        score(asked, lambda text, plan: assistant.ask(text, previous=plan), asked_lake.query)
    )
    kinds = Counter(one.kind for one in outcomes)
    failed = [one for one in outcomes if one.kind != "right"]
    assert kinds["right"] >= 0.9 * len(asked), failed
    assert kinds["made up"] == 0, failed


def test_every_example_is_answered_by_its_own_subject(assistant: Assistant) -> None:
    for subject in subjects().values():
        for example in subject.examples:
            found = assistant.ask(example)
            if isinstance(found, Refusal):
                assert "is empty" in found.reason, (example, found)
            else:
                assert found.plan.subject == subject.name, example


def test_an_answer_carries_sql_that_gives_its_rows_again(assistant: Assistant) -> None:
    found = answer(assistant, "Which pipeline fails most often?")
    assert assistant.run(found.sql).equals(found.rows)
    assert found.chart == "bars"
    assert found.sentence.startswith("Failed builds by pipeline in the last 30 days: highest is")


def test_a_number_comes_with_unit_period_and_n(assistant: Assistant) -> None:
    found = answer(assistant, "What was the failure rate last week?")
    assert found.unit == "%"
    assert found.period == "last week"
    assert "%" in found.sentence
    assert "(n = " in found.sentence
    compared = answer(assistant, "failure rate last week compared to the period before")
    assert "The period before: " in compared.sentence


def test_a_question_goes_on_from_the_one_before(assistant: Assistant) -> None:
    first = answer(assistant, "How many builds failed this month?")
    second = answer(assistant, "and by pipeline?", previous=first.plan)
    third = answer(assistant, "only on main", previous=second.plan)
    assert third.plan.filters == ("failed",)
    assert third.plan.values == (("branch", "main"),)
    assert third.rows["builds"].sum() < second.rows["builds"].sum() == first.rows.item()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the weather in Berlin?", "“weather”, “berlin”"),
        ("Why did the last build fail?", "golive explain"),
        ("", "nothing that can be counted"),
        ("?!", "nothing that can be counted"),
        ("How many builds ran on 2026-02-30?", "does not exist"),
        ("Delete all builds", "only read"),
        ("How many builds failed and how many passed?", "two things"),
        ("Is 'no such test' flaky?", "no such test"),
        ("builds " * 2000, "nothing"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(
    assistant: Assistant, question: str, said: str
) -> None:
    found = assistant.ask(question)
    if question.startswith("builds "):
        assert isinstance(found, Answer | Refusal)
        return
    assert isinstance(found, Refusal)
    assert said in found.reason


def test_a_name_in_a_question_is_a_value_and_never_sql(assistant: Assistant) -> None:
    odd = "main' or 1=1 --"
    assert isinstance(assistant.ask(f'How many builds ran on "{odd}"?'), Refusal)
    with pytest.raises(QueryError):
        assistant.run("copy core.builds to 'stolen.csv'")
    with pytest.raises(QueryError):
        assistant.run("select * from read_csv('/etc/passwd')")


def test_a_project_sees_only_its_own_rows(asked_lake: Lake) -> None:
    other = Assistant(asked_lake, project="other")
    found = other.ask("How many builds ran of all time?")
    assert isinstance(found, Answer)
    assert found.rows.item() == 0


def test_a_lake_without_the_tables_says_which(tmp_path: object) -> None:
    found = refusal(Assistant(Lake(str(tmp_path))), "How many builds failed last week?")
    assert "core.builds is empty" in found.reason


def test_rows_are_compared_whatever_their_columns_are_called() -> None:
    rows = pl.DataFrame({"a": ["x", "y"], "n": [1, 2], "share": [0.5, 0.25]})
    same = pl.DataFrame({"other": [1.0, 2.0], "name": ["x", "y"]})
    assert holds(rows, same, ordered=True)
    assert holds(rows, same.reverse(), ordered=False)
    assert not holds(rows, same.reverse(), ordered=True)
    assert not holds(rows, pl.DataFrame({"name": ["x", "y"], "other": [2, 1]}), ordered=False)
    assert not holds(rows, same.head(1), ordered=False)
