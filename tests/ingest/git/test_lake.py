"""From a repository into the lake by the code that assets and command line share."""

from __future__ import annotations

from pathlib import Path

from made_repository import Repo, source

from assets.load import IngestResult, ingest
from golive_core.lake import Lake
from ingest.source import Context, Instance


def run(repo: Repo, lake: Lake, home: Path, **options: object) -> IngestResult:
    made = source(repo.path, home)
    context = Context(home=home, base=home.parent)
    done = ingest(lake, made, made.instance, context=context, **options)
    assert done.error is None
    return done


def new(done: IngestResult) -> dict[str, int]:
    """Return the rows that an ingest added, by table, where there are any."""
    return {name: table.new for name, table in done.conform.tables.items() if table.new}


def test_a_history_lands_once_and_grows_by_what_is_new(repo: Repo, lake: Lake, home: Path):
    for number in range(12):
        repo.commit(f"{number}", {f"file{number % 3}": f"{number}\n"})
    first = run(repo, lake, home)
    assert new(first) == {
        "core.repositories": 1, "core.branches": 1, "core.commits": 12, "core.commit_files": 12
    }  # fmt: skip
    version = lake.version()
    second = run(repo, lake, home)
    assert new(second) == {}
    assert second.pull.payloads == 0
    tables = lake.tables()
    third = [repo.commit(f"new {n}", {"a": f"{n}\n"}) for n in range(10)]
    done = run(repo, lake, home)
    assert new(done) == {"core.commits": 10, "core.commit_files": 10}
    assert lake.tables() == tables
    assert lake.version() > version
    heads = lake.query("select head_sha from core.branches where branch = 'main'")
    assert heads["head_sha"].to_list() == [third[-1]]


def test_reading_all_of_it_again_adds_nothing(repo: Repo, lake: Lake, home: Path):
    for number in range(5):
        repo.commit(f"{number}", {"a": f"{number}\n"})
    run(repo, lake, home)
    commits = lake.query("select * from core.commits order by sha")
    assert new(run(repo, lake, home, full=True)) == {}
    assert lake.query("select * from core.commits order by sha").equals(commits)


def test_a_damaged_commit_is_quarantined_and_the_rest_lands(repo: Repo, lake: Lake, home: Path):
    shas = [repo.commit(f"{n}", {f"file{n}": f"{n}\n"}) for n in range(4)]
    blob = repo.text("rev-parse", f"{shas[1]}:file1")
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (repo.path / "file1").unlink()
    done = run(repo, lake, home)
    assert new(done)["core.commits"] == 4
    assert done.conform.rejected == 1
    kept = lake.query("select uri, reason, content from ops.quarantine").row(0, named=True)
    assert shas[1] in kept["uri"]
    assert "damaged" in kept["reason"]


def test_rows_of_a_shallow_clone_do_not_inflate_churn(
    repo: Repo, lake: Lake, home: Path, tmp_path: Path
):
    repo.commit("big", {f"file{n}": "line\n" * 100 for n in range(20)})
    repo.commit("small", {"file0": "line\n"})
    repo.commit("small", {"file1": "line\n"})
    repo.git("clone", "-q", "--depth=2", f"file://{repo.path}", str(tmp_path / "shallow"))
    run(Repo(tmp_path / "shallow", make=False), lake, home)
    totals = lake.query("select count(*) as n, sum(insertions) as added from core.commits")
    assert totals.row(0) == (2, 0)


def test_instances_of_one_lake_keep_apart(repo: Repo, lake: Lake, home: Path, tmp_path: Path):
    repo.commit("one", {"a": "1\n"})
    context = Context(home=home, base=home.parent)
    for name in ("one", "two"):
        instance = Instance(name, "git", "shop", {"path": str(repo.path)})
        done = ingest(lake, type(source(repo.path, home))(instance, context), instance)
        assert done.error is None
    rows = lake.query("select repository_id from core.commits order by 1")
    assert rows["repository_id"].to_list() == ["one", "two"]
