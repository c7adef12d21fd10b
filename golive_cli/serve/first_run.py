"""The first materialisation of `golive up`, in a process of its own: steps as JSON lines on stdout.

Lines are objects with `step`, `state` (started, going, done, failed) and `counts` or `message`;
the last one has only `success`. A process of its own leaves the supervisor free to answer Ctrl-C.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from golive_core.errors import GoLiveError
from golive_core.settings import Instance, Settings, load

if TYPE_CHECKING:
    from assets.steps import AssetStep, Step
    from golive_core.lake import Lake

DEMO = "demo project"
DEMO_SIZE = {"seed": 7, "builds": 400, "tests": 600, "days": 30}


def main() -> None:
    """Bring everything up to date, the demo project first where there are no test results."""
    try:
        settings = load()
        demo(settings)
        from golive_dagster.run import run

        success = run(progress=tell).success
    except GoLiveError as error:
        say(step="golive", state="failed", message=str(error))
        success = False
    say(success=success)
    sys.exit(0 if success else 1)


def demo(settings: Settings) -> None:
    """Write the labelled demo project if there is no test result of a real one to show."""
    from golive_cli.demo import PROJECT, has_rows, write_simulation
    from golive_core.lake import Lake

    lake = Lake(settings.home / "lake")
    if PROJECT in settings.projects or has_rows(lake) or has_results(settings, lake):
        return
    say(step=DEMO, state="started")
    now = datetime.now(UTC).replace(microsecond=0)
    rows = write_simulation(settings.home, project=PROJECT, end=now, **DEMO_SIZE)
    shown = {"builds": rows.get("core.builds", 0), "test results": rows["core.test_results"]}
    say(step=DEMO, state="done", counts=shown)


def has_results(settings: Settings, lake: Lake) -> bool:
    """Tell whether test results are there or will come: from report files, or from a server."""
    return lake.exists("core.test_results") or any(
        _brings_results(settings, one) for one in settings.instances.values()
    )


def _brings_results(settings: Settings, instance: Instance) -> bool:
    from golive_cli.detect import has_reports
    from ingest import registry

    source = registry.source(instance.type)
    if not any("core.test_results" in stream.tables for stream in source.streams):
        return False
    reads_files = source.Options.model_fields.get("paths")
    if reads_files is None:
        return True  # a server: what it has is known once it has been asked
    places = cast("list[str]", instance.options.get("paths", reads_files.default))
    return has_reports(settings.base, places)


def tell(step: Step | AssetStep) -> None:
    """Write a step of loading or of the run as a line."""
    from assets.steps import AssetStep

    if not isinstance(step, AssetStep):
        counts = {"payloads": step.payloads, "rows": step.rows}
        say(step=f"{step.phase} {step.instance}", state="going", counts=counts)
    elif step.state in ("failed", "check failed"):
        say(step=step.asset, state="failed", message=step.message)
    else:
        say(step=step.asset, state=step.state, counts=step.counts)


def say(**line: str | bool | Mapping[str, int]) -> None:
    """Write one line for the parent."""
    sys.stdout.write(json.dumps(line, default=dict) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
