"""Every piece of SQL in the semantic layer runs, and a subject is one file that is found."""

from __future__ import annotations

from datetime import date
from itertools import chain
from pathlib import Path

import polars as pl
import pytest

from assets import refresh
from golive_agents import statements
from golive_agents.chat_assistant import Assistant, tables
from golive_agents.periods import Period
from golive_agents.plan import Plan
from golive_agents.semantic_layer import AGGREGATES, Subject, read, subjects
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake

SUBJECTS = list(subjects().values())
PERIOD = Period(date(2026, 3, 1), date(2026, 4, 1), "in March")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake in which every table that subjects read is there, without rows."""
    lake = Lake(tmp_path_factory.mktemp("bare") / "lake")
    wanted = set(chain.from_iterable(tables(one) for one in SUBJECTS))
    marts = refresh.marts()
    for mart in marts:
        wanted |= set(mart.inputs)
    for name in sorted(one for one in wanted if not one.startswith("marts.")):
        table = schema.find(name)
        empty = pl.DataFrame(schema={column.name: column.dtype for column in table.columns})
        lake.overwrite(name, empty)
    for mart in marts:
        refresh.refresh(lake, mart)
    return lake


def plans(subject: Subject) -> list[Plan]:
    """Return plans that together use every part of the subject."""

    def plan(**parts: object) -> Plan:
        return Plan(**{"subject": subject.name, "shape": "value", "period": PERIOD, **parts})  # type: ignore[arg-type]

    first = next(iter(subject.measures))
    grains = ("day", "week", "month") if subject.day else ()
    return [
        plan(shape="list"),
        *(plan(measure=name) for name in subject.measures),
        *(plan(shape="list", amount=name) for name in subject.amounts),
        *(plan(amount=name, aggregate=how) for name in subject.amounts for how in AGGREGATES),
        *(plan(shape="ranking", measure=first, dimensions=(name,)) for name in subject.dimensions),
        *(plan(measure=first, filters=(name,)) for name in subject.filters),
        *(plan(shape="series", measure=first, grain=grain) for grain in grains),
    ]


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_every_part_is_sql_that_runs(subject: Subject, bare: Lake) -> None:
    assistant = Assistant(bare)
    for plan in plans(subject):
        text = statements.sql(plan, "demo", PERIOD)
        rows = assistant.run(text)
        if plan.shape != "list":
            assert statements.value_name(subject, plan) in rows.columns
    for part in subject.dimensions.values():
        if part.values:
            assert assistant.run(part.values).width == 1


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_a_subject_says_what_it_is_and_shows_examples(subject: Subject) -> None:
    assert subject.about.endswith(".")
    assert subject.examples
    assert subject.measures
    assert subject.day or subject.window
    columns = dict.fromkeys(subject.rows, "x")
    assert subject.says.format_map(columns) or not subject.says


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("about = ", "no subject"),
        ('about = "x"', "from"),
        ('about = "x"\nfrom = "t"\ncolour = "red"\n[rows]\n', "colour"),
        ('about = "x"\nfrom = "t"\n[rows]\n[measures.a]\nsql = "1"\nunit = "parsec"', "parsec"),
        ('about = "x"\nfrom = "t"\n[rows]\n[measures.a]\nunit = "s"', "sql"),
    ],
)
def test_a_file_that_is_none_is_told_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read(path)
    assert "odd.toml" in str(caught.value)
