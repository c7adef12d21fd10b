"""Templates of log lines: which lines say the same, with other values in them.

One set of masks and thresholds for every system. What is a value by its looks (numbers, words
with digits, paths, URLs, hosts with ports, dates) is masked; lines that are then equal are one
line from there on, so that a million lines are a few thousand. Those of equal shape (the
separators between their words) are split, column by column, until what is left differs in
few words only and those words look like values: many of them, none of them the usual one.

Streaming: a line takes the first template, in the order in which they were found, that it fits;
lines that fit none make new ones, which come behind. So a line once given an id gets the same id
for ever, whatever comes later. The id is the hash of the template's text (`golive_core.ids`).
Pure: series and frames in and out. Where templates are kept is not decided here.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from golive_core.ids import content_id

ANY = "<*>"
"""Stands for a value in a template."""
LONGEST = 4_096
"""Characters of a line that are looked at. Only its first line speaks: traces follow it."""
ALIKE = 0.7
"""Share of the words that lines of one template have in common."""
USUAL = 2.5
"""Words are values if they are at least so many, each counted by its share: the exponential of
their entropy. Three names that are equally frequent are; `root` with two rare others is not."""
MANY = 5
"""Different words that are values, however often one of them comes."""

SEPARATORS = r"\s=:,()\[\]{}\"'|;"
WORD = f"[^{SEPARATORS}]+"
_PLAIN = f"[^{SEPARATORS}<>]"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?"
_WITH_DIGIT = (
    rf"[A-Za-z]*\d(?:{_PLAIN}|:)+",
    rf"[A-Za-z]*[^A-Za-z0-9#<>{SEPARATORS}]{_PLAIN}*\d(?:{_PLAIN}|:)*",
    rf"-?\b\d(?:{_PLAIN}|:)*",
)
"""Words with a digit in them, but not letters with a single digit behind: SOCKS5, ssh2, ipv6."""
VALUE = "|".join(
    (
        rf"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?\b{_MONTH} +\d\d?,? +(?:\d{{4}} +)?"
        rf"{_CLOCK}(?: \d{{4}})?",
        r"\b\w+://[^\s,;)\]\"'>]+",
        r"\b[\w-]+(?:\.[\w-]+)+:\d+\b",
        r"(?:/[^\s,;:)\]\"'=(]+)+/?",
        rf"<?(?:{'|'.join(_WITH_DIGIT)})(?: (?:[KMGTP]i?)?B\b| sec\b)?",
    )
)
"""What is a value by its looks: dates, URLs, hosts with ports, paths, words with digits, sizes."""

KNOWN = pl.Schema({
    "template_id": pl.Int64(), "template": pl.String(), "number": pl.Int64(), "lines": pl.Int64(),
})  # fmt: skip
"""Templates: `number` is the order in which they were found, `lines` how many had them."""
Words = NDArray[np.int32]
Rows = NDArray[np.intp]
Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mined:
    """The template of each line (`ids`, Int64), and all templates by now (columns of KNOWN)."""

    ids: pl.Series
    templates: pl.DataFrame


def mine(messages: pl.Series, known: pl.DataFrame | None = None) -> Mined:
    """Return the template of each message; those in `known` keep their ids. Null stays null."""
    before = KNOWN.to_frame() if known is None else known.select(KNOWN.names()).sort("number")
    text = masked(messages).alias("text")
    new = _by_shape(text.drop_nulls().value_counts(name="lines").sort("text"))
    old = _by_shape(before.rename({"template": "text"}), new)
    book = _Book(dict(before.select("template", "template_id").iter_rows()))
    found: dict[str, int] = {}
    for shape, texts in new.items():
        found |= book.read(shape, texts, old.get(shape, []))
    ids = text.replace_strict(found, default=None, return_dtype=pl.Int64).alias("template_id")
    return Mined(ids, _with_lines(pl.concat([before, _added(before, book.ids)]), ids))


def masked(messages: pl.Series) -> pl.Series:
    """Return the messages with `<*>` for what is a value by its looks."""
    text = pl.col(messages.name).str.extract(r"^\s*([^\r\n]*)").str.slice(0, LONGEST)
    text = text.str.replace_all(VALUE, ANY).str.replace_all(r"\s\s+|\t", " ").str.strip_chars()
    text = text.str.replace_all(" ()", f" ({ANY})", literal=True)
    text = text.str.replace_all(f"{ANY} bytes ({ANY})", f"{ANY} bytes", literal=True)
    return messages.to_frame().select(text).to_series()


def _by_shape(texts: pl.DataFrame, wanted: Container[str] | None = None) -> dict[str, list[_Text]]:
    """Return the texts by their shape, which is the text with `w` for every word."""
    text = pl.col("text")
    shaped = texts.with_columns(
        text.str.replace_all(WORD, "w").alias("shape"), text.str.extract_all(WORD).alias("words")
    )
    found: dict[str, list[_Text]] = {}
    for shape, *cells in shaped.select("shape", "text", "words", "lines").iter_rows():
        if wanted is None or shape in wanted:
            found.setdefault(shape, []).append(_Text(*cells))
    return found


def _added(before: pl.DataFrame, ids: dict[str, int]) -> pl.DataFrame:
    """Return the templates of `ids` behind those of `before`, numbered onwards."""
    last = before["number"].to_list()[-1:] or [0]
    new = list(ids.items())[before.height :]
    rows = [(one, text, number, 0) for number, (text, one) in enumerate(new, last[0] + 1)]
    return pl.DataFrame(rows, schema=KNOWN, orient="row")


def _with_lines(templates: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Add the lines that were given each id now."""
    now = ids.drop_nulls().alias("template_id").value_counts(name="now")
    lines = pl.col("lines") + pl.col("now").fill_null(0).cast(pl.Int64)
    joined = templates.join(now, on="template_id", how="left", maintain_order="left")
    return joined.with_columns(lines).select(KNOWN.names())


@dataclass(frozen=True, slots=True)
class _Text:
    """A masked line or a template, its words, and how many lines have it."""

    text: str
    words: list[str]
    lines: int


@dataclass(slots=True)
class _Book:
    """The ids of all templates by their text, in the order in which they were found."""

    ids: dict[str, int]

    def read(self, shape: str, new: list[_Text], old: list[_Text]) -> dict[str, int]:
        """Return the id of each new text of one shape; `old` are its templates so far."""
        codes = {ANY: 0}
        table = _coded([*old, *new], codes)
        templates, words = table[: len(old)], table[len(old) :]
        at = _first_fit(words, templates)
        rest = np.flatnonzero(at < 0)
        ids = [self.ids[one.text] for one in old]
        if rest.size:
            lines = np.array([one.lines for one in (*old, *(new[i] for i in rest))], np.float64)
            fresh = _templates(np.concatenate([templates, words[rest]]), lines, len(old))
            at[rest] = _first_fit(words[rest], fresh) + len(old)
            ids += self._add(shape, fresh, list(codes))
        return {one.text: ids[i] for one, i in zip(new, at, strict=True)}

    def _add(self, shape: str, templates: Words, vocabulary: list[str]) -> list[int]:
        gaps = shape.split("w")
        texts = [_filled(gaps, [vocabulary[code] for code in row]) for row in templates.tolist()]
        return [self.ids.setdefault(text, content_id(text)) for text in texts]


def _coded(texts: list[_Text], codes: dict[str, int]) -> Words:
    """Return the words as numbers, shape `(n_texts, n_words)`; new ones are added to `codes`."""
    rows = [[codes.setdefault(word, len(codes)) for word in one.words] for one in texts]
    return np.array(rows, np.int32).reshape(len(texts), len(texts[0].words))


def _filled(gaps: list[str], words: list[str]) -> str:
    return gaps[0] + "".join(word + gap for word, gap in zip(words, gaps[1:], strict=True))


def _first_fit(words: Words, templates: Words) -> Rows:
    """Return the first template that each text fits, shape `(n_texts,)`, -1 for none.

    A text fits if it has every word of the template, anything for a value, and is ALIKE.
    """
    found = np.full(words.shape[0], -1, np.intp)
    left = np.arange(words.shape[0])
    for number, template in enumerate(templates):
        if not left.size:
            break
        is_value = template == 0
        said = (is_value & (words[left] != 0)).sum(axis=1)
        kept = template.size - is_value.sum()
        fits = ((words[left] == template) | is_value).all(axis=1)
        fits &= kept >= ALIKE * (kept + said)
        found[left[fits]] = number
        left = left[~fits]
    return found


def _templates(words: Words, lines: Weights, old: int) -> Words:
    """Return the templates of the texts from row `old` on, the most specific first."""
    made: list[list[int]] = []
    for rows in _leaves(words, lines):
        if rows.max() >= old:
            first = words[rows[0]]
            varies = (words[rows] != first).any(axis=0)
            made.append(np.where(varies, 0, first).tolist())
    made.sort(key=lambda row: (row.count(0), row))
    return np.array(made, np.int32).reshape(len(made), words.shape[1])


def _leaves(words: Words, lines: Weights) -> Iterator[Rows]:
    """Yield the rows of each template."""
    todo: list[Rows] = [np.arange(words.shape[0])]
    while todo:
        rows = todo.pop()
        column = _divides(words[rows], lines[rows]) if rows.size > 1 else None
        if column is None:
            yield rows
        else:
            values = words[rows, column]
            order = np.argsort(values, kind="stable")
            cuts = np.flatnonzero(np.diff(values[order])) + 1
            todo.extend(np.split(rows[order], cuts))


def _divides(words: Words, lines: Weights) -> int | None:
    """Return the column whose words tell templates apart, None where all are of one template."""
    varies = (words != words[0]).any(axis=0)
    columns = sorted((np.unique(words[:, i]).size, int(i)) for i in np.flatnonzero(varies))
    kept = int((~varies & (words[0] != 0)).sum())
    if kept < ALIKE * (kept + len(columns)):
        return columns[0][1]
    few = (i for size, i in columns if size < MANY)
    return next((i for i in few if not _is_value(words[:, i], lines)), None)


def _is_value(words: Words, lines: Weights) -> bool:
    """Tell whether few different words in one place are values, by what they are or how even."""
    share = np.bincount(words, lines)
    share = share[share > 0] / share.sum()
    return bool((words == 0).any()) or float(np.exp(-(share * np.log(share)).sum())) >= USUAL
