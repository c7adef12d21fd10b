"""Templates group the labelled lines of loghub, and an id once given is given for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from golive_core.ids import content_id
from models import log_templates
from models.log_templates import LONGEST, Mined, masked, mine

LOGHUB = "data/loghub_2k/loghub_2k.parquet"


@pytest.fixture(scope="module")
def lines(shared: Callable[[str], Path]) -> pl.DataFrame:
    return pl.read_parquet(shared(LOGHUB)).select("system", "content", "event_id")


def accuracy(rows: pl.DataFrame) -> float:
    """Return the share of lines that are grouped right if they are mined at once."""
    return accurate(rows, mine(rows["content"]).ids)


def accurate(rows: pl.DataFrame, ids: pl.Series) -> float:
    """Return the share of lines whose group holds exactly the lines of their true event."""
    found = rows.with_columns(ids.alias("found"))
    true, ours, both = (
        pl.len().over(keys) for keys in (["event_id"], ["found"], ["event_id", "found"])
    )
    return found.select(((true == both) & (ours == both)).mean()).item()


def stream(lines: pl.Series, parts: int) -> tuple[pl.Series, pl.DataFrame]:
    """Mine the lines part by part, the templates of one part known to the next."""
    step, known, ids = -(-len(lines) // parts), None, list[pl.Series]()
    for start in range(0, len(lines), step):
        found = mine(lines.slice(start, step), known)
        known = found.templates
        ids.append(found.ids)
    assert known is not None
    return pl.concat(ids), known


def now(given: pl.Series, templates: pl.DataFrame) -> pl.Series:
    """Return the templates that stand for those that lines were given."""
    merged = templates.drop_nulls("merged_into")
    return given.replace(merged["template_id"], merged["merged_into"])


def texts(found: Mined) -> list[str | None]:
    names = dict(found.templates.select("template_id", "template").iter_rows())
    return [names.get(one) for one in found.ids]


def test_lines_that_say_the_same_share_a_template_in_every_system(lines: pl.DataFrame) -> None:
    scores = {str(system): accuracy(part) for (system,), part in lines.group_by("system")}
    assert len(scores) == 8
    assert min(scores.values()) > 0.98, scores
    assert sum(scores.values()) / 8 > 0.99, scores


def test_mixing_the_systems_costs_little(lines: pl.DataFrame) -> None:
    keys = pl.concat_str("system", "event_id", separator=" ").alias("event_id")
    assert accuracy(lines.with_columns(keys)) > 0.97


@pytest.mark.parametrize("parts", [3, 40])
def test_a_stream_groups_as_well_as_one_call(lines: pl.DataFrame, parts: int) -> None:
    scores: list[float] = []
    for _, part in lines.group_by("system"):
        given, known = stream(part["content"], parts)
        scores.append(accurate(part, now(given, known)))
    assert sum(scores) / 8 > 0.99, scores


@pytest.mark.parametrize("parts", [3, 40])
def test_a_line_keeps_its_id_whatever_comes_later(lines: pl.DataFrame, parts: int) -> None:
    given, known = stream(lines["content"], parts)
    stands = now(given, known)
    assert (stands != given).sum() < 0.02 * given.len()
    again = mine(lines["content"], known)
    assert (now(again.ids, again.templates) != stands).sum() < 0.001 * given.len()
    assert again.templates.height == known.height


def test_what_was_known_keeps_its_id_and_only_becomes_more_general(lines: pl.DataFrame) -> None:
    first = mine(lines["content"].head(3_000)).templates
    later = mine(lines["content"].tail(13_000), first).templates
    same = ["template_id", "number"]
    assert later.select(same).head(first.height).equals(first.select(same))
    assert later["number"].to_list() == list(range(1, later.height + 1))
    assert later["template_id"].is_unique().all()
    standing = later.filter(pl.col("merged_into").is_null())
    assert standing["template"].is_unique().all()
    assert set(later["merged_into"].drop_nulls()) <= set(standing["template_id"])
    for before, after in zip(first["template"], later["template"], strict=False):
        assert before == after or after.count("<*>") >= before.count("<*>")


def test_the_order_of_the_lines_of_a_call_and_of_the_known_does_not_count(
    lines: pl.DataFrame,
) -> None:
    known = mine(lines["content"].head(8_000)).templates
    rest = lines["content"].tail(8_000)
    straight = mine(rest, known)
    turned = mine(rest.reverse(), known.reverse())
    assert turned.ids.reverse().equals(straight.ids)
    assert turned.templates.equals(straight.templates)


def test_an_id_is_the_hash_of_the_template_as_it_was_found(lines: pl.DataFrame) -> None:
    found = mine(lines["content"])
    for number, text in found.templates.select("template_id", "template").iter_rows():
        assert number == content_id(text)
    assert found.templates["lines"].sum() == found.ids.len() == 16_000
    assert found.templates["lines"].min() == 1


def test_lines_of_parts_are_counted_where_they_are_now(lines: pl.DataFrame) -> None:
    given, known = stream(lines["content"], 10)
    counts = dict(now(given, known).value_counts().iter_rows())
    standing = known.filter(pl.col("merged_into").is_null())
    assert dict(standing.select("template_id", "lines").iter_rows()) == counts


def test_a_template_has_the_words_of_its_lines_and_gaps_for_their_values() -> None:
    users = ["amy", "bob", "cid", "dan", "eve", "fay"]
    log = [f"Accepted password for {user} from 10.0.0.{i} port 22" for i, user in enumerate(users)]
    assert set(texts(mine(pl.Series(log)))) == {"Accepted password for <*> from <*> port <*>"}


def test_later_values_make_a_template_more_general_and_it_keeps_its_id() -> None:
    first = mine(pl.Series(["session opened for user root now"] * 9))
    users = [f"session opened for user {name} now" for name in "abcdef"]
    then = mine(pl.Series([*users, "session opened for user root now"]), first.templates)
    assert texts(then) == ["session opened for user <*> now"] * 7
    assert set(then.ids) == set(first.ids)


def test_templates_that_become_one_are_merged_into_the_oldest() -> None:
    said = ["session opened for user root now"] * 30 + ["session opened for user ann now"]
    first = mine(pl.Series(said))
    assert first.templates.height == 2
    users = [f"session opened for user {name} now" for name in "abcdef"]
    then = mine(pl.Series(users), first.templates)
    old, young = then.templates["template_id"]
    assert then.templates["merged_into"].to_list() == [None, old]
    assert (young != old, set(then.ids)) == (True, {old})
    assert then.templates["lines"][0] == 37


@pytest.mark.parametrize(
    ("line", "parameters"),
    [
        ("took 12.5 ms, 3 of 7", ["12.5", "3", "7"]),
        ("user amy at /var/log from 10.0.0.1", ["amy", "/var/log", "10.0.0.1"]),
        ("rows 1, 2, 3 of <*> done", ["1", "2", "3", "<*>"]),
        ("nothing varies", []),
        ("", []),
    ],
)
def test_parameters_are_what_varies_in_the_order_of_the_line(
    line: str, parameters: list[str]
) -> None:
    users = [f"user {name} at /x from 10.0.0.{i}" for i, name in enumerate("abcdef")]
    found = mine(pl.Series([line, *users]))
    assert found.parameters[0].to_list() == parameters
    assert found.parameters[1].to_list() == ["a", "/x", "10.0.0.0"]


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("took 12.5 ms, 3 of 7", "took <*> ms, <*> of <*>"),
        ("blk_-1608999687919862906 from /10.250.19.102:54106", "<*> from <*>:<*>"),
        ("GET https://example.org/a?b=1 by proxy.example.org:5070", "GET <*> by <*>"),
        ("connection at Fri Jun 17 07:07:00 2005", "connection at <*>"),
        ("id 550e8400-e29b-41d4-a716-446655440000 is 0x7f3a", "id <*> is <*>"),
        ("open through SOCKS5 with ssh2", "open through SOCKS5 with ssh2"),
        ("sent 5174 bytes (5.05 KB)", "sent <*>"),
        ("sent 12 bytes", "sent <*>"),
        ("freed 1, 2 3,4 of 7", "freed <*> of <*>"),
        ("  spaces \t  between ", "spaces between"),
        ("boom\r\n  at org.shop.Cart.add(Cart.java:12)", "boom"),
        ("", ""),
    ],
)
def test_values_are_told_by_their_looks(line: str, template: str) -> None:
    assert masked(pl.Series([line])).to_list() == [template]
    assert texts(mine(pl.Series([line]))) == [template]


def test_words_without_end_do_not_make_templates_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_templates, "MOST", 10)
    prose = [f"{one}{other}x said" for one in "abcdefgh" for other in "abcdefgh"]
    first = mine(pl.Series(["often said"] * 9 + prose))
    assert first.templates.height == 11
    assert texts(first).count("often said") == 9
    assert texts(first).count("<*> <*>") == 64 - 9
    then = mine(pl.Series(["never said", "often said"]), first.templates)
    assert texts(then) == ["<*> <*>", "often said"]
    assert then.parameters.to_list() == [["never", "said"], []]
    assert then.templates.height == 11


def test_no_line_has_no_template() -> None:
    found = mine(pl.Series([None, "a b"], dtype=pl.String))
    assert found.ids[0] is found.parameters[0] is None
    assert found.templates.height == 1
    nothing = mine(pl.Series([], dtype=pl.String))
    assert (nothing.ids.len(), nothing.templates.height) == (0, 0)


def test_of_a_huge_line_the_beginning_counts() -> None:
    huge = pl.Series(["word " * 200_000, "word " * 300_000])
    found = mine(huge)
    assert found.ids[0] == found.ids[1]
    assert found.templates["template"].str.len_chars().max() <= LONGEST
