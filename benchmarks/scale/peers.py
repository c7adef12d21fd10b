"""What a user would pick instead, on the same rows: PostgreSQL 15, one DuckDB file, pandas."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psutil
from lake_side import FACTS, PLAIN, RATE, SINCE
from measured import Figure, Meter, size_of

BIN = Path("/usr/lib/postgresql/15/bin")
PORT = "54911"
TABLE = "test_results"
SETTINGS = {
    "shared_buffers": "2GB", "work_mem": "512MB", "maintenance_work_mem": "1GB",
    "effective_cache_size": "8GB", "max_wal_size": "8GB", "wal_level": "minimal",
    "max_wal_senders": "0", "synchronous_commit": "off", "listen_addresses": "''", "port": PORT,
}  # fmt: skip
"""In favour of PostgreSQL: much memory, and a COPY into a new table writes no log."""
COLUMNS = """project_id text, build_id text, test_id bigint, attempt bigint, day date, status text,
    duration_s double precision, started_at timestamptz, commit_sha text, branch text,
    environment text, failure_id bigint, report_id text, skip_reason text"""
INDEXES = (
    "alter table test_results add primary key (build_id, test_id, environment, attempt)",
    "create index on test_results (test_id, started_at, attempt, status)",
    "create index on test_results (day, test_id) include (status)",
)
"""The key that makes a second load harmless, and an index that holds all of each question."""


@dataclass
class Server:
    """A PostgreSQL of our own: seconds of CPU and memory of all its processes."""

    folder: Path
    peak_mb: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def as_postgres(self, *words: str) -> list[str]:
        """Return a command as its user: the server refuses to run as root."""
        return (["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []) + [*words]

    def run(self, program: str, *words: str) -> None:
        """Run one of its programs to its end."""
        command = self.as_postgres(str(BIN / program), *words)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def sql(self, *statements: str) -> str:
        """Run statements in one session; return rows without a frame."""
        words = [word for text in statements for word in ("-c", text)]
        return subprocess.run(
            self.as_postgres(str(BIN / "psql"), "-XqAtF,", "-v", "ON_ERROR_STOP=1", "-h",
                             str(self.folder), "-p", PORT, "-d", "postgres", *words),
            check=True, capture_output=True, text=True, cwd="/",
        ).stdout  # fmt: skip

    def main(self) -> psutil.Process:
        """Return the process that the others are children of."""
        return psutil.Process(int((self.folder / "data/postmaster.pid").read_text().split()[0]))

    def cpu(self) -> float:
        """Return the seconds of sessions that have ended and of what runs."""
        main = self.main()
        times = [main.cpu_times(), *(one.cpu_times() for one in main.children())]
        ended = times[0].children_user + times[0].children_system
        return ended + sum(one.user + one.system for one in times)

    def watch(self) -> None:
        """Note the most memory of all processes together, shared pages counted once."""
        while not self.over.wait(0.5):
            try:
                main = self.main()
                held = sum(one.memory_full_info().pss for one in [main, *main.children()])
            except (psutil.Error, OSError):
                continue
            self.peak_mb = max(self.peak_mb, held / 2**20)


@contextmanager
def postgres(folder: Path) -> Generator[Server]:
    """Run a PostgreSQL over a new cluster below `folder`."""
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(folder)
    data = str(folder / "data")
    server.run("initdb", "-D", data, "--locale=C", "-E", "UTF8", "--auth=trust")
    options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
    words = ("-D", data, "-w", "-l", f"{folder}/log", "-o", f"{options} -k {folder}")
    server.run("pg_ctl", "start", *words)
    threading.Thread(target=server.watch, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.run("pg_ctl", "stop", "-D", data, "-m", "fast")


def ask_postgres(
    folder: Path, files: list[Path], day: list[Path], rounds: int
) -> tuple[list[Figure], dict[str, Any]]:
    """Load the rows, index them and ask; `files` and `day` are CSV files that the server reads."""
    with postgres(folder) as server:
        figures: list[Figure] = []

        def step(name: str, *statements: str, rows: int = 0) -> str:
            before, started = server.cpu(), time.perf_counter()
            told = server.sql(*statements)
            wall = time.perf_counter() - started
            time.sleep(0.3)  # until the server has taken the session's CPU into its books
            figures.append(Figure("PostgreSQL", name, wall, server.cpu() - before, rows))
            return told

        copies = [f"copy {TABLE} from '{path}' (format csv)" for path in files]
        step("load", "begin", f"create table {TABLE} ({COLUMNS})", *copies, "commit")
        step("load: indexes", *INDEXES, f"vacuum analyze {TABLE}")
        step("day", *(f"copy {TABLE} from '{path}' (format csv)" for path in day))
        server.sql(f"vacuum analyze {TABLE}")
        answers: dict[str, Any] = {}
        questions = {"ranking": PLAIN, "pass rate": RATE}
        for name, sql in questions.items():
            text = sql.format(table=TABLE, since=SINCE)
            first = len(figures)
            for _ in range(rounds):
                answers[name] = step(name, text)
            figures[first:] = [min(figures[first:], key=lambda one: one.wall)]
        print(f"  plan of the ranking: {nodes(server.sql('explain ' + PLAIN.format(table=TABLE)))}")
        told = f"{server.peak_mb:.0f} MB in all processes"
    print(f"  PostgreSQL: {told}")
    answers["bytes"] = size_of(folder / "data" / "base")
    return figures, {name: parsed(text) for name, text in answers.items()}


def nodes(plan: str) -> str:
    """Return the names of the nodes of a plan, from the top."""
    return " < ".join(re.findall(r"(?:^|-> +)([A-Z][A-Za-z ]+?)(?= using| on|  \()", plan, re.M))


def parsed(told: Any) -> Any:  # noqa: ANN401 - rows, or a number as it is
    """Return the rows of whole numbers that psql printed."""
    if not isinstance(told, str):
        return told
    return [tuple(int(cell) for cell in line.split(",")) for line in told.split()]


def ask_duckdb(path: Path, files: list[Path], rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """Load the rows into one file, without an index as its manual advises, and ask it."""
    meter = Meter("DuckDB file")
    connection = duckdb.connect(str(path))
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
    names = [str(file) for file in files]
    meter.once("load", lambda: connection.execute(
        f"create table {TABLE} as select * from read_parquet({names}); checkpoint"
    ))  # fmt: skip
    answers: dict[str, Any] = {}
    for name, sql in {"ranking": PLAIN, "pass rate": RATE}.items():
        text = sql.format(table=TABLE, since=SINCE)
        answers[name] = meter.best(name, lambda text=text: connection.execute(text).fetchall(),
                                   rounds=rounds)  # fmt: skip
    connection.close()
    return meter.figures, answers | {"bytes": path.stat().st_size}


def ask_pandas(files: list[Path], rounds: int) -> tuple[list[Figure], dict[str, Any]]:
    """Read the rows into memory and ask them."""
    import pandas as pd

    meter = Meter("pandas")
    frame = meter.once("load", lambda: pd.concat([pd.read_parquet(file) for file in files]))

    def ranking() -> list[tuple[int, ...]]:
        order = ["test_id", "started_at", "attempt", "status"]
        runs = frame.loc[frame["status"] != "skipped", order].sort_values(order)
        failed = runs["status"] != "passed"
        flips = (failed != failed.shift()) & (runs["test_id"] == runs["test_id"].shift())
        found = flips.groupby(runs["test_id"]).sum().reset_index(name="flips")
        found = found[found["flips"] > 0].sort_values(["flips", "test_id"], ascending=[False, True])
        return [(int(test), int(count)) for test, count in found.head(50).to_numpy()]

    def rate() -> list[tuple[int, ...]]:
        runs = frame.loc[(frame["day"] >= SINCE) & (frame["status"] != "skipped"),
                         ["test_id", "status"]]  # fmt: skip
        passed = (runs["status"] == "passed").groupby(runs["test_id"]).agg(["sum", "count"])
        return [tuple(map(int, row)) for row in passed.reset_index().to_numpy()]

    answers = {"ranking": meter.best("ranking", ranking, rounds=rounds),
               "pass rate": meter.best("pass rate", rate, rounds=rounds)}  # fmt: skip
    return meter.figures, answers | {"bytes": 0}


def write_csv(source: Path, target: Path) -> list[Path]:
    """Write the results as CSV for COPY, in the order of its columns; not part of any figure."""
    target.mkdir(parents=True)
    target.chmod(0o755)
    columns = ", ".join(part.split()[0] for part in COLUMNS.split(","))
    written: list[Path] = []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        for file in sorted(source.glob(f"{FACTS}-*.parquet")):
            path = target / f"{file.stem}.csv"
            connection.execute(f"copy (select {columns} from read_parquet('{file}')) to '{path}'"
                               " (header false, force_quote (environment))")  # fmt: skip
            written.append(path)
    return written
