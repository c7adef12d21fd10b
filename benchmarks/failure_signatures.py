"""Failure signatures: is a failure one when it comes again, and are two failures two.

    python benchmarks/failure_signatures.py

Failures: those of the JUnit reports in the shared folder, and the traces of `benchmarks/traces/`,
one a file, as the runtimes of eleven languages print them. Each is edited. What changes from run to
run (SAME) must leave the signature alone; what makes another problem of it (APART) must not, nor
may two different traces share one. Precision is the share of the pairs with one signature that are
one failure, recall the share of the pairs of one failure that have one signature. Peers: a hash of
type, message and stack, and the type with the first frame without its numbers. The signature was
made while looking at these edits: figures say that it does what it is meant to, not what it does to
a language or a value that is not here.

Joining: each trace of several lines stands in a log, with and without times, between other lines;
it is joined right if one entry holds all of it and not the line behind.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import polars as pl

from golive_core import schema
from golive_core.settings import Instance
from ingest.parse import logs_text
from ingest.parse.signature import signatures
from ingest.parse.traces import thrown
from ingest.source import Context
from ingest.sources.junit import JunitSource

SHARED = Path(os.environ.get("GOLIVE_SHARED", Path(__file__).parents[2] / "shared"))
REPORTS = (
    "fixtures/test-reports",
    "fixtures/coverage/coverage-model/edu/hm/hafner/coverage/parser",
)
TRACES = Path(__file__).parent / "traces"
NOT_OWN = re.compile(
    r"java\.|jdk\.|sun\.|junit|node:|/rustc/|site-packages|sysdeps|libsanitizer|kotlinx|testing"
    r"|maven|groovy|gradle|reflect|<anonymous>|Promise|core::|__rustc|System\."
)
"""Frames that are not of the program."""
FRAME = re.compile(
    r"^(?:[ \t]+at (?:async |get )?(?:java\.base/)?[\w.$<>:|\\ \[\]]+ ?[({]"
    r"|[ \t|]+File \"[^\"]+\", line \d+, in "
    r"|[ \t]*#\d+ +(?:0x\w+ in )?\S|[ \t]+from \S+:\d+:in |\S+\.rb:\d+:in |[ \t]+\d+: \w+::"
    r"|[\w./\-]+\.(?:\(\*\w+\)\.)?\w+\()"
)
FUNCTION = re.compile(r"(?<= in )[A-Za-z_]\w*|[A-Za-z_][\w$]*(?=[>\]' ]*(?:\(|'|$| \())")


class Failure(NamedTuple):
    """What a failure says, and where it is from."""

    kind: str
    message: str
    details: str
    origin: str


Edit = Callable[[Failure, random.Random], Failure]


class Pair(NamedTuple):
    """Two failures, the edit that made them, and whether they are one."""

    edit: str
    is_one: bool
    left: Failure
    right: Failure


def main() -> None:
    """Print joining, then each edit, then precision and recall."""
    failures = [*reported(), *traced()]
    right, of = joined(failures)
    print(f"joined to one entry: {right} of {of} traces, with and without times in the log")
    pairs = list(paired(failures))
    found = {name: method(pairs) for name, method in METHODS.items()}
    print(f"\n{len(failures)} failures\n{'share with one signature':<28}{'pairs':>7}"
          + "".join(f"{name:>18}" for name in found))  # fmt: skip
    for edit, is_one in dict.fromkeys((pair.edit, pair.is_one) for pair in pairs):
        rows = [i for i, pair in enumerate(pairs) if pair.edit == edit]
        shares = [sum(equal[i] for i in rows) / len(rows) for equal in found.values()]
        print(f"{'same ' if is_one else 'apart '}{edit:<22}{len(rows):>7}"
              + "".join(f"{share:>18.3f}" for share in shares))  # fmt: skip
    for word, number in (("precision", 0), ("recall", 1)):
        cells = [scored(pairs, equal)[number] for equal in found.values()]
        print(f"{word:<35}" + "".join(f"{cell:>18.3f}" for cell in cells))


def reported() -> list[Failure]:
    """Return the failures of the JUnit reports in the shared folder, none if it is missing."""
    paths = [str(SHARED / path) for path in REPORTS if (SHARED / path).exists()]
    if not paths:
        return []
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance("reports", "junit", "shop", {"paths": paths})
        source = JunitSource(instance, Context(home=Path(folder), base=Path(folder)))
        rows = [
            parsed.tables["core.failures"]
            for batch in source.pull("reports", cursor=None, window=None)
            for unit in source.plan(
                schema.conform(schema.raw_table("junit"), batch.payloads.with_columns(sequence=1))
            )
            for parsed in source.parse(unit)
            if "core.failures" in parsed.tables
        ]
    found = pl.concat(rows).unique("failure_id", maintain_order=True).sort("failure_id")
    said = found.select(pl.col("type", "message", "details").fill_null(""))
    return [Failure(*_three(row), "report") for row in said.iter_rows() if any(row)]


def traced() -> list[Failure]:
    """Return the failures of the traces beside this file."""
    paths = sorted(TRACES.glob("*.txt"))
    found = thrown(pl.Series([path.read_text().rstrip("\n") for path in paths]))
    rows = zip(found.iter_rows(), paths, strict=True)
    return [Failure(*_three(row), path.stem) for row, path in rows]


def _three(texts: Iterable[str]) -> tuple[str, str, str]:
    kind, message, details = texts
    return kind, message, details


def joined(failures: Sequence[Failure]) -> tuple[int, int]:
    """Return how many traces of several lines are joined right, of how many."""
    stacks = (re.split(r"\n\[system-(?:out|err)\]", one.details)[0] for one in failures)
    texts = [text for text in stacks if "\n" in text and _has_frames(text)]
    right = sum(is_joined(text, timed=timed) for text in texts for timed in (True, False))
    return right, 2 * len(texts)


def _has_frames(text: str) -> bool:
    return any(FRAME.match(line) for line in text.splitlines())


def is_joined(text: str, *, timed: bool) -> bool:
    """Tell whether a trace in a log is one entry, which ends where the trace does."""
    times = [f"2026-03-02 09:00:0{i} " if timed else "" for i in range(3)]
    lines = [f"{times[0]}INFO starting", f"{times[1]}ERROR request failed", *text.splitlines()]
    lines.append(f"{times[2]}INFO going on")
    now = datetime(2026, 3, 2, 10, tzinfo=UTC)
    entries = logs_text.entries(pl.Series("line", lines), zone="UTC", now=now)
    *_, trace, last = entries["message"].to_list()
    said = [line.strip() for line in text.splitlines() if line.strip()]
    held = [line.strip() for line in trace.splitlines() if line.strip()]
    return last.endswith("going on") and "\n" not in last and held[-len(said) :] == said


def paired(failures: Sequence[Failure]) -> Iterator[Pair]:
    """Yield the pairs of each edit that changes something, and those of different traces."""
    rng = random.Random(1)
    for edits, is_one in ((SAME, True), (APART, False)):
        for name, edit in edits.items():
            for one in failures:
                left, right = (edit(one, rng), edit(one, rng)) if is_one else (one, edit(one, rng))
                if left[:3] != right[:3]:
                    yield Pair(name, is_one, left, right)
    traces = [one for one in failures if one.origin != "report"]
    for left, right in combinations(traces, 2):
        yield Pair("another trace", False, left, right)


def scored(pairs: Sequence[Pair], equal: Sequence[bool]) -> tuple[float, float]:
    """Return precision and recall."""
    both = sum(same and pair.is_one for pair, same in zip(pairs, equal, strict=True))
    return both / max(sum(equal), 1), both / max(sum(pair.is_one for pair in pairs), 1)


def by_signature(pairs: Sequence[Pair]) -> list[bool]:
    """Tell which pairs have one signature."""
    sides = [
        signatures(
            pl.DataFrame(
                [one[:3] for one in side], schema=["type", "message", "details"], orient="row"
            )
        )
        for side in ([pair.left for pair in pairs], [pair.right for pair in pairs])
    ]
    return (sides[0] == sides[1]).to_list()


def by_text(pairs: Sequence[Pair]) -> list[bool]:
    """Tell which pairs say the same, character by character: a naive hash."""
    return [pair.left[:3] == pair.right[:3] for pair in pairs]


def by_first_frame(pairs: Sequence[Pair]) -> list[bool]:
    """Tell which pairs have one type and one first frame, but for its numbers."""
    return [_first(pair.left) == _first(pair.right) for pair in pairs]


def _first(one: Failure) -> tuple[str, str]:
    frames = (line for line in one.details.splitlines() if FRAME.match(line))
    return one.kind, re.sub(r"0x[0-9a-f]+|\d+", "#", next(frames, one.message))


METHODS: Mapping[str, Callable[[Sequence[Pair]], list[bool]]] = {
    "signature": by_signature, "naive hash": by_text, "type, first frame": by_first_frame,
}  # fmt: skip


def _everywhere(pattern: str, make: Callable[[random.Random], str]) -> Edit:
    """Return the edit that puts something else wherever the pattern is."""

    def edit(one: Failure, rng: random.Random) -> Failure:
        texts = (re.sub(pattern, lambda _: make(rng), text) for text in one[:3])
        return Failure(*_three(texts), one.origin)

    return edit


def _said(make: Callable[[random.Random], str]) -> Edit:
    """Return the edit that adds something to what was said, in the message and in the stack."""

    def edit(one: Failure, rng: random.Random) -> Failure:
        more = make(rng)
        message = f"{one.message} {more}"
        if len(one.message) > 3 and one.message in one.details:
            return one._replace(
                message=message, details=one.details.replace(one.message, message, 1)
            )
        return one._replace(message=message)

    return edit


def _added(when: str, make: Callable[[random.Random], str]) -> Edit:
    """Return the edit that adds lines below a stack in which the pattern is."""

    def edit(one: Failure, rng: random.Random) -> Failure:
        if not re.search(when, one.details, re.MULTILINE):
            return one
        return one._replace(details=f"{one.details}\n{make(rng)}")

    return edit


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.randrange(16 ** (digits - 1), 16**digits):x}"


def _uuid(rng: random.Random) -> str:
    return "-".join(_hex(rng, digits) for digits in (8, 4, 4, 4, 12))


def _line(rng: random.Random) -> str:
    return str(rng.randint(1, 4_000))


def _line_ends(one: Failure, rng: random.Random) -> Failure:
    ends = rng.choice(("\n", "\r\n"))
    return one._replace(details=ends.join(one.details.splitlines()))


def _reflection(one: Failure, rng: random.Random) -> Failure:
    """Put the frame below the first that the JVM makes, another one each time."""
    made = f"\tat jdk.internal.reflect.GeneratedMethodAccessor{rng.randint(1, 99)}.invoke(Unknown)"
    return one._replace(details=re.sub(r"(?m)^(\tat .*)$", rf"\1\n{made}", one.details, count=1))


HOMES = "/home"
ROOTS = ("/srv/", f"{HOMES}/ann/", f"{HOMES}/ci/work/shop/", "/builds/team/", "/Users/bob/")
SAME: dict[str, Edit] = {
    "line numbers": _everywhere(
        r"(?<=\.[a-z]{2}:)\d+|(?<=\.\w:)\d+|(?<=\.java:)\d+|(?<=line )\d+", _line
    ),
    "columns": _everywhere(r"(?<=:\d\d:)\d+|(?<=:\d:)\d+", _line),
    "addresses": _everywhere(r"0x[0-9a-f]{3,}", lambda rng: f"0x{_hex(rng, 12)}"),
    "identities": _everywhere(r"@[0-9a-f]{6,8}\b", lambda rng: f"@{_hex(rng, 8)}"),
    "temporary paths": _said(lambda rng: f"in /tmp/build-{_hex(rng, 6)}/{_hex(rng, 3)}/out.txt"),
    "home of the checkout": _everywhere(r"/srv/", lambda rng: rng.choice(ROOTS)),
    "UUIDs": _said(lambda rng: f"for order {_uuid(rng)}"),
    "hashes": _said(lambda rng: f"at commit {_hex(rng, 40)}"),
    "durations": _said(lambda rng: f"after {rng.uniform(0.1, 90):.2f} s"),
    "dates": _said(lambda rng: f"on 2026-0{rng.randint(1, 9)}-11T09:30:0{rng.randint(0, 9)}Z"),
    "hosts": _said(lambda rng: f"from 10.0.{rng.randint(0, 255)}.7:{rng.randint(1_024, 65_000)}"),
    "threads": _said(lambda rng: f"in pool-{rng.randint(1, 9)}-thread-{rng.randint(1, 99)}"),
    "process ids": _everywhere(r"(?<===)\d+(?===)", _line),
    "line ends": _line_ends,
    "frames in common": _everywhere(r"(?<=\.\.\. )\d+(?= more)", _line),
    "reflection": _reflection,
    "place of packages": _everywhere(
        r"/usr/lib/python3\.11/(?=site-packages)",
        lambda rng: f"/opt/venv-{_hex(rng, 3)}/lib/python3.{rng.randint(10, 14)}/",
    ),
    "other goroutines": _added(
        r"^goroutine ",
        lambda rng: f"\ngoroutine {_line(rng)} [{rng.choice(('select', 'IO wait'))}]:\n"
        f"net.poll{rng.choice('ABC')}(0xc000)\n\t/usr/local/go/src/net/fd.go:{_line(rng)} +0x1f",
    ),
    "marks below source": _everywhere(r"\n[ |]*\^+(?=\n)", lambda rng: rng.choice(("", "\n    ^"))),
}  # fmt: skip
"""What changes from run to run, machine to machine, version to version of a runtime."""


def _renamed(number: int) -> Edit:
    """Return the edit that gives the function of the program's n-th own frame another name."""

    def edit(one: Failure, rng: random.Random) -> Failure:
        lines = one.details.splitlines()
        own = [i for i, line in enumerate(lines) if FRAME.match(line) and not NOT_OWN.search(line)]
        if len(own) <= number:
            return one
        at = own[number]
        lines[at] = FUNCTION.sub(r"other_\g<0>", lines[at], count=1)
        return one._replace(details="\n".join(lines))

    return edit


def _other_type(one: Failure, rng: random.Random) -> Failure:
    if not one.kind:
        return one
    texts = (text.replace(one.kind, "shop.OtherError") for text in one[:3])
    return Failure(*_three(texts), one.origin)


def _other_word(one: Failure, rng: random.Random) -> Failure:
    """Put another word for the first long one of the message."""
    word = re.search(r"\b[A-Za-z]{5,}\b", one.message)
    if not word:
        return one
    message, details = (text.replace(word[0], "unexpectedly", 1) for text in one[1:3])
    return one._replace(message=message, details=details)


def _one_more(one: Failure, rng: random.Random) -> Failure:
    """Put another frame above the first own one."""
    lines = one.details.splitlines()
    own = [i for i, line in enumerate(lines) if FRAME.match(line) and not NOT_OWN.search(line)]
    if not own:
        return one
    lines.insert(own[0], FUNCTION.sub(r"other_\g<0>", lines[own[0]], count=1))
    return one._replace(details="\n".join(lines))


APART: dict[str, Edit] = {
    "type": _other_type,
    "word of the message": _other_word,
    "first own frame": _renamed(0),
    "second own frame": _renamed(1),
    "one more frame": _one_more,
}
"""What makes another problem of a failure."""


if __name__ == "__main__":
    main()
