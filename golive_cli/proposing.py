"""A comment on a change request that an agent proposes: into the queue, where people decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from golive_cli.output import say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_agents.proposing import Proposal
    from golive_core.lake import Lake


def put(lake: Lake, proposal: Proposal | None, *, where: str, whose: str) -> None:
    """Put a proposal into the queue; UsageError where nothing is known that it could go to."""
    from assets import proposals

    if proposal is None:
        raise UsageError(
            f"no open change request of {whose} is known", where=where,
            hint="golive ingest reads those of GitHub, GitLab and Bitbucket",
        )  # fmt: skip
    is_new = proposals.put(lake, proposal)
    number = proposal.proposal_id[:10]
    say(f"{'Proposed' if is_new else 'Proposed before'}: golive proposals show {number}")
