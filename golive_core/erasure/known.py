"""Who was erased: keyed hashes of the words of their names, in `<lake>/_erased.json`.

The list has to outlive the person's data, or the next pull of the same history would bring them
back. It holds no name: each word is hashed with BLAKE2b under a random key of this lake. Who has
the file can still try names one by one, so it is for its owner alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from golive_core.errors import LakeError, UsageError
from golive_core.lock import alone

FILE = "_erased.json"
FORMAT = 1
SHORTEST = 3
WORD = re.compile(r"\w+")
Kind = Literal["email", "name", "reversed", "handle"]
"""`reversed` is a name with the family name first: Lovelace, Ada."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """One thing that a person is called, as hashed words; `forms` are its spellings."""

    kind: Kind
    forms: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One erased person and the name that stands for them since."""

    pseudonym: str
    at: str
    identifiers: tuple[Identifier, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Everybody who was erased from one lake."""

    key: str
    people: tuple[Person, ...] = ()

    def digest(self, word: str) -> str:
        """Return the keyed hash of a word."""
        key = bytes.fromhex(self.key)
        return hashlib.blake2b(word.encode(), digest_size=16, key=key).hexdigest()

    def identifiers(self, text: str) -> list[Identifier]:
        """Return the hashed identifiers of an e-mail address, a name (both ways) or a login."""
        kind = kind_of(text)
        back = " ".join(WORD.findall(text)[::-1])
        return [
            self._hashed(text, kind),
            *([self._hashed(back, "reversed")] if kind == "name" else []),
        ]

    def _hashed(self, text: str, kind: Kind) -> Identifier:
        forms = {tuple(self.digest(word) for word in form) for form in spellings(text)}
        return Identifier(kind, tuple(sorted(forms)))


def kind_of(text: str) -> Kind:
    """Tell an e-mail address, a name of several words and a login apart; UsageError if short."""
    if len(text.strip()) < SHORTEST:
        hint = "Name an e-mail address, a full name or a login"
        raise UsageError(f"{text!r} is too short to look for", hint=hint)
    if re.fullmatch(r"[^@\s]+@[^@\s]+", text.strip()):
        return "email"
    return "name" if len(WORD.findall(text)) > 1 else "handle"


def spellings(text: str) -> set[tuple[str, ...]]:
    """Return the words of a text as they stand in prose, in JSON and in a URL."""
    written = (text, json.dumps(text), quote(text))
    return {tuple(WORD.findall(one.lower())) for one in written}


def read(root: Path) -> Known | None:
    """Return who was erased from the lake below `root`; None if nobody was."""
    try:
        status = (root / FILE).stat()
    except OSError:
        return None
    return _read(root / FILE, status.st_mtime_ns, status.st_ino, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, *_state: int) -> Known:
    try:
        data = json.loads(path.read_bytes())
        people = tuple(
            Person(one["pseudonym"], one["at"], tuple(
                Identifier(each["kind"], tuple(tuple(form) for form in each["forms"]))
                for each in one["identifiers"]
            ))
            for one in data["people"]
        )  # fmt: skip
        return Known(data["key"], people)
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "Restore it from a backup: without it erased people would come back"
        raise LakeError("cannot be read", where=str(path), hint=hint) from error


def add(root: Path, texts: Iterable[str]) -> Person:
    """Put a person, by all that they are called, on the list; who is there keeps the pseudonym."""
    with alone(root / "_locks", "erased"):
        known = read(root) or Known(secrets.token_hex(32))
        identifiers = [one for text in dict.fromkeys(texts) for one in known.identifiers(text)]
        before = [one for one in known.people if set(one.identifiers) & set(identifiers)]
        pseudonym = before[0].pseudonym if before else f"erased-{secrets.token_hex(4)}"
        had = (each for one in before for each in one.identifiers)
        merged = tuple(dict.fromkeys((*had, *identifiers)))
        person = Person(pseudonym, datetime.now(UTC).isoformat(), merged)
        others = tuple(one for one in known.people if one not in before)
        write(root, Known(known.key, (*others, person)))
    return person


def write(root: Path, known: Known) -> None:
    """Put the list into place, for its owner alone."""
    draft = root / f".{FILE}.new"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({"format": FORMAT, **asdict(known)}))
    draft.replace(root / FILE)
