"""Templates of log lines: which lines say the same, with other values in them.

One set of masks and thresholds for every system. What is a value by its looks (numbers, words
with digits, paths, URLs, hosts with ports, dates) is masked; lines that are then equal are one
line from there on, so that a million lines are a few thousand. Those of equal shape (the
separators between their words) are split, column by column, until what is left differs in
few words only and those words look like values: many of them, none of them the usual one
(`models/word_columns.py`).

Streaming: a line takes the template that it fits best. Lines that fit none are sorted out together
with the templates of their shape, each counted as often as it came. A template may become more
general by that, never more special: it keeps its id. Where several become one, the oldest stays
and the others say so in `merged_into`. What was given to earlier lines is not touched. The id is
the hash of the text under which a template was first found (`golive_core.ids`).

Pure: series and frames in and out. Where templates are kept is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import polars as pl

from golive_core.ids import content_id
from models import word_columns
from models.word_columns import Words

ANY = "<*>"
"""Stands for a value in a template."""
LONGEST = 4_096
"""Characters of a line that are looked at. Only its first line speaks: traces follow it."""
MOST = 1_000
"""Templates of one shape. Beyond, the rarest lines share one in which every word is a value: what
people write has no templates, and what is known must not grow with every line."""

SEPARATORS = r"\s=:,()\[\]{}\"'|;"
WORD = f"[^{SEPARATORS}]+"
WORDS = re.compile(WORD)
_PLAIN = f"[^{SEPARATORS}<>]"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?"
_WITH_DIGIT = (
    rf"[A-Za-z]*\d(?:{_PLAIN}|:)+",
    rf"[A-Za-z]*[^A-Za-z0-9#<>{SEPARATORS}]{_PLAIN}*\d(?:{_PLAIN}|:)*",
    rf"-?\b\d(?:{_PLAIN}|:)*",
)
"""Words with a digit in them, but not letters with a single digit behind: SOCKS5, ssh2, ipv6."""
_SIZE = r"(?:[KMGTP]i?)?B\b"
VALUE = "|".join(
    (
        rf"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\b{_MONTH} +\d\d?,? +(?:\d{{4}} +)?"
        rf"{_CLOCK}(?: \d{{4}})?",
        r"\b\w+://[^\s,;)\]\"'>]+",
        r"\b[\w-]+(?:\.[\w-]+)+:\d+\b",
        r"(?:/[^\s,;:)\]\"'=(]+)+/?",
        r"<\*>",
        rf"<?(?:{'|'.join(_WITH_DIGIT)})(?: {_SIZE}| sec\b| bytes(?: \([\d.]+ {_SIZE}\))?)?",
    )
)
"""What is a value by its looks: dates, URLs, hosts with ports, paths, words with digits, sizes;
and what stands for one already."""
SPACE = re.compile(r"\s\s+|\t")
LIST = re.compile(rf"(?<![^{SEPARATORS}])<\*>(?:[ ,]+<\*>)+(?![^{SEPARATORS}])")
"""Values one after the other: a list of them, which may have another length the next time."""

KNOWN = pl.Schema({
    "template_id": pl.Int64(), "template": pl.String(), "number": pl.Int64(), "lines": pl.Int64(),
    "merged_into": pl.Int64(),
})  # fmt: skip
"""Templates: `number` is the order in which they were found, `lines` how many had them,
`merged_into` the older one that has taken a template in, null while it stands for itself."""


@dataclass(frozen=True, slots=True)
class Mined:
    """The template of each line (`ids`, Int64), its `parameters`, and all templates by now.

    Parameters (List of String) are what stands at `<*>` in the order of the line; where `<*>`
    stands for a list, each of its values. Templates have the columns of KNOWN.
    """

    ids: pl.Series
    parameters: pl.Series
    templates: pl.DataFrame


def mine(messages: pl.Series, known: pl.DataFrame | None = None) -> Mined:
    """Return the template of each message; those in `known` keep their ids. Null stays null."""
    lines = _marked(messages)
    counts = lines["marked"].drop_nulls().value_counts(name="lines").sort("marked")
    texts = counts.with_columns(pl.col("marked").map_elements(tidied, pl.String).alias("text"))
    book = _Book(KNOWN.to_frame() if known is None else known)
    found = book.read(texts.group_by("text").agg(pl.col("lines").sum()).sort("text"))
    orders = [
        Order.of(one, text, found[text].template)
        for one, text in texts.select("marked", "text").iter_rows()
    ]
    given = texts.select(
        "marked",
        pl.Series("template_id", [found[text].template_id for text in texts["text"]], pl.Int64),
        pl.Series("order", [one and one.numbers for one in orders], pl.List(pl.Int64)),
        pl.Series("words", [one and one.words for one in orders], pl.List(pl.String)),
    )
    told = lines.join(given, on="marked", how="left", maintain_order="left")
    return Mined(told["template_id"], _parameters(told), book.templates())


def masked(messages: pl.Series) -> pl.Series:
    """Return the messages with `<*>` for what is a value by its looks."""
    return _marked(messages)["marked"].map_elements(tidied, pl.String)


def _marked(messages: pl.Series) -> pl.DataFrame:
    """Return the part of each message that is looked at as `line`, with `<*>` in it as `marked`."""
    head = pl.col("line").str.extract(r"^\s*([^\r\n]*)").str.slice(0, LONGEST)
    marked = pl.col("line").str.replace_all(VALUE, ANY).alias("marked")
    return messages.alias("line").to_frame().select(head).with_columns(marked)


def tidied(marked: str) -> str:
    """Return a marked line without runs of spaces, and with one `<*>` for a list of them."""
    text = SPACE.sub(" ", marked).strip().replace(" ()", f" ({ANY})")
    return LIST.sub(ANY, text)


@dataclass(frozen=True, slots=True)
class Order:
    """Which parameters lines have that are equal once marked, where some of them are `words`.

    A parameter's number counts the values of a line by their looks, then its words.
    """

    numbers: list[int]
    words: list[str]

    @classmethod
    def of(cls, marked: str, text: str, template: str) -> Order | None:
        """Return the order for a marked line, tidied as `text`; None if all are values."""
        if text == template:
            return None
        pairs = zip(WORDS.findall(text), WORDS.findall(template), strict=True)
        are_said = iter([stands == ANY for word, stands in pairs if word != ANY])
        order, values, seen = cls([], []), marked.count(ANY), 0
        for word in WORDS.findall(marked):
            if word != ANY and next(are_said):
                order.numbers.append(values + len(order.words))
                order.words.append(word)
            inside = word.count(ANY)
            order.numbers.extend(range(seen, seen + inside))
            seen += inside
        return order if order.words else None


def _parameters(told: pl.DataFrame) -> pl.Series:
    """Return the parameters of each line: its values by their looks, and words among them."""
    values = pl.col("line").str.extract_all(VALUE)
    ordered = pl.concat_list("values", "words").list.gather(pl.col("order"), null_on_oob=True)
    cell = pl.when(pl.col("order").is_null()).then("values").otherwise(ordered)
    return told.with_columns(values.alias("values")).select(cell.alias("parameters")).to_series()


@dataclass(frozen=True, slots=True)
class _Text:
    """A text, its words, how many lines have it, and what it is the template of, if of any."""

    text: str
    words: list[str]
    lines: int
    template: _Template | None = None


@dataclass(slots=True)
class _Template:
    """A template in the making: a row of KNOWN."""

    template_id: int
    template: str
    number: int
    lines: int
    merged_into: int | None


class _Book:
    """All templates by their id, in the order in which they were found."""

    def __init__(self, known: pl.DataFrame) -> None:
        rows = known.select(KNOWN.names()).sort("number").iter_rows()
        self._all = {row[0]: _Template(*row) for row in rows}
        self._last = max((one.number for one in self._all.values()), default=0)

    def templates(self) -> pl.DataFrame:
        """Return all templates by now, shape of KNOWN."""
        rows = [tuple(getattr(one, name) for name in KNOWN) for one in self._all.values()]
        return pl.DataFrame(rows, schema=KNOWN, orient="row")

    def read(self, texts: pl.DataFrame) -> dict[str, _Template]:
        """Return the template of each text; columns are text and lines."""
        new = _by_shape(texts["text"], texts["lines"])
        standing = [one for one in self._all.values() if one.merged_into is None]
        names = pl.Series([one.template for one in standing], dtype=pl.String)
        old = _by_shape(names, [one.lines for one in standing], standing, wanted=new)
        found: dict[str, _Template] = {}
        for shape, those in new.items():
            found |= self._read(shape, those, old.get(shape, []))
        return found

    def _read(self, shape: str, new: list[_Text], old: list[_Text]) -> dict[str, _Template]:
        """Return the templates of the new texts of one shape; `old` are its templates so far."""
        exact = {one.text: one.template for one in old if one.template}
        found = {one.text: exact[one.text] for one in new if one.text in exact}
        left = [one for one in new if one.text not in exact]
        codes = {ANY: 0}
        table = _coded([*old, *left], codes)
        at = word_columns.best_fit(table[len(old) :], table[: len(old)])
        found |= {one.text: t for one, i in zip(left, at, strict=True) if (t := _at(old, i))}
        for one in new:
            if one.text in found:
                found[one.text].lines += one.lines
        rest = np.flatnonzero(at < 0)
        if not rest.size:
            return found
        rows = np.concatenate([np.arange(len(old)), rest + len(old)])
        return found | self._sort_out(
            shape.split("w"), list(codes), table[rows], [*old, *(left[i] for i in rest)]
        )

    def _sort_out(
        self, gaps: list[str], vocabulary: list[str], table: Words, texts: list[_Text]
    ) -> dict[str, _Template]:
        """Return the templates of texts that may be templates, which then become more general."""
        lines = [one.template.lines if one.template else one.lines for one in texts]
        groups: dict[tuple[int, ...], list[_Text]] = {}
        for rows in word_columns.leaves(table, np.array(lines, np.float64)):
            groups.setdefault(word_columns.common(table[rows]), []).extend(texts[i] for i in rows)
        _limit(groups, MOST)
        found: dict[str, _Template] = {}
        for words in sorted(groups, key=lambda one: (one.count(0), one)):
            text = _filled(gaps, [vocabulary[word] for word in words])
            those = groups[words]
            template = self._of(text, [one.template for one in those if one.template])
            template.lines += sum(one.lines for one in those if not one.template)
            found |= {one.text: template for one in those if not one.template}
        return found

    def _of(self, text: str, templates: list[_Template]) -> _Template:
        """Return the template for a text: the oldest of those given, which takes in the others."""
        if not templates:
            return self._standing(content_id(text)) or self._new(text)
        first, *others = sorted(templates, key=lambda one: one.number)
        first.template = text
        first.lines += sum(one.lines for one in others)
        gone = {one.template_id for one in others}
        for one in self._all.values() if gone else ():
            if one.template_id in gone or one.merged_into in gone:
                one.merged_into = first.template_id
        return first

    def _standing(self, template_id: int) -> _Template | None:
        one = self._all.get(template_id)
        return self._all[one.merged_into] if one and one.merged_into is not None else one

    def _new(self, text: str) -> _Template:
        self._last += 1
        one = _Template(content_id(text), text, self._last, 0, None)
        self._all[one.template_id] = one
        return one


def _limit(groups: dict[tuple[int, ...], list[_Text]], most: int) -> None:
    """Put the rarest groups that have no template yet into one, as far as there are too many."""
    over = len(groups) - most
    if over <= 0:
        return
    fresh = [words for words, those in groups.items() if not any(one.template for one in those)]
    fresh.sort(key=lambda words: (sum(one.lines for one in groups[words]), words))
    rest = [one for words in fresh[:over] for one in groups.pop(words)]
    if rest:
        groups.setdefault((0,) * len(rest[0].words), []).extend(rest)


def _at(old: list[_Text], number: int) -> _Template | None:
    return old[number].template if number >= 0 else None


def _by_shape(
    texts: pl.Series, lines: Iterable[int], templates: Iterable[_Template] | None = None,
    *, wanted: Container[str] | None = None,
) -> dict[str, list[_Text]]:  # fmt: skip
    """Return the texts by their shape, which is the text with `w` for every word."""
    shapes, words = texts.str.replace_all(WORD, "w"), texts.str.extract_all(WORD)
    found: dict[str, list[_Text]] = {}
    of = repeat(None) if templates is None else templates
    for shape, text, said, count, one in zip(shapes, texts, words, lines, of, strict=False):
        if wanted is None or shape in wanted:
            found.setdefault(shape, []).append(_Text(text, said.to_list(), count, one))
    return found


def _coded(texts: list[_Text], codes: dict[str, int]) -> Words:
    """Return the words as numbers, shape `(n_texts, n_words)`; new ones are added to `codes`."""
    rows = [[codes.setdefault(word, len(codes)) for word in one.words] for one in texts]
    width = len(texts[0].words) if texts else 0
    return np.array(rows, np.int32).reshape(len(texts), width)


def _filled(gaps: list[str], words: list[str]) -> str:
    return gaps[0] + "".join(word + gap for word, gap in zip(words, gaps[1:], strict=True))
