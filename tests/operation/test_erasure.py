"""A person is erased from all layers and does not come back; others stay as they are."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golive_actions import audit
from golive_core import backup, schema
from golive_core.accounts import Accounts
from golive_core.artifacts import ArtifactStore
from golive_core.database.postgres import close
from golive_core.erasure import known
from golive_core.erasure.known import Known
from golive_core.erasure.perform import erase
from golive_core.erasure.person import names_of
from golive_core.erasure.proof import prove
from golive_core.erasure.scrub import Scrubber, active
from golive_core.errors import LakeError, UsageError
from golive_core.inbox import Delivery, Inbox
from golive_core.lake import Lake
from golive_core.schema import conform
from golive_core.security import Fact, Recorder, recorder
from golive_core.sessions import Sessions
from golive_core.uploads import Upload
from golive_dagster.instance import open_instance
from tests import postgres

DAY = date(2024, 1, 1)
AT = datetime(2024, 1, 1, 12, tzinfo=UTC)
NAMES = ["ada@example.org", "Ada Lovelace", "adal"]
PAYLOAD = json.dumps({
    "user": {"login": "adal", "name": "Ada Lovelace"}, "note": "line\nAda Lovelace wrote",
    "url": "https://git.example.org/?author=ada%40example.org", "other": "adal is a word",
}).encode()  # fmt: skip
MESSAGE = "Mend it\n\nCo-authored-by: Ada Lovelace <ada@example.org>\nThanks @adal, not @adalbert"


def row(table: str, **cells: object) -> pl.DataFrame:
    """Return one row of a table with these cells; keys and days are filled."""
    spec = schema.find(table)
    filled = {
        name: f"{table}-1" if spec.schema[name] == pl.String else 1 for name in spec.key
    } | {"day": DAY}  # fmt: skip
    have = {name: cell for name, cell in (filled | cells).items() if name in spec.schema}
    schemas = {name: spec.schema[name] for name in have}
    return conform(spec, pl.DataFrame([have], schema=schemas))


def ingest(lake: Lake) -> None:
    """Bring in what a Git host tells of two people, as every pull would again."""
    commits = pl.concat([
        row("core.commits", sha="a", author_name="Ada Lovelace", author_email="ada@example.org",
            message="First", authored_at=AT),
        row("core.commits", sha="b", author_name="Bob Ross", author_email="bob.ada@example.org",
            message=MESSAGE, authored_at=AT),
    ])  # fmt: skip
    lake.insert("core.commits", commits)
    lake.merge("core.accounts", row("core.accounts", login="adal", name="Ada Lovelace",
                                    email="ada@example.org"))  # fmt: skip
    lake.merge("core.issues", row("core.issues", reporter="adal", assignees=["bob", "adal"],
                                  body="Ask ada@example.org", labels=["adal"]))  # fmt: skip
    lake.insert("raw.github", row("raw.github", payload_id="p1", body=PAYLOAD,
                                  context='{"actor":{"login":"adal"}}'))  # fmt: skip


@pytest.fixture
def peopled(home: Path) -> Path:
    """Return a home in which Ada is everywhere."""
    lake = Lake(home / "lake")
    ingest(lake)
    lake.overwrite("marts.who", pl.DataFrame({"author": ["Ada Lovelace", "Bob Ross"], "n": [1, 2]}))
    lake.overwrite("marts.who", pl.DataFrame({"author": ["Ada Lovelace", "Bob Ross"], "n": [3, 2]}))
    lake.insert("core.log_lines", row("core.log_lines", message="login of ada@example.org", at=AT))
    ArtifactStore(home).put_bytes(b"<error>ada@example.org</error>")
    ArtifactStore(home).put_bytes(b"\xff\xfe binary")
    Inbox(home).put([Delivery("ci", "d1", "push", PAYLOAD), Delivery("ci", "d2", "push", b"\xff")])
    Accounts(home).add("ada@example.org", "viewer", "correct horse battery")
    Accounts(home).add("bob", "admin", "correct horse battery")
    subject = audit.Subject("adal", "github.comment", "pull 1", "k1")
    audit.append(lake, subject, "asked", {"to": "Ada Lovelace"})
    audit.append(lake, audit.Subject("bob", "github.comment", "pull 2", "k2"), "asked", {})
    (home / "logs").mkdir()
    (home / "logs" / "gateway.log").write_text("signed in: ada@example.org\nsigned in: bob\n")
    return home


def removed(home: Path) -> str:
    """Erase Ada as the command does and return what stands for her."""
    lake = Lake(home / "lake")
    pseudonym = known.add(lake.root, NAMES).pseudonym
    erase(home)
    audit.rechain(lake, audit.Subject("op", "golive.erase_person", pseudonym, ""), {})
    lake.forget_past()
    return pseudonym


def test_nothing_is_left_anywhere_and_others_stay(peopled: Path) -> None:
    before = prove(peopled, NAMES)
    assert {"core.commits.author_email", "core.commits.message", "raw.github.body", "inbox.db",
            "marts.who.author", "accounts.db"} <= set(before.left)  # fmt: skip
    pseudonym = removed(peopled)
    proof = prove(peopled, NAMES)
    assert proof.left == {}
    assert min(proof.parquet_files, proof.artifacts, proof.databases, proof.other_files) > 0
    lake = Lake(peopled / "lake")
    found = lake.query("select author_name, author_email, message from core.commits order by sha")
    assert found.rows() == [
        (pseudonym, f"{pseudonym}@erased.invalid", "First"),
        ("Bob Ross", "bob.ada@example.org",
         f"Mend it\n\nCo-authored-by: {pseudonym} <{pseudonym}@erased.invalid>\n"
         f"Thanks @{pseudonym}, not @adalbert"),
    ]  # fmt: skip
    issue = lake.query("select reporter, assignees, labels, body from core.issues").row(0)
    assert issue == (pseudonym, ["bob", pseudonym], ["adal"], f"Ask {pseudonym}@erased.invalid")
    body = json.loads(lake.query("select body from raw.github").item())
    assert body["user"] == {"login": pseudonym, "name": pseudonym}
    assert body["note"] == f"line\n{pseudonym} wrote"
    assert body["other"] == "adal is a word"
    assert audit.verify(lake).breaks == ()
    assert (peopled / "logs" / "gateway.log").read_text().endswith("signed in: bob\n")


def test_time_travel_does_not_show_them(peopled: Path) -> None:
    lake = Lake(peopled / "lake")
    then = datetime.now(UTC)
    time.sleep(0.001)
    removed(peopled)
    with pytest.raises(LakeError, match="nothing is kept"):
        lake.query("select * from core.commits", as_of=then)
    log = b"".join(path.read_bytes() for path in lake.root.rglob("*.json"))
    assert b"Lovelace" not in log


def test_the_same_history_again_does_not_bring_them_back(peopled: Path) -> None:
    removed(peopled)
    lake = Lake(peopled / "lake")
    ingest(lake)
    lake.insert("core.commits", row("core.commits", sha="c", author_name="ADA LOVELACE",
                                    author_email="Ada@Example.org", message="new"))  # fmt: skip
    lake.overwrite("marts.who", pl.DataFrame({"author": ["Ada Lovelace"], "n": [1]}))
    ArtifactStore(peopled).put_bytes(b"<again>ada@example.org</again>")
    assert prove(peopled, NAMES).left == {}
    assert lake.rows("core.commits") == 3
    assert lake.query("select count(distinct author_name) from core.commits").item() == 2


def test_what_another_process_stages_is_scrubbed_too(peopled: Path) -> None:
    removed(peopled)
    lake = Lake(peopled / "lake")
    staged = lake.stage("core.commits", row("core.commits", sha="d", author_name="Ada Lovelace"))
    lake.insert("core.commits", staged)
    assert prove(peopled, NAMES).left == {}


def test_the_account_lets_nobody_in(peopled: Path) -> None:
    removed(peopled)
    accounts = Accounts(peopled)
    assert [one.name for one in accounts.all() if one.disabled_at is None] == ["bob"]
    assert accounts.check("ada@example.org", "correct horse battery") is None
    assert accounts.check("bob", "correct horse battery")


def test_the_list_holds_no_name(peopled: Path) -> None:
    removed(peopled)
    path = peopled / "lake" / known.FILE
    assert path.stat().st_mode & 0o077 == 0
    text = path.read_text().lower()
    assert not any(word in text for word in ("ada@", "lovelace", "example"))


def test_what_the_gateway_writes_a_moment_later_is_scrubbed(peopled: Path) -> None:
    recorder = Recorder(peopled)
    recorder.note(Fact("authentication", "sign in", "ok", "ada@example.org", "127.0.0.1"))
    recorder.note(Fact("authentication", "sign in", "ok", "bob", "127.0.0.1"))
    removed(peopled)
    recorder.flush()
    assert prove(peopled, NAMES).left == {}
    assert "bob" in {event.fact.actor for event in recorder.waiting()}


def test_twice_is_once(peopled: Path) -> None:
    pseudonym = removed(peopled)
    version = Lake(peopled / "lake").manifest().tables["core.commits"]
    assert removed(peopled) == pseudonym
    assert Lake(peopled / "lake").manifest().tables["core.commits"] == version


def test_names_are_found_beside_what_was_given(peopled: Path) -> None:
    lake = Lake(peopled / "lake")
    assert set(names_of(lake, "ADA@example.org")) == {"ADA@example.org", *NAMES}
    assert names_of(lake, "Grace Hopper", ["ghop"]) == ["Grace Hopper", "ghop"]
    with pytest.raises(UsageError, match="too short"):
        names_of(lake, "a")


def test_an_old_backup_does_not_bring_them_back(peopled: Path, tmp_path: Path) -> None:
    backup.make(peopled, tmp_path / "b")
    removed(peopled)
    backup.restore(tmp_path / "b", peopled, tmp_path, force=True)
    assert prove(peopled, NAMES).left, "the backup is of before"
    erase(peopled)
    Lake(peopled / "lake").forget_past()
    assert prove(peopled, NAMES).left == {}


def test_a_backup_after_it_has_nothing_of_them(peopled: Path, tmp_path: Path) -> None:
    backup.make(peopled, tmp_path / "b")
    removed(peopled)
    backup.make(peopled, tmp_path / "b", keep=1)
    home = tmp_path / "other"
    backup.restore(tmp_path / "b", home, tmp_path)
    assert prove(home, NAMES).left == {}
    with closing(sqlite3.connect(home / "accounts.db")) as db:
        assert db.execute("select count(*) from users").fetchone() == (2,)


def test_an_unreadable_list_stops_writing(peopled: Path) -> None:
    removed(peopled)
    (peopled / "lake" / known.FILE).write_text("{")
    with pytest.raises(LakeError, match="Restore it from a backup"):
        ingest(Lake(peopled / "lake"))


WORDS = st.text("abcdeé Ä.,<>@\"'/-\n", max_size=12)


def test_a_family_name_first_is_found() -> None:
    people = Known("00" * 32)
    person = known.Person("erased-1", "", tuple(people.identifiers("Ada Lovelace")))
    scrubber = Scrubber(Known(people.key, (person,)))
    assert scrubber.text("by Lovelace, Ada and Ada Lovelace") == "by erased-1 and erased-1"
    assert scrubber.text("Lovelace Ada") == "Lovelace Ada"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(["José Ñandú", "jo.se+x@ex-a.org"]))
def test_every_spelling_is_found_in_any_surrounding(around: list[str], name: str) -> None:
    """In prose, in JSON (escaped or not) and in lists, whatever stands beside it."""
    people = Known("00" * 32)
    person = known.Person("erased-1", "", tuple(people.identifiers(name)))
    scrubber = Scrubber(Known(people.key, (person,)))
    text = f" {name} ".join(around) + f" <{name}>"
    for one in (text, json.dumps({"a": text}), json.dumps({"a": text}, ensure_ascii=False)):
        clean = scrubber.text(one)
        plain: Any = json.loads(clean)["a"] if one is not text else clean
        assert name not in plain
        assert plain.replace("@erased.invalid", "").replace("erased-1", name) == text
    lists = scrubber.column(pl.Series([[text, "x"], None, []]), is_person=False).to_list()
    assert (name in str(lists), lists[1:]) == (False, [None, []])


def test_without_a_list_nothing_is_looked_at(home: Path) -> None:
    assert active(home / "lake") is None
    frame = pl.DataFrame({"a": ["Ada Lovelace"]})
    scrubber = Scrubber(Known("00" * 32))
    assert scrubber.frame("core.commits", frame) is frame


def test_the_command_shows_erases_and_proves(peopled: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from golive_cli.main import build

    run = CliRunner()
    shown = run.invoke(build(), ["erase-person", "ada@example.org", "--dry-run", "--json"])
    assert set(json.loads(shown.stdout)["names"]) == set(NAMES)
    assert prove(peopled, NAMES).left, "a dry run changes nothing"
    done = run.invoke(build(), ["erase-person", "ada@example.org", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["is_erased"]
    assert report["changed"]["rows"]["core.commits"] == 2
    (kept,) = (peopled / "erasures").glob("*.json")
    assert "ada" not in kept.read_text().lower().replace("adata", "")
    assert prove(peopled, NAMES).left == {}
    assert run.invoke(build(), ["erase-person", "--again", "--json"]).exit_code == 0
    assert run.invoke(build(), ["erase-person"]).exit_code != 0


def test_the_database_that_gateways_share_is_searched_and_scrubbed(
    home: Path, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_DATABASE_URL", postgres_server.made())
    ingest(Lake(home / "lake"))
    password = "correct horse battery"
    Inbox(home).put([Delivery("ci", "d1", "push", PAYLOAD), Delivery("ci", "d2", "push", b"\xff")])
    for name in ("ada@example.org", "bob"):
        Accounts(home).add(name, "admin", password)
    pair = Sessions(home).open(Accounts(home).get("ada@example.org"))
    upload = Upload("a" * 32, "shop")
    upload.folder(home).mkdir(parents=True)
    (upload.folder(home) / "0-a.xml").write_bytes(b"<error>ada@example.org</error>")
    upload.share(home)
    before = prove(home, NAMES).left["postgresql"]
    monkeypatch.setenv("GOLIVE_DATABASE_DAGSTER", "true")
    with open_instance(home) as instance:
        instance.add_dynamic_partitions("people", ["ada@example.org", "bob"])
    assert prove(home, NAMES).left["postgresql"] > before >= 4
    pseudonym = removed(home)
    assert prove(home, NAMES).left == {}
    names = [one.name for one in Accounts(home).all()]
    assert sorted(names) == sorted(["bob", f"{pseudonym}@erased.invalid"])
    assert Sessions(home).renew(pair.refresh) is None
    assert Accounts(home).check("bob", password) is not None
    assert [one.body for one in Inbox(home).waiting()][1] == b"\xff"
    assert json.loads(Inbox(home).waiting()[0].body)["user"]["login"] == pseudonym
    with open_instance(home) as instance:
        people = set(instance.get_dynamic_partitions("people"))
    assert people == {"bob", f"{pseudonym}@erased.invalid"}
    (file,) = upload.fetch(home).iterdir()
    assert file.read_text() == f"<error>{pseudonym}@erased.invalid</error>"
    recorder(home).flush()
    close()
