"""Generated rows beside faker alone, for a table of seven columns, and the memory that they take.

    python benchmarks/generate_data.py [--rows N]

Each is written as CSV into a file. Faker has a tenth of the rows: it makes each cell by itself,
keeps nothing unique, and has no edge cases. The peak is that of a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLE = """create table people (
    id bigint primary key, name varchar(60) not null, email varchar(80) not null unique,
    age int check (age between 0 and 120), joined timestamp, balance decimal(12, 2),
    is_active boolean not null);"""


def ours(folder: Path, rows: int) -> None:
    """Write rows as golive does."""
    from golive_runner.data import make
    from golive_runner.data.writing import write_file

    (folder / "people.sql").write_text(TABLE)
    table = make(folder / "people.sql", rows=rows)["people"]
    assert write_file(table, "csv", folder / "people.csv") == rows


def fakers(folder: Path, rows: int) -> None:
    """Write rows that faker makes, cell by cell."""
    from faker import Faker

    faker = Faker()
    faker.seed_instance(7)
    with (folder / "people.csv").open("w", newline="") as file:
        out = csv.writer(file)
        for number in range(rows):
            out.writerow([
                number, faker.name(), faker.email(), faker.random_int(0, 120), faker.date_time(),
                faker.pydecimal(left_digits=6, right_digits=2), faker.boolean(),
            ])  # fmt: skip


MAKERS = {"golive": ours, "faker": fakers}


def once(name: str, rows: int) -> tuple[float, float]:
    """Return rows a second and peak memory in MB of a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--only", name, "--rows", str(rows)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rate, peak = map(float, done.stdout.split())
    return rate, peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=MAKERS)
    given, _ = parser.parse_known_args()
    if given.only:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            MAKERS[given.only](Path(folder), given.rows)
            took = time.perf_counter() - begun
        print(given.rows / took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
        return
    fake, fake_mb = once("faker", given.rows // 10)
    few, few_mb = once("golive", given.rows // 10)
    many, many_mb = once("golive", given.rows)
    print(f"faker   {given.rows // 10:>9,} rows   {fake:9,.0f} rows/s   {fake_mb:4.0f} MB")
    print(f"golive  {given.rows // 10:>9,} rows   {few:9,.0f} rows/s   {few_mb:4.0f} MB")
    print(f"golive  {given.rows:>9,} rows   {many:9,.0f} rows/s   {many_mb:4.0f} MB")
    print(
        f"{many / fake:.1f} times faker's rate; {many_mb / few_mb:.2f} of the memory for ten times"
    )


if __name__ == "__main__":
    main()
