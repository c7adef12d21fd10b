"""Log lines get their templates in the job of their source, before the marts that count them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import dagster as dg
import pytest

from assets.refresh import FOLDER
from assets.workspace import Workspace
from golive_core.settings import Instance
from golive_dagster.definitions import build_defs
from ingest.sources.logs import LogsSource

MART = "log_template_rates.sql"


@pytest.fixture
def logging(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Return a workspace with a folder of logs."""
    (tmp_path / "logs").mkdir()
    options = {"paths": [str(tmp_path / "logs")]}
    settings = dataclasses.replace(
        workspace.settings, instances={"logs": Instance("logs", "logs", "shop", options)}
    )
    return dataclasses.replace(workspace, settings=settings, types={"logs": LogsSource})


@pytest.fixture
def job(logging: Workspace, mart_folder: Path, view_folder: Path) -> dg.JobDefinition:
    for path in mart_folder.iterdir():
        path.unlink()
    (mart_folder / MART).write_text((FOLDER / MART).read_text())
    definitions = build_defs(logging, marts=mart_folder, views=view_folder)
    return definitions.resolve_job_def("ingest_logs")


def test_the_job_of_a_log_mines_and_counts_its_lines(
    job: dg.JobDefinition, logging: Workspace, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    order = [key.to_user_string() for key in job.asset_layer.asset_graph.toposorted_asset_keys]
    mined = order.index("core/log_templates")
    assert order.index("core/log_lines") < mined < order.index("marts/log_template_rates")
    log = tmp_path / "logs" / "shop.log"
    log.write_text("2026-03-02 09:00:00 INFO took 1 ms\n2026-03-02 09:00:01 INFO took 2 ms\n")
    lake, partition = logging.lake, job.partitions_def.get_last_partition_key()
    assert job.execute_in_process(instance=instance, partition_key=partition).success
    counted = "select template, log_lines from marts.log_template_rates"
    assert lake.query(counted).rows() == [("took <*> ms", 2)]
    with log.open("a") as opened:
        opened.write("2026-03-02 09:00:02 INFO took 3 ms\n")
    assert job.execute_in_process(instance=instance, partition_key=partition).success
    assert lake.query(counted).rows() == [("took <*> ms", 3)]
