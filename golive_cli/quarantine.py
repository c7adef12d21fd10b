"""The quarantine file: entries made from evidence, merged with what people wrote, in fixed order.

What belongs here: the shape of the file and the rules of merging; reading it is
`golive_core.quarantine`, who may be in it is decided in `models/quarantine.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import yaml

from golive_core.quarantine import Entry, Key, key, name, read

__all__ = [
    "Entry",
    "Key",
    "Merged",
    "entry",
    "key",
    "merge",
    "name",
    "read",
    "sentence",
    "today",
    "write",
]
HEAD = """\
# Flaky tests set aside for review. golive quarantine export keeps owner, reason, ticket, expires
# and keep as you edit them; comments of your own are not kept.
"""
EDITED = ("owner", "ticket", "expires", "keep", "since")
"""Fields that stay as they stand in the file."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Entries in the order of the file, and a message for each that left."""

    entries: list[Entry]
    messages: list[str]


def entry(row: Mapping[str, Any], flakes: Sequence[Entry], today: date, days: int) -> Entry:
    """Return the entry of a test that may be quarantined; `row` has its names and evidence."""
    evidence = {
        "flakes": row["flakes"], "trials": row["trials"],
        **{name: round(row[name], 4) for name in ("rate", "rate_low", "rate_high")},
        "probability": round(row["probability"], 3), "last_flakes": list(flakes),
    }  # fmt: skip
    return {
        "project": row["project_id"],
        "test": {
            "suite": row["suite"] or "", "class": row["class_name"] or "", "name": row["name"],
            "parameters": row["parameters"] or "", "file": row["file"] or "",
        },
        "owner": row["owner"] or "", "reason": sentence(evidence), "evidence": evidence,
        "since": today, "expires": today + timedelta(days=days), "ticket": "", "keep": False,
    }  # fmt: skip


def sentence(evidence: Mapping[str, Any]) -> str:
    """Return the reason in a sentence, made from the evidence that stands beside it alone."""
    low, high = (f"{100 * evidence[name]:.1f}" for name in ("rate_low", "rate_high"))
    return (
        f"Failed {evidence['flakes']} of {evidence['trials']} judged attempts and a pass "
        f"contradicted each failure; its flake rate is {low} to {high} %."
    )


def merge(
    old: Iterable[Entry], fresh: Iterable[Entry], state: Mapping[Key, str], today: date
) -> Merged:
    """Return what the file should say.

    `state` is, for each judged test, why it may not be in quarantine ("" if it may). An entry
    leaves once it has expired, and once its test is broken or healed; `keep` holds a healed test
    until its expiry, nothing holds a broken one. Entries of tests that were not judged stay.
    """
    wanted = {key(one): one for one in fresh}
    kept: dict[Key, Entry] = {}
    messages: list[str] = []
    for one in old:
        if why := _leaves(one, state.get(key(one), ""), today):
            messages.append(f"{name(one)} leaves quarantine: {why}")
            wanted.pop(key(one), None)
        else:
            kept[key(one)] = _edited(one, wanted.pop(key(one), None))
    entries = {**kept, **wanted}
    return Merged([entries[each] for each in sorted(entries)], messages)


def _leaves(one: Entry, why: str, today: date) -> str:
    if one["expires"] <= today:
        return f"expired on {one['expires']}; the next export proposes it anew if it is still flaky"
    is_held = bool(one.get("keep")) and why.startswith("healed")
    return "" if is_held else why


def _edited(one: Entry, fresh: Entry | None) -> Entry:
    """Return the fresh entry with what people wrote, the old one if there is no fresh one."""
    if fresh is None:
        return one
    said = {name: one[name] for name in EDITED if one.get(name) not in (None, "")}
    is_ours = one.get("reason") in ("", None, _told(one))
    return {**fresh, **said, **({} if is_ours else {"reason": one["reason"]})}


def _told(one: Entry) -> str | None:
    """Return the reason that was made for an entry, None if its evidence was not made here."""
    try:
        return sentence(one["evidence"])
    except (KeyError, TypeError, ValueError):
        return None


def write(entries: Sequence[Entry], form: str) -> str:
    """Return the text of the file: the same entries always give the same text."""
    document = {"version": 1, "tests": list(entries)}
    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"
    return HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)


class _Plain(yaml.SafeDumper):
    """Writes a day that entries share each time: references are unreadable in a review."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def today() -> date:
    """Return the present day, UTC."""
    return datetime.now(UTC).date()
