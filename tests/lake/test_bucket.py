"""A lake in a bucket of a real S3 API process: machines share it, race for it and die over it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from golive_core import backup, settings
from golive_core.erasure import known
from golive_core.erasure.perform import erase
from golive_core.erasure.proof import prove
from golive_core.errors import LakeError, SettingsError
from golive_core.lake import Lake, remote
from tests.ingest.aws.conftest import Moto, moto_process
from tests.lake.rows import builds, results

pytestmark = pytest.mark.slow

__all__ = ["moto_process"]
MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
COUNT = "select count(*) from core.builds"
Host = Callable[[str], Lake]


@pytest.fixture
def bucket(moto_process: Moto, monkeypatch: pytest.MonkeyPatch) -> Moto:
    """Return an S3 API process with the empty bucket `lake`."""
    moto_process.post("reset", b"")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(remote, "FRESH_S", 0.0)
    moto_process.client("s3").create_bucket(
        Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return moto_process


@pytest.fixture
def host(bucket: Moto, tmp_path: Path) -> Host:
    """Return a maker of machines: each has a copy of its own of the same lake."""

    def make(name: str) -> Lake:
        root = tmp_path / name / "lake"
        remote.attach(root, "s3://lake/team", endpoint=bucket.url)
        return Lake(root)

    return make


def keys(bucket: Moto) -> list[str]:
    found = bucket.client("s3").list_objects_v2(Bucket="lake").get("Contents", [])
    return [one["Key"] for one in found]


def test_what_one_machine_writes_the_others_read(host: Host) -> None:
    one, two = host("one"), host("two")
    assert two.tables() == []
    one.merge("core.builds", builds(MONDAY, range(3)))
    one.insert("core.test_results", results(MONDAY, 5))
    assert two.query(COUNT).item() == 3
    two.merge("core.builds", builds(MONDAY, range(1, 5), status="failed"))
    states = "select number, status from core.builds order by number"
    assert one.query(states).rows() == two.query(states).rows()
    assert one.query(COUNT).item() == 5
    assert one.insert("core.test_results", results(MONDAY, 5)).unchanged == 5
    assert one.version() == two.version() == 3


def test_a_new_machine_fetches_files_when_they_are_asked_for(host: Host) -> None:
    one = host("one")
    one.merge("core.builds", builds(MONDAY, range(3)))
    one.insert("core.test_results", results(MONDAY, 5))
    three = host("three")
    assert three.rows("core.test_results") == 5
    assert list(three.root.rglob("core/*/*/*.parquet")) == []
    assert three.lookup("core.builds", number=1).height == 1
    assert three.query(COUNT).item() == 3
    assert list(three.root.rglob("core/test_results/*/*.parquet")) == []


def test_the_past_is_the_same_everywhere(host: Host) -> None:
    one, two = host("one"), host("two")
    one.merge("core.builds", builds(MONDAY, range(3)))
    then = datetime.now(UTC)
    time.sleep(0.001)
    two.merge("core.builds", builds(TUESDAY, range(3, 9)))
    assert one.query(COUNT, as_of=then).item() == two.query(COUNT, as_of=then).item() == 3
    assert one.changed_days("core.builds", 1) == {TUESDAY}


WRITER = """
import sys
from datetime import date
from pathlib import Path
import polars as pl
from golive_core.lake import Lake
from tests.lake.rows import builds, results

lake, first = Lake(sys.argv[1]), int(sys.argv[2])
for number in range(int(sys.argv[3])):
    own = first + number
    with lake.transaction() as txn:
        txn.merge("core.builds", builds(date(2024, 1, 1), range(own, own + 1)))
        shared = results(date(2024, 1, 1), 3, build="shared", first=3 * number)
        txn.insert("core.test_results", shared)
        txn.append("marts.seen", pl.DataFrame({"n": [own]}))
"""


def start(lake: Lake, *args: object, script: str = WRITER) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(lake.root), *map(str, args)],
        cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_two_machines_race_nothing_is_lost_nothing_doubled(host: Host) -> None:
    one, two = host("one"), host("two")
    writers = [start(one, 1000, 12), start(two, 2000, 12)]
    for writer in writers:
        assert writer.wait(120) == 0, writer.stderr and writer.stderr.read()
        assert writer.stderr
        writer.stderr.close()
    for lake in (one, two, host("three")):
        numbers = lake.query("select number from core.builds order by 1")["number"].to_list()
        assert numbers == [*range(1000, 1012), *range(2000, 2012)]
        found = lake.query("select count(*), count(distinct test_id) from core.test_results")
        assert found.row(0) == (36, 36)
        assert lake.rows("marts.seen") == 24
        assert lake.version() == 24


DIES = """
import os, signal, sys
from datetime import date
from golive_core.lake import Lake, commit, delta, manifest
from tests.lake.rows import builds, results

place = sys.argv[2]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if place == "claimed":
    delta.apply = die
elif place == "entered":
    delta.shared = die
elif place == "logged":
    manifest.publish = die
elif place == "uploaded":
    from golive_core.lake.remote import Remote
    Remote.claim = die
lake = Lake(sys.argv[1])
with lake.transaction() as txn:
    txn.merge("core.builds", builds(date(2024, 1, 1), range(50, 52)))
    txn.insert("core.test_results", results(date(2024, 1, 1), 4))
"""


@pytest.mark.parametrize(
    ("place", "happened"),
    [("uploaded", False), ("claimed", True), ("entered", True), ("logged", True)],
)
@pytest.mark.parametrize("finisher", ["two", "one"])
def test_a_machine_dies_and_another_finishes(
    host: Host, place: str, happened: bool, finisher: str
) -> None:
    """All of its transaction happens or none, whoever comes next: another machine or itself."""
    one, two = host("one"), host("two")
    one.merge("core.builds", builds(MONDAY, range(3)))
    dead = start(one, place, script=DIES)
    assert dead.wait(60) == -signal.SIGKILL
    assert dead.stderr
    dead.stderr.close()
    assert two.query(COUNT).item() == 3
    host(finisher).merge("core.builds", builds(TUESDAY, range(9, 10)))
    for lake in (one, two, host("three")):
        assert lake.query(COUNT).item() == (6 if happened else 4)
        assert lake.rows("core.test_results") == (4 if happened else 0)
    one.merge("core.builds", builds(TUESDAY, range(20, 21)))
    assert two.query(COUNT).item() == (7 if happened else 5)


def options(bucket: Moto) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": bucket.url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
            "aws_virtual_hosted_style_request": "false"}  # fmt: skip


def test_another_engine_reads_the_tables_where_they_lie(host: Host, bucket: Moto) -> None:
    host("one").merge("core.builds", builds(MONDAY, range(3)))
    host("two").merge("core.builds", builds(TUESDAY, range(3, 5)))
    table = DeltaTable("s3://lake/team/core/builds", storage_options=options(bucket))
    assert len(table.to_pyarrow_table()) == 5


def test_an_entry_of_another_tool_is_kept(host: Host, bucket: Moto) -> None:
    one = host("one")
    one.overwrite("marts.sample", pl.DataFrame({"n": [1, 2]}))
    write_deltalake("s3://lake/team/marts/sample", pl.DataFrame({"n": [3]}).to_arrow(),
                    mode="append", storage_options=options(bucket))  # fmt: skip
    one.append("marts.sample", pl.DataFrame({"n": [4]}))
    found = host("two").query("select n from marts.sample order by n")["n"].to_list()
    assert found == [1, 2, 3, 4]


def test_vacuum_empties_the_bucket_of_what_nobody_needs(host: Host, bucket: Moto) -> None:
    one, two = host("one"), host("two")
    for status in ("passed", "failed", "error"):
        one.merge("core.builds", builds(MONDAY, range(3), status=status))
    assert two.query(COUNT).item() == 3
    bucket.client("s3").put_object(Bucket="lake", Key="team/core/builds/young.parquet", Body=b"x")
    before = len(keys(bucket))
    done = one.vacuum(timedelta(0))
    assert done.files == 2
    left = keys(bucket)
    assert len(left) == before - 2 - 2, "two files of rows and two manifests"
    assert "team/core/builds/young.parquet" in left, "somebody may be about to commit it"
    assert two.query(COUNT).item() == 3
    two.merge("core.builds", builds(TUESDAY, range(5, 6)))
    assert host("three").query(COUNT).item() == one.query(COUNT).item() == 4


def test_a_machine_that_slept_long_comes_back(host: Host) -> None:
    one, two = host("one"), host("two")
    one.merge("core.builds", builds(MONDAY, range(1)))
    assert two.query(COUNT).item() == 1
    for number in range(1, 6):
        one.merge("core.builds", builds(MONDAY, range(number, number + 1)))
    one.forget_past()
    assert two.query(COUNT).item() == 6
    two.merge("core.builds", builds(TUESDAY, range(9, 10)))
    assert one.query(COUNT).item() == 7
    with two.pinned() as pin:
        assert pin.tables["core.builds"][1] == 7


def test_who_was_erased_here_does_not_come_back_there(host: Host, bucket: Moto) -> None:
    one, two = host("one"), host("two")
    people = pl.DataFrame({"account_id": ["1"], "name": ["Ada Lovelace"]})
    one.merge("core.accounts", people)
    assert two.query("select name from core.accounts").item() == "Ada Lovelace"
    known.add(one.root, ["Ada Lovelace"])
    one.share_erased()
    erase(one.root.parent)
    one.forget_past()
    assert two.query("select name from core.accounts").item().startswith("erased-")
    two.merge("core.accounts", people)
    two.vacuum(timedelta(0))
    assert one.query("select name from core.accounts").item().startswith("erased-")
    client = bucket.client("s3")
    bodies = [client.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys(bucket)]
    assert not any(b"Lovelace" in body for body in bodies)
    assert prove(two.root.parent, ["Ada Lovelace"]).left == {}


def test_compaction_and_history_work_from_anywhere(host: Host) -> None:
    one, two = host("one"), host("two")
    for number in range(3):
        one.insert("core.test_results", results(MONDAY, 2, build=f"ci#{number}"))
    two.compact("core.test_results")
    assert one.query("select count(*) from core.test_results").item() == 6
    assert one.history("core.test_results").height == 4


def test_a_backup_of_a_bucket_is_a_lake_of_its_own(host: Host, tmp_path: Path) -> None:
    host("one").merge("core.builds", builds(MONDAY, range(3)))
    host("two")
    backup.make(tmp_path / "two", tmp_path / "b.tar", lake_only=True)
    backup.restore(tmp_path / "b.tar", tmp_path / "new", tmp_path)
    lake = Lake(tmp_path / "new" / "lake")
    assert lake.query(COUNT).item() == 3
    assert remote.of(lake.root) is None


def test_golive_toml_names_the_bucket(
    bucket: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lake of one machine is uploaded, another machine reads it, a wrong change is refused."""
    from typer.testing import CliRunner

    from golive_cli.main import build

    def here(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        (folder / "golive.toml").write_text(
            f'[lake]\nlocation = "s3://lake/moved"\nendpoint = "{bucket.url}"\n'
        )
        return folder

    run, one = CliRunner(), here("one")
    Lake(one / ".golive" / "lake").merge("core.builds", builds(MONDAY, range(3)))
    with pytest.raises(SettingsError, match="holds another lake"):
        Lake(settings.load().home / "lake").tables()
    monkeypatch.setattr(settings, "_places", {})  # the command is another process
    assert run.invoke(build(), ["lake", "upload"]).exit_code == 0
    assert settings.load().lake.location == "s3://lake/moved"
    Lake(one / ".golive" / "lake").merge("core.builds", builds(TUESDAY, range(3, 4)))
    two = here("two")
    shown = json.loads(run.invoke(build(), ["lake", "status", "--json"]).stdout)
    assert (shown["location"], shown["rows"]) == ("s3://lake/moved/", 4)
    assert Lake(two / ".golive" / "lake").query(COUNT).item() == 4
    shutil.copytree(one / ".golive", tmp_path / "again" / ".golive")
    (tmp_path / "again" / ".golive" / "lake" / remote.FILE).unlink()
    here("again")
    done = run.invoke(build(), ["lake", "upload"])
    assert isinstance(done.exception, SettingsError)
    assert "there already" in str(done.exception)
    (two / "golive.toml").write_text("")
    monkeypatch.chdir(two)
    with pytest.raises(SettingsError, match="is not named"):
        Lake(settings.load().home / "lake").tables()


def test_readers_go_on_while_the_bucket_is_away(host: Host, bucket: Moto) -> None:
    one = host("one")
    one.merge("core.builds", builds(MONDAY, range(3)))
    said = json.loads((one.root / remote.FILE).read_text())
    (one.root / remote.FILE).write_text(json.dumps(said | {"endpoint": "http://127.0.0.1:9"}))
    assert one.query(COUNT).item() == 3
    with pytest.raises(LakeError, match="failed"):
        one.merge("core.builds", builds(MONDAY, range(3, 5)))
    (one.root / remote.FILE).write_text(json.dumps(said))
    one.merge("core.builds", builds(MONDAY, range(3, 5)))
    assert host("two").query(COUNT).item() == 5


def test_a_store_that_is_not_there_is_told(tmp_path: Path, bucket: Moto) -> None:
    root = tmp_path / "far" / "lake"
    remote.attach(root, "s3://none/x", endpoint=bucket.url)
    with pytest.raises(LakeError, match=r"s3://none/x/.*\[lake\] in golive.toml"):
        Lake(root).tables()
    with pytest.raises(SettingsError, match="is no bucket"):
        remote.attach(root, "https://somewhere")
    with pytest.raises(SettingsError, match="another lake"):
        remote.attach(root, "s3://other/x", endpoint=bucket.url)
    assert (root / remote.FILE).exists()
