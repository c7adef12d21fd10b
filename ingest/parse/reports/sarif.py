"""SARIF 2.1: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.

Read twice, since rules and files may stand behind the results that name them by number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from golive_core.errors import ReportError
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import Body, Finding, count, items, obj, quantity, text

VERSION = "2.1"
HEAD = (
    "version", "runs.*.tool", "runs.*.artifacts.*.location", "runs.*.originalUriBaseIds",
    "runs.*.versionControlProvenance", "runs.*.invocations",
)  # fmt: skip
SEVERITY = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
SCORES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
"""CVSS from which a finding is so severe, as GitHub reads `security-severity`."""
KINDS = (
    ("security", "vulnerability"), ("vulnerability", "vulnerability"), ("correctness", "bug"),
    ("bug", "bug"), ("reliability", "bug"), ("maintainability", "code_smell"),
    ("readability", "style"), ("style", "style"),
)  # fmt: skip
NO_FINDING = frozenset({"pass", "notApplicable"})
PLACEHOLDER = re.compile(r"\{(\d+)\}")
FILE = re.compile(r"file://(?:/(?=[A-Za-z]:))?")
BASES = 8
"""Levels of base URIs that are followed."""

Json = dict[str, object]


def matches(start: Start) -> bool:
    """Tell it by its parts, its schema or its name."""
    is_named = start.name.lower().endswith((".sarif", ".sarif.json"))
    return start.text.startswith("{") and (
        {"version", "runs"} <= start.keys or "sarif" in start.text[:1000].lower() or is_named
    )


@dataclass(slots=True)
class _Run:
    """What results of a run refer to."""

    tool: Json = field(default_factory=dict[str, object])
    rules: dict[str, Json] = field(default_factory=dict[str, dict[str, object]])
    """By id, once they were asked for."""
    files: dict[int, Json] = field(default_factory=dict[int, dict[str, object]])
    bases: Json = field(default_factory=dict[str, object])
    revision: str | None = None
    started: int | None = None
    ended: int | None = None

    @property
    def name(self) -> str:
        return text(obj(self.tool.get("driver")).get("name")) or "(unnamed)"

    def rule(self, result: Json) -> Json:
        """Return the metadata of the rule that a result names by number or by id."""
        said = obj(result.get("rule"))
        component = obj(said.get("toolComponent")).get("index")
        extensions = items(self.tool.get("extensions"))
        holder = obj(self.tool.get("driver"))
        if isinstance(component, int) and 0 <= component < len(extensions):
            holder = obj(extensions[component])
        index = said.get("index", result.get("ruleIndex"))
        rules = items(holder.get("rules"))
        if isinstance(index, int) and 0 <= index < len(rules):
            return obj(rules[index])
        return self._by_id(rule_id(result))

    def _by_id(self, wanted: str) -> Json:
        if not self.rules:
            holders = (self.tool.get("driver"), *items(self.tool.get("extensions")))
            every = (obj(one) for holder in holders for one in items(obj(holder).get("rules")))
            self.rules = {str(one.get("id")): one for one in every}
        return self.rules.get(wanted) or self.rules.get(wanted.partition("/")[0]) or {}

    def path(self, location: Json) -> str | None:
        """Return the path that a location names, below its base where that is relative."""
        uri, base = location.get("uri"), location.get("uriBaseId")
        index = location.get("index")
        if uri is None and isinstance(index, int):
            known = self.files.get(index, {})
            uri, base = known.get("uri"), known.get("uriBaseId")
        if not isinstance(uri, str) or not uri:
            return None
        for _ in range(BASES):
            above = obj(self.bases.get(str(base)))
            before = str(above.get("uri") or "")
            if not before or ":" in before or uri.startswith("/") or ":" in uri:
                break
            uri, base = before + uri, above.get("uriBaseId")
        path = unquote(uri).replace("\\", "/")
        return text(FILE.sub("", path).removeprefix("./"))


def parse(body: Body) -> Iterator[Finding]:
    """Yield every result that is a finding. Raises ReportError for a version that is not 2.1."""
    runs = _runs(body)
    for place, value in values(body.open, "runs.*.results.*", path=body.path):
        result, run = obj(value), runs.setdefault(place[1], _Run())
        if result.get("kind") not in NO_FINDING:
            yield _finding(body, run, result)


def _runs(body: Body) -> dict[str, _Run]:
    runs: dict[str, _Run] = {}
    version = ""
    for place, value in values(body.open, *HEAD, path=body.path):
        if place == ("version",):
            version = str(value)
        else:
            _learn(body, runs.setdefault(place[1], _Run()), place, value)
    if not version.startswith(VERSION):
        said = f"SARIF {version}" if version else "SARIF without a version"
        raise ReportError(f"it is {said[:100]}: only {VERSION} is read", path=body.path, line=1)
    return runs


def _learn(body: Body, run: _Run, place: tuple[str, ...], value: object) -> None:
    what = place[2]
    if what == "tool":
        run.tool = obj(value)
    elif what == "artifacts" and place[3].isdecimal():
        run.files[int(place[3])] = obj(value)
    elif what == "originalUriBaseIds":
        run.bases = obj(value)
    elif what == "invocations":
        for one in map(obj, items(value)):
            run.started = run.started or body.at(one.get("startTimeUtc"))
            run.ended = body.at(one.get("endTimeUtc")) or run.ended
    else:
        revisions = (text(obj(one).get("revisionId")) for one in items(value))
        run.revision = next(revisions, None)


def _finding(body: Body, run: _Run, result: Json) -> Finding:
    rule = run.rule(result)
    level = _level(result, rule)
    place = obj(obj(next(iter(items(result.get("locations"))), None)).get("physicalLocation"))
    region = obj(place.get("region"))
    line = count(region.get("startLine")) or None
    seen = body.at(obj(result.get("provenance")).get("firstDetectionTimeUtc"))
    return Finding(
        run.name,
        rule_id(result) or text(rule.get("id")),
        _kind(rule),
        _severity(level, rule, result),
        level,
        _status(result),
        _message(result, rule),
        run.path(obj(place.get("artifactLocation"))),
        line,
        count(region.get("endLine")) or line,
        run.revision,
        seen or run.started,
        run.ended,
        _identity(result),
        text(result.get("hostedViewerUri")),
    )


def rule_id(result: Json) -> str:
    """Return the id of the rule that a result names, "" if it names none by id."""
    return text(result.get("ruleId")) or text(obj(result.get("rule")).get("id")) or ""


def _level(result: Json, rule: Json) -> str:
    if result.get("kind") not in (None, "fail"):
        return text(result.get("level")) or "none"
    default = obj(rule.get("defaultConfiguration")).get("level")
    return text(result.get("level")) or text(default) or "warning"


def _severity(level: str, rule: Json, result: Json) -> str:
    for one in (result, rule):
        score = quantity(obj(one.get("properties")).get("security-severity"))
        if score is not None:
            return next((word for least, word in SCORES if score > least or score >= least > 0),
                        "info")  # fmt: skip
    return SEVERITY.get(level, "medium")


def _kind(rule: Json) -> str:
    tags = {str(tag).lower() for tag in items(obj(rule.get("properties")).get("tags"))}
    return next((kind for tag, kind in KINDS if tag in tags), "other")


def _status(result: Json) -> str:
    if result.get("baselineState") == "absent":
        return "resolved"
    suppressions = [obj(one) for one in items(result.get("suppressions"))]
    is_ignored = bool(suppressions) and all(
        one.get("status", "accepted") == "accepted" for one in suppressions
    )
    return "ignored" if is_ignored else "open"


def _message(result: Json, rule: Json) -> str:
    """Return the message, from the rule's text with the arguments put in where it says so."""
    said = obj(result.get("message"))
    known = obj(obj(rule.get("messageStrings")).get(str(said.get("id"))))
    words = text(said.get("text")) or text(known.get("text")) or text(said.get("markdown")) or ""
    words = words or text(obj(rule.get("shortDescription")).get("text")) or ""
    given = [str(one) for one in items(said.get("arguments"))]

    def argument(found: re.Match[str]) -> str:
        number = int(found[1][:9])
        return given[number] if number < len(given) else found[0]

    return text(PLACEHOLDER.sub(argument, words)) or ""


def _identity(result: Json) -> str | None:
    """Return what stays when the finding moves, if the analyser says so."""
    stable = text(result.get("correlationGuid"))
    prints: Mapping[str, object] = obj(result.get("fingerprints")) or obj(
        result.get("partialFingerprints")
    )
    return stable or (json.dumps(prints, sort_keys=True) if prints else None)


FORMAT = Format("SARIF findings", "findings", "application/sarif+json", matches, parse)
