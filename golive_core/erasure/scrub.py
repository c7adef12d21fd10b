"""Finding erased people in rows and texts by hashes alone, and putting their pseudonyms in place.

The distinct words of a text are hashed; only where all words of an identifier are there, its
words are known in the clear and replaced where they stand in their order. An e-mail address or a
name is found anywhere; a login, which may be any word, where it stands for a person: as the whole
value of a column of people, after an `@` or in the address of a profile, or as the value of a
field of JSON that names one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from golive_core.erasure import known
from golive_core.erasure.known import Kind, Known

PEOPLE = re.compile(
    r"(author|committer|reviewer|assignee|reporter|owner|user|creator|commenter)s?"
    r"(_name|_email|_login)?|login|email|person|people|recipient|actor|account_id|"
    r"(decided|triggered|changed|requested|approved|made|merged)_by"
)
"""Columns whose whole value is a person."""
FIELDS = "login|user|username|user_name|name|author|email|display_?name|nick_?name|slug|owner|actor"
BEFORE = r"(^|[^\w.+%-]|\\[nrtbf])"
"""What may stand before an address, kept as it is: not `bob.` before `ada@example.org`."""


@dataclass(frozen=True, slots=True)
class Finder:
    """One spelling of one identifier: where it is looked for and what takes its place."""

    kind: Kind
    hashes: tuple[str, ...]
    instead: str


class Scrubber:
    """Replaces everybody on a list; made once for each state of the list."""

    def __init__(self, people: Known) -> None:
        self._known = people
        self._finders = list(finders(people))
        self._hashes = {one for finder in self._finders for one in finder.hashes}

    def frame(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame without them; the same object where nobody was in it."""
        changed = [
            new for column in frame.get_columns()
            if (new := self.column(column, is_person=is_person(table, column.name))) is not column
        ]  # fmt: skip
        return frame.with_columns(changed) if changed else frame

    def column(self, column: pl.Series, *, is_person: bool) -> pl.Series:
        """Return a column of text, lists of text or bytes without them, else the column itself."""
        if column.dtype == pl.List(pl.String):
            return self._list(column, is_person=is_person)
        if column.dtype == pl.Binary:
            text = _decoded(column)
            new = self._replaced(text, is_person=False)
            if new is text:
                return column
            is_text = text.is_not_null()
            return new.cast(pl.Binary).zip_with(is_text, column).alias(column.name)
        return self._replaced(column, is_person=is_person) if column.dtype == pl.String else column

    def _list(self, column: pl.Series, *, is_person: bool) -> pl.Series:
        old = column.explode().drop_nulls().unique()
        new = self._replaced(old, is_person=is_person)
        if new is old:
            return column
        return column.list.eval(pl.element().replace(old, new)).alias(column.name)

    def text(self, text: str, *, is_person: bool = False) -> str:
        """Return a text without them."""
        return self._replaced(pl.Series([text]), is_person=is_person)[0]

    def _replaced(self, column: pl.Series, *, is_person: bool) -> pl.Series:
        old = column.drop_nulls().unique()
        words = self._learned(old)
        new = old
        for finder in self._finders:
            spelt = [words[one] for one in finder.hashes if one in words]
            if len(spelt) == len(finder.hashes):
                new = put(new, finder, spelt, is_person=is_person)
        differs = new != old
        if not differs.any():
            return column
        return column.replace(old.filter(differs), new.filter(differs))

    def _learned(self, texts: pl.Series) -> dict[str, str]:
        """Return hash to word for the words of the texts that are on the list."""
        plain = texts.str.to_lowercase().str.replace_all(r"\\[nrtbf]", " ")
        bare = pl.concat([plain, texts.str.to_lowercase()])
        found = bare.str.extract_all(r"\w+").explode().drop_nulls().unique().to_list()
        pairs = ((self._known.digest(word), word) for word in found)
        return {one: word for one, word in pairs if one in self._hashes}


def _decoded(column: pl.Series) -> pl.Series:
    """Return bytes as text, null where they are none: one body in UTF-16 must not stop the rest."""
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        cells = [_text_of(cell) for cell in column]
        return pl.Series(column.name, cells, dtype=pl.String)


def _text_of(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None


def finders(people: Known) -> Iterator[Finder]:
    """Yield every spelling; addresses first, so that no name inside of one is taken before."""
    order = {"email": 0, "name": 1, "reversed": 2, "handle": 3}
    found = [
        Finder(each.kind, form, one.pseudonym + ("@erased.invalid" if each.kind == "email" else ""))
        for one in people.people for each in one.identifiers for form in each.forms
    ]  # fmt: skip
    yield from sorted(found, key=lambda one: (order[one.kind], -len(one.hashes)))


def put(texts: pl.Series, finder: Finder, words: list[str], *, is_person: bool) -> pl.Series:
    """Return the texts with the pseudonym in place of the words, wherever they mean the person."""
    between = r"(?:,[ +]?|,%|\.)" if finder.kind == "reversed" else r"\W{1,3}"
    spelt = between.join(re.escape(word) for word in words)
    if finder.kind != "handle":
        before = BEFORE if finder.kind == "email" else r"(\b|\\[nrtbf])"
        return texts.str.replace_all(rf"(?i){before}{spelt}\b", f"${{1}}{finder.instead}")
    quote = r'\\?"'
    profile = r"(@|~|/users?/|/u/|github\.com/|gitlab\.com/|bitbucket\.org/)"
    field = rf"({quote}(?:{FIELDS}){quote}\s*:\s*{quote})"
    texts = texts.str.replace_all(rf"(?i){profile}{spelt}\b", f"${{1}}{finder.instead}")
    texts = texts.str.replace_all(rf"(?i){field}{spelt}({quote})", f"${{1}}{finder.instead}${{2}}")
    if is_person:
        texts = texts.str.replace(rf"(?i)^(|.*[:/]){spelt}$", f"${{1}}{finder.instead}")
    return texts


def is_person(table: str, column: str) -> bool:
    """Tell whether the values of a column are people."""
    return PEOPLE.fullmatch(column) is not None or (table == "core.accounts" and column == "name")


def active(root: Path) -> Scrubber | None:
    """Return what keeps the erased out of the lake below `root`; None if there are none."""
    found = known.read(root)
    return _scrubber(found) if found and found.people else None


_scrubber: Callable[[Known], Scrubber] = lru_cache(maxsize=4)(Scrubber)
