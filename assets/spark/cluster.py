"""The Spark session of this process, and what is said where Spark cannot start."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from golive_core.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = "local[*]"
JAVA = "sudo apt-get install openjdk-17-jre-headless"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",  # as in DuckDB, what cannot be divided is null
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


def missing() -> str:
    """Return what is to be installed before Spark starts, "" if nothing."""
    from importlib.util import find_spec

    if find_spec("pyspark") is None:
        return "pyspark is not installed: pip install --require-hashes -r requirements-spark.lock"
    return "" if shutil.which("java") else f"Java is not installed: {JAVA}"


def session(master: str = "") -> SparkSession:
    """Return the session, started at the first call; UsageError where something is missing."""
    lack = missing()
    if lack:
        raise UsageError("Spark cannot start", hint=lack)
    import logging

    from pyspark.sql import SparkSession

    # It writes a page of Java for each error, which is raised as well.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    builder = SparkSession.builder.master(master or HERE).appName("golive")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
