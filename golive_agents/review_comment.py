"""A review as a comment on its change request, to be approved by a person."""

from __future__ import annotations

from collections.abc import Iterator

from golive_agents.evidence import Evidence
from golive_agents.proposing import Comment, Proposal, block, code, on_request
from golive_agents.remarks import AGENT, Worded
from golive_agents.review import FileRisk, Review
from golive_core.redact import redact

FILES, FINDINGS = 5, 10


def comment(found: Review, evidence: Evidence, worded: Worded) -> Proposal | None:
    """Return the proposal to comment on the open change request of what was reviewed.

    None where none is known.
    """
    said = Comment(
        found.project_id, AGENT, found.name, _reason(found, worded), tuple(_cites(found)),
        body(found, worded), "golive-review",
    )  # fmt: skip
    return on_request(said, evidence, sha=found.head, branch=found.branch)


def body(found: Review, worded: Worded) -> str:
    """Return the text of the comment, secrets masked; what others wrote stands in code only."""
    parts = [f"Review of {code(found.head[:10])}: {_reason(found, worded)}"]
    parts += [
        f"{code(one.pipeline_id)} fails with probability {one.probability:.0%} "
        f"({one.low:.0%} to {one.high:.0%})"
        for one in found.forecasts[:3]
    ]
    risky = [told for one in found.files[:FILES] if (told := _history(one))]
    if risky:
        parts.append("What the year before says:\n" + "\n".join(risky))
    if found.tests:
        named = (f"- {code(one.title)} is {one.verdict}" for one in found.tests[:FILES])
        parts.append("Tests touched:\n" + "\n".join(named))
    if found.findings:
        said = (f"{one.cite} {one.tool} {one.rule} {one.text}" for one in found.findings)
        parts += ["Findings on new lines:", block(list(said)[:FINDINGS])]
    if worded.remarks:
        model = code(worded.remarks[0].model)
        parts.append(f"A model ({model}) remarks, and did not refute itself; check it:")
        parts.append(block(f"{one.cite} {one.text} Check: {one.check}" for one in worded.remarks))
    return redact("\n\n".join(parts))


def _reason(found: Review, worded: Worded) -> str:
    counts = (
        (len(found.findings), "findings on new lines"), (len(found.tests), "unhealthy tests"),
        (len(worded.remarks), "remarks"),
    )  # fmt: skip
    told = ", ".join(f"{count} {name}" for count, name in counts if count)
    return f"{found.size.files} files, {told or 'nothing found'}"


def _history(one: FileRisk) -> str:
    told = [f"{one.commits} commits by {one.authors} people"] if one.commits else []
    told += [f"{one.mended} of them mending"] if one.mended else []
    told += [f"broke {one.broke} of {one.builds} builds"] if one.broke else []
    told += [f"{one.coverage:.0%} covered"] if one.coverage is not None else []
    return f"- {code(one.path)}: {', '.join(told)}" if told else ""


def _cites(found: Review) -> Iterator[str]:
    yield from (str(cite) for one in found.files[:FILES] for cite in one.cites)
    yield from (str(one.cite) for one in found.tests[:FILES])
    yield from (one.cite for one in found.findings[:FINDINGS])
