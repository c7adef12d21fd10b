"""What agents propose to do: typed, complete, and harmless until a person approves it.

A proposal names a verb and all its parameters as they would be sent, with the evidence. Nothing
here performs anything or knows how: `assets/proposals.py` keeps proposals, people decide.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from golive_agents.diagnosis import Diagnosis
from golive_agents.evidence import Evidence
from golive_agents.explanation import Explanation
from golive_core.redact import redact

AGENT = "error_resolver"
COMMENTED = ("github", "gitlab", "bitbucket")
"""Sources whose change requests can be commented on: `<source>.set_comment`."""
REQUEST = re.compile(r"([^:]+):(.+)[#!](\d+)")
LINES = 5
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Proposal:
    """One action, what it is about and why; `parameters` are exactly those of the verb."""

    project_id: str
    agent: str
    subject: str
    title: str
    reason: str
    evidence: tuple[str, ...]
    action: str
    instance: str
    parameters: Mapping[str, str | int]

    @property
    def proposal_id(self) -> str:
        """The hash of what would be done: the same is proposed once."""
        parts = [self.action, self.instance, self.parameters]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def comment(
    found: Explanation, evidence: Evidence, diagnosis: Diagnosis | None = None
) -> Proposal | None:
    """Return the proposal to comment on the change request of an explained build.

    None where no open change request of it is known.
    """
    said = Comment(
        found.project_id, AGENT, found.id, found.next_step.text if found.next_step else found.title,
        tuple(_cites(found)), body(found, diagnosis), "golive-explain",
    )  # fmt: skip
    return on_request(said, evidence, sha=found.commit_sha, branch=found.branch)


@dataclass(frozen=True, slots=True)
class Comment:
    """What an agent would say on a change request; `marker` finds its comment again."""

    project_id: str
    agent: str
    subject: str
    reason: str
    cites: tuple[str, ...]
    body: str
    marker: str


def on_request(said: Comment, evidence: Evidence, *, sha: str, branch: str) -> Proposal | None:
    """Return the proposal to put a comment on the open change request of a commit or branch.

    None where none is known.
    """
    rows = evidence.rows("change_request", project=said.project_id, sha=sha, branch=branch)
    row = rows.row(0, named=True) if rows.height else None
    place = REQUEST.fullmatch(row["change_request_id"]) if row else None
    if row is None or place is None or row["source"] not in COMMENTED:
        return None
    return Proposal(
        said.project_id, said.agent, said.subject,
        f"Comment on {place[2]} {place[3]}: {row['title']}", said.reason, said.cites,
        f"{row['source']}.set_comment", place[1],
        {"repository": place[2], "number": int(place[3]), "body": said.body,
         "marker": said.marker},
    )  # fmt: skip


def body(found: Explanation, diagnosis: Diagnosis | None = None) -> str:
    """Return the text of the comment, secrets masked; what others wrote stands in code only."""
    parts = [f"Why {code(found.build_id or found.id)} failed"]
    if found.next_step:
        step = found.next_step
        parts.append(f"Next: {code(step.text)}")
        parts += [f"    {_flat(step.command)}"] if step.command else []
    if found.lines:
        parts += [
            "Telling lines:",
            block(f"{one.number}  {one.text}" for one in found.lines[:LINES]),
        ]
    if found.suspects:
        parts.append("Likeliest commits:\n" + "\n".join(
            f"- {code(one.sha[:10])} {one.probability:.0%} {code(one.subject or '')}"
            for one in found.suspects.commits[:3]
        ))  # fmt: skip
    if diagnosis:
        parts.append(f"A model ({code(diagnosis.model)}) words it so; check it against the lines:")
        parts.append(block(one.text for one in diagnosis.claims))
    return redact("\n\n".join(parts))


def code(text: str) -> str:
    """Return a text as code of Markdown: nobody is mentioned, nothing is linked or drawn."""
    return f"`{_flat(text)[:LONGEST]}`" if text.strip() else ""


def block(lines: Iterable[str]) -> str:
    """Return lines as a block of code of Markdown."""
    return "\n".join(("```text", *(_flat(line)[:LONGEST] for line in lines), "```"))


def _flat(text: str) -> str:
    """Return a text in one line that cannot end the code it stands in."""
    return " ".join(text.replace("`", "'").split())


def _cites(found: Explanation) -> Iterator[str]:
    yield from (str(one) for one in found.cites)
    yield from (one.cite for one in found.lines[:LINES])
    yield from (str(one.cite) for one in (found.suspects.commits[:3] if found.suspects else ()))
