"""Materialising in this process: what `golive run` and `golive up` call.

The run is one of the persistent instance, so Dagster's pages show it beside those of schedules and
sensors; no other process is started but the workers of parsing and checking.
"""

from __future__ import annotations

import dataclasses
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.partitions import today
from assets.refresh import Compute
from assets.steps import AssetStep, Step
from assets.workspace import Workspace
from golive_core import settings
from golive_core.errors import UsageError
from golive_dagster.definitions import build_defs
from golive_dagster.instance import open_instance

Report = Callable[[Step | AssetStep], None]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Messages of a run go to its events; the callback is what tells the person."""


def silent(step: Step | AssetStep) -> None:
    """Report nothing: the default callback."""


@dataclass(slots=True)
class RunResult:
    """How a run ended; `steps` are the last ones of its assets, `failures` what went wrong."""

    run_id: str
    success: bool
    steps: dict[str, AssetStep] = field(default_factory=dict[str, AssetStep])
    failures: list[AssetStep] = field(default_factory=list[AssetStep])


def run(
    selection: str | None = None,
    *,
    home: Path | None = None,
    workspace: Workspace | None = None,
    progress: Report = silent,
    compute: Compute | None = None,
) -> RunResult:
    """Materialise the assets that `selection` names (Dagster's selection syntax; all by default).

    Examples of selections: `group:marts`, `key:"marts/flaky_tests"`, `+key:"marts/test_health"`.
    It is the incremental run of today's partition; `compute` is the engine of the marts, DuckDB by
    default. A step that fails is in the result; UsageError if nothing is selected.
    """
    workspace = workspace or _workspace(home)
    if compute:
        workspace = dataclasses.replace(workspace, compute=compute)
    definitions = build_defs(workspace.reporting(progress))
    job = definitions.resolve_job_def("everything")
    keys = _selected(job, selection)
    run_id = str(uuid.uuid4())
    result = RunResult(run_id, success=False)
    with open_instance(workspace.settings.home) as instance:
        instance.add_event_listener(run_id, _listener(result, progress))
        done = job.execute_in_process(
            run_config=QUIET,
            instance=instance,
            partition_key=today(),
            raise_on_error=False,
            asset_selection=keys,
            run_id=run_id,
        )
    result.success = done.success and not result.failures
    return result


def _workspace(home: Path | None) -> Workspace:
    configured = settings.load()
    return Workspace.load(dataclasses.replace(configured, home=home) if home else configured)


def _selected(job: dg.JobDefinition, selection: str | None) -> list[dg.AssetKey] | None:
    if selection is None:
        return None
    graph = job.asset_layer.asset_graph
    try:
        with warnings.catch_warnings():
            # Dagster warns of its own use of a beta parameter.
            warnings.simplefilter("ignore", dg.BetaWarning)
            found = dg.AssetSelection.from_string(selection).resolve(graph)
    except dg.DagsterError as error:
        raise UsageError(f"{selection!r} is not a selection of assets: {error}") from error
    keys = sorted(found & set(job.asset_layer.executable_asset_keys))
    if not keys:
        hint = 'For example group:marts, or key:"marts/flaky_tests"'
        raise UsageError(f"{selection!r} selects no asset", hint=hint)
    return keys


def _listener(result: RunResult, progress: Report) -> Callable[[dg.EventLogEntry], None]:
    """Return what notes the events of the run that count, and tells the callback of them."""

    def note(event: dg.EventLogEntry) -> None:
        for step in _steps(event):
            result.steps[step.asset] = step
            if step.state in ("failed", "check failed"):
                result.failures.append(step)
            progress(step)

    return note


def _steps(event: dg.EventLogEntry) -> Iterator[AssetStep]:
    inner = event.dagster_event
    if inner is None:
        return
    name = inner.step_key or ""
    kind = inner.event_type
    if kind == dg.DagsterEventType.STEP_START:
        yield AssetStep(name, "started")
    elif kind == dg.DagsterEventType.STEP_FAILURE:
        error = inner.step_failure_data.error
        cause = error.cause if error and error.cause else error
        yield AssetStep(name, "failed", message=cause.message.strip() if cause else "")
    elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
        found = inner.step_materialization_data.materialization
        yield AssetStep(found.asset_key.to_user_string(), "done", _counts(found.metadata))
    elif kind == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        yield from _check(inner.asset_check_evaluation_data)


def _check(found: dg.AssetCheckEvaluation) -> Iterator[AssetStep]:
    is_error = found.severity == dg.AssetCheckSeverity.ERROR
    if is_error and not found.passed:
        name = found.asset_key.to_user_string()
        yield AssetStep(name, "check failed", message=f"{found.check_name}: {found.description}")


def _counts(metadata: Mapping[str, dg.MetadataValue[Any]]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for name, value in metadata.items():
        if isinstance(value, dg.IntMetadataValue) and value.value is not None:
            kept[name.removeprefix("dagster/")] = value.value
    return kept
