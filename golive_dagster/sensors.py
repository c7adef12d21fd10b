"""Sensors: ask sources cheaply for news, and look at folders for new reports.

Both ask `source.has_news` against the stored cursor, which for files is a look at their times and
sizes. A source that does not answer, or whose runs bring nothing, is asked less and less often; one
whose server wants rest is not asked before that is over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from assets.cursors import State
from assets.partitions import today
from assets.workspace import Workspace
from golive_core.errors import GoLiveError, SourceThrottledError
from golive_dagster.busy import is_busy, pause_of
from golive_dagster.jobs import INSTANCE_TAG, job_name

if TYPE_CHECKING:
    from golive_dagster.jobs import UnresolvedAssetJobDefinition

NEWS_SECONDS = 60
FOLDER_SECONDS = 15
BUDGET_SECONDS = 30.0
"""Time of one tick; Dagster ends a tick after 60. Instances left over come first in the next."""
FIRST_WAIT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 3600.0


@dataclass(slots=True)
class Poll:
    """What a sensor remembers of one instance; times are UNIX seconds."""

    asked_at: float = 0.0
    not_before: float = 0.0
    sequence: int = -1
    """Newest raw sequence when a run was last requested."""
    tries: int = 0

    def wait(self, now: float) -> None:
        """Hold the instance back, twice as long as the last time."""
        seconds = min(FIRST_WAIT_SECONDS * 2**self.tries, LONGEST_WAIT_SECONDS)
        self.not_before, self.tries = now + seconds, self.tries + 1

    def calm(self) -> None:
        """Forget that there was trouble."""
        self.not_before, self.tries = 0.0, 0


def reads_folders(workspace: Workspace, name: str) -> bool:
    """Tell whether an instance reads files that somebody drops, which is cheap to look at."""
    return "paths" in workspace.instances[name].options


def sensors(
    workspace: Workspace, jobs: Sequence[UnresolvedAssetJobDefinition]
) -> list[dg.SensorDefinition]:
    """Return the sensors `news` and `drop_folders`; one without instances is left out.

    `jobs` are those of `ingest_jobs`, which the sensors start.
    """
    by_name = {job.name: job for job in jobs}
    dropped = [name for name in workspace.instances if reads_folders(workspace, name)]
    polled = [name for name in workspace.instances if name not in dropped]
    news = ("news", polled, NEWS_SECONDS, "Asks each source for news.")
    drops = ("drop_folders", dropped, FOLDER_SECONDS, "Looks for new report files.")
    return [
        _sensor(workspace, name, {one: by_name[job_name(one)] for one in instances}, seconds, doc)
        for name, instances, seconds, doc in (news, drops)
        if instances
    ]


def _sensor(
    workspace: Workspace,
    name: str,
    jobs: Mapping[str, UnresolvedAssetJobDefinition],
    seconds: int,
    description: str,
) -> dg.SensorDefinition:
    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        polls = {key: Poll(**value) for key, value in json.loads(context.cursor or "{}").items()}
        pauses: list[str] = []
        requests = list(_requests(context, workspace, jobs, polls, pauses))
        kept = {key: asdict(poll) for key, poll in polls.items() if key in workspace.instances}
        for pause in pauses:
            context.log.info(pause)
        # Dagster takes a reason only where nothing is started.
        reason = "; ".join(pauses) if pauses and not requests else None
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(kept), skip_reason=reason)

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        jobs=list(jobs.values()),
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )


def _requests(
    context: dg.SensorEvaluationContext,
    workspace: Workspace,
    instances: Iterable[str],
    polls: dict[str, Poll],
    pauses: list[str],
) -> Iterator[dg.RunRequest]:
    """Yield a run for each instance with news; `pauses` takes why others are left alone."""
    started, now = time.monotonic(), datetime.now(UTC).timestamp()
    for name in sorted(instances, key=lambda one: polls.setdefault(one, Poll()).asked_at):
        poll = polls[name]
        if time.monotonic() - started > BUDGET_SECONDS:
            break
        if now < poll.not_before or is_busy(context.instance, workspace, name):
            continue
        if pause := pause_of(workspace, name):
            pauses.append(pause)
            continue
        poll.asked_at = now
        try:
            state = State.read(workspace.lake, name)
            has_news = has_work(workspace, name, state)
        except SourceThrottledError as error:
            pauses.append(str(error))
            continue
        except GoLiveError as error:
            poll.wait(now)
            context.log.warning("%s; asked again after %.0f s", error, poll.not_before - now)
            continue
        if has_news:
            yield _request(name, poll, state.next_sequence(), now)
        else:
            poll.calm()


def has_work(workspace: Workspace, name: str, state: State) -> bool:
    """Tell whether the source has news, or raw has payloads that are not in core yet."""
    source = workspace.source(name)
    return any(
        state.mark(stream.name, "pull").sequence > state.mark(stream.name, "conform").sequence
        or source.has_news(stream.name, state.mark(stream.name, "pull").cursor)
        for stream in source.streams
    )


def _request(name: str, poll: Poll, sequence: int, now: float) -> dg.RunRequest:
    """Return the request; one that repeats the last, since its run brought nothing, is slowed."""
    if sequence == poll.sequence:
        poll.wait(now)
    else:
        poll.calm()
    poll.sequence = sequence
    return dg.RunRequest(
        run_key=f"{name}:{sequence}:{poll.tries}:{today()}",
        job_name=job_name(name),
        partition_key=today(),
        tags={INSTANCE_TAG: name},
    )
