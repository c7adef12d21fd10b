"""The real sources go through the real lake: Git history and JUnit files, and killed at random."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_source import Tiny, write

from assets.load import ingest
from golive_core.lake import Lake
from ingest import registry
from ingest.source import Context, Instance

REPORT = """<testsuite name="unit" timestamp="2026-03-01T12:00:00" tests="2">
<testcase classname="Cart" name="test_add" time="0.5"/>
<testcase classname="Cart" name="test_pay" time="1.5"><failure message="no money">at pay</failure>
</testcase></testsuite>"""


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "first")
    commit(folder, "second")
    return folder


def commit(folder: Path, word: str) -> None:
    (folder / "cart.py").write_text(f"# {word}\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", word)


def test_git_history_lands_and_grows(lake: Lake, context: Context, repository: Path) -> None:
    instance = Instance("shop-git", "git", "shop", {"path": str(repository)})
    source = registry.build(instance, context)
    assert ingest(lake, source, instance, context=context).error is None
    assert lake.query("select subject from core.commits order by 1").rows() == [
        ("first",), ("second",),
    ]  # fmt: skip
    version = lake.version()
    ingest(lake, source, instance, context=context)
    assert lake.version() == version
    commit(repository, "third")
    again = ingest(lake, source, instance, context=context)
    assert again.conform.tables["core.commits"].new == 1
    newest = lake.query("select newest_at from ops.source_health").item()
    assert newest == lake.query("select max(committed_at) from core.commits").item()


def test_a_branch_that_moves_back_is_seen_where_it_is(
    lake: Lake, context: Context, repository: Path
) -> None:
    instance = Instance("shop-git", "git", "shop", {"path": str(repository)})
    source = registry.build(instance, context)
    heads = "select head_sha from core.branches where branch = 'main'"
    ingest(lake, source, instance)
    first = lake.query(heads).item()
    commit(repository, "third")
    ingest(lake, source, instance)
    git(repository, "reset", "--hard", "-q", "HEAD~1")
    ingest(lake, source, instance)
    assert lake.query(heads).item() == first


def test_reports_land_and_a_broken_one_is_kept_out(
    lake: Lake, context: Context, tmp_path: Path
) -> None:
    for name, content in (("TEST-a.xml", REPORT), ("TEST-b.xml", REPORT[:150])):
        (tmp_path / name).write_text(content)
    instance = Instance("shop-reports", "junit", "shop", {"paths": ["TEST-*.xml"]})
    source = registry.build(instance, context)
    done = ingest(lake, source, instance, context=context)
    assert (done.error, done.conform.rejected) == (None, 1)
    results = lake.query("select status, duration_s from core.test_results order by 2").rows()
    assert ("failed", 1.5) in results
    assert lake.query("select reason from ops.quarantine")["reason"].len() == 1
    version = lake.version()
    ingest(lake, source, instance, context=context)
    assert lake.version() == version


INGEST = """
import json, sys
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])
from tiny_source import Tiny
from assets import load, workers
from golive_core.lake import Lake
from ingest.source import Context, Instance
workers.WORTH_BYTES = 0
base = Path(sys.argv[2])
context = Context(base / ".golive", base)
instance = Instance("tiny", "tiny", "shop", {"folder": str(base / "tiny"), "files_a_unit": 3})
lake = Lake(base / ".golive" / "lake")
print("ready", flush=True)
load.ingest(lake, Tiny(instance, context), instance, context=context, processes=2)
"""


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_and_double_nothing(
    lake: Lake, tiny: Callable[..., tuple[Tiny, Instance]], tmp_path: Path
) -> None:
    source, instance = tiny()
    for number in range(120):
        write(source.folder, f"a{number:03}", number)
    moments = random.Random(7)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", INGEST, json.dumps(sys.path), str(tmp_path)],
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.6))
        process.kill()
        process.wait()
        process.stdout.close()
    assert ingest(lake, source, instance).error is None
    counts = {
        "raw.tiny": ("payload_id", 120),
        "core.builds": ("build_id", 120),
        "core.tests": ("test_id", 3),
        "core.test_results": ("(build_id, test_id)", 360),
    }
    for table, (key, expected) in counts.items():
        query = f"select count(*) as rows, count(distinct {key}) as keys from {table}"
        assert lake.query(query).row(0) == (expected, expected), table
