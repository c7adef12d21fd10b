"""What can be told of a JUnit report without parsing its cases: root, time, verdict, suites.

Searching bytes costs a fiftieth of parsing them, so the pull may do it for every file. Where the
bytes do not say, the answer is "unknown", never a guess that parsing could contradict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from xml.parsers.expat import ExpatError, ParserCreate

from ingest.parse.junit_time import microseconds, seconds

ROOT_BYTES = 64 << 10
MANY_SUITES = 64
"""A report with more suites than this is said to have any."""
TAG = re.compile(rb"<testsuites?(?=[\s/>])((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
ATTRIBUTE = re.compile(rb"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
FAILURE = re.compile(rb"<(?:\w+:)?(?:failure|error)[\s/>]")
CDATA = re.compile(rb"<!\[CDATA\[.*?\]\]>|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """`root` is None for what is not XML; times in µs since 1970; `suites` None for any."""

    root: str | None
    started_at: int | None = None
    ended_at: int | None = None
    duration_s: float = 0.0
    has_failed: bool = False
    suites: frozenset[str] | None = None


def read_head(body: bytes, *, zone: str, newest_at: int) -> Head:
    """Return the head of a report from its bytes, or from the first megabytes of them."""
    body = _as_ascii(body)
    root = root_of(body)
    if root not in ("testsuites", "testsuite"):
        return Head(root)
    suites = list(_suites(body))
    starts = [
        (microseconds(suite.get("timestamp"), zone, newest_at), seconds(suite.get("time")) or 0.0)
        for suite in suites
    ]
    known = [(at, lasted) for at, lasted in starts if at is not None]
    names = frozenset(suite["name"] for suite in suites if suite.get("name"))
    whole = seconds(suites[0].get("time")) if suites else None
    return Head(
        root,
        min((at for at, _ in known), default=None),
        max((at + int(lasted * 1_000_000) for at, lasted in known), default=None),
        whole or sum(lasted for _, lasted in starts),
        _has_failed(body, suites),
        names if names and len(suites) <= MANY_SUITES else None,
    )


def root_of(body: bytes) -> str | None:
    """Return the local name of the root element, None where there is none."""
    found: list[str] = []

    def start(tag: str, _: object) -> None:
        found.append(tag.rpartition(":")[2])
        raise StopIteration

    parser = ParserCreate()
    parser.StartElementHandler = start
    with suppress(ExpatError, LookupError, ValueError, StopIteration):
        parser.Parse(body[:ROOT_BYTES], False)
    return found[0] if found else None


def _as_ascii(body: bytes) -> bytes:
    """Return bytes in which tags can be searched: UTF-16 is read, the rest extends ASCII."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = body.decode("utf-16", "replace")
        return re.sub(r"^<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")
    return body


def _suites(body: bytes) -> Iterator[dict[str, str]]:
    """Yield the attributes of every `<testsuite>` and `<testsuites>`, in order."""
    at = body.find(b"<testsuite")
    while at >= 0:
        tag = TAG.match(body, at)
        if tag:
            yield {
                key.decode("ascii", "replace"): unescape((one or other).decode("utf-8", "replace"))
                for key, one, other in ATTRIBUTE.findall(tag[1])
            }
        at = body.find(b"<testsuite", at + 1)


def _has_failed(body: bytes, suites: list[dict[str, str]]) -> bool:
    """Tell whether the report failed: as its counters say, else by the elements themselves."""
    if not (b"<failure" in body or b"<error" in body or FAILURE.search(body)):
        return False
    counted = [suite.get(key, "") for suite in suites for key in ("failures", "errors")]
    if any(count.strip().isdigit() and int(count) for count in counted):
        return True
    return FAILURE.search(CDATA.sub(b"", body)) is not None
