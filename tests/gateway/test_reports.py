"""Uploads over HTTP: every way a CI can send them, and what is refused."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assets import uploads
from assets.workspace import Workspace
from golive_core import settings
from golive_core import tokens as tokens_module
from golive_core import uploads as core_uploads
from golive_core.database import opened
from golive_core.inbox import Inbox
from golive_core.tokens import Tokens
from golive_core.uploads import Upload
from golive_gateway.app import create_app
from golive_gateway.routes import reports, webhooks

REPORT = b"""<testsuite name="cart" tests="2" timestamp="2026-03-01T12:00:00">
  <testcase classname="cart" name="test_add" time="0.1"/>
  <testcase classname="cart" name="test_pay" time="0.2"><failure message="1 != 2"/></testcase>
</testsuite>"""
CTRF = b"""{"reportFormat": "CTRF", "specVersion": "0.0.0", "results": {"tool": {"name": "jest"},
"summary": {"tests": 1, "passed": 1, "failed": 0, "pending": 0, "skipped": 0, "other": 0,
"start": 1772366400000, "stop": 1772366401000},
"tests": [{"name": "adds", "status": "passed", "duration": 12}]}}"""
in_postgres = pytest.mark.parametrize("remembering", ["postgres"], indirect=True)
BUILD = {"project": "shop", "build": "12", "commit": "c" * 40, "branch": "main"}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembering: Path) -> Iterator[Path]:
    (tmp_path / "golive.toml").write_text("[project.shop]\n[project.web]\n")
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    yield tmp_path
    webhooks.writer(tmp_path / ".golive").close()
    webhooks.writer.cache_clear()


@pytest.fixture
def token(base: Path) -> str:
    return Tokens(base / ".golive").create("ci", ["reports:write"], project="shop")[1]


@pytest.fixture
def client(base: Path, token: str) -> Iterator[TestClient]:
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(create_app(), base_url="http://127.0.0.1:8000", headers=headers) as client:
        yield client


def loaded(base: Path) -> Workspace:
    """Take the uploads into the lake and return the workspace."""
    workspace = Workspace.load(settings.load(base))
    list(uploads.take(workspace))
    return workspace


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("out/TEST-cart.xml", REPORT)
        packed.writestr("../../outside.xml", REPORT)
    return stream.getvalue()


def test_one_file_as_the_body(client: TestClient, base: Path) -> None:
    answer = client.post("/v1/reports", params=BUILD, content=REPORT)
    assert answer.status_code == 202
    assert answer.json() | {"upload_id": ""} == {
        "upload_id": "", "files": 1, "size_bytes": len(REPORT), "is_new": True
    }  # fmt: skip
    lake = loaded(base).lake
    found = lake.query("select project_id, number, commit_sha, branch from core.builds").rows()
    assert found == [("shop", 12, "c" * 40, "main")]
    assert dict(
        lake.query("select status, count(*) from core.test_results group by status").iter_rows()
    ) == {"passed": 1, "failed": 1}
    assert Inbox(base / ".golive").depth() == 0
    assert not list((base / ".golive" / "uploads").iterdir())


def test_several_files_of_several_formats_and_an_archive(client: TestClient, base: Path) -> None:
    parts = [
        ("files", ("TEST-a.xml", REPORT)), ("files", ("ctrf.json", CTRF)),
        ("files", ("all.zip", archive())),
    ]  # fmt: skip
    answer = client.post("/v1/reports", params=BUILD, files=parts)
    assert (answer.status_code, answer.json()["files"]) == (202, 3)
    lake = loaded(base).lake
    names = lake.query("select distinct name from core.tests order by name")["name"].to_list()
    assert names == ["adds", "test_add", "test_pay"]
    assert not (base.parent / "outside.xml").exists()
    assert not list(base.glob("outside.xml"))


def test_the_same_upload_twice_counts_once(client: TestClient, base: Path) -> None:
    first = client.post("/v1/reports", params=BUILD, content=REPORT).json()
    again = client.post("/v1/reports", params=BUILD, content=REPORT).json()
    assert again == first | {"is_new": False}
    other = client.post("/v1/reports", params=BUILD | {"build": "13"}, content=REPORT).json()
    assert other["is_new"]
    loaded(base)
    late = client.post("/v1/reports", params=BUILD, content=REPORT).json()
    assert late == first | {"is_new": False}
    assert Inbox(base / ".golive").depth() == 0
    assert not list((base / ".golive" / "uploads").iterdir())
    assert loaded(base).lake.query("select count(*) from core.test_results").item() == 4


def test_who_has_no_token_or_one_for_something_else_is_refused(
    client: TestClient, base: Path
) -> None:
    def status(token: str | None, **query: str) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
        return client.post(
            "/v1/reports", params=BUILD | query, content=REPORT, headers=headers
        ).status_code

    tokens = Tokens(base / ".golive")
    assert status(None) == 401
    assert status("glv_000000000000_" + "x" * 43) == 401
    assert status(tokens.create("other", ["read"])[1]) == 403
    assert status(tokens.create("web", ["reports:write"], project="web")[1]) == 403
    every = tokens.create("every", ["reports:write"])
    assert status(every[1]) == 202
    assert status(every[1], project="unknown") == 404
    tokens.revoke(every[0].token_id)
    assert status(every[1]) == 401
    assert Inbox(base / ".golive").depth() == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b""}, 422),
        ({"data": {"no": "file"}, "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"--x\r\nnonsense", "headers": {"content-type": "multipart/form-data"}}, 400),
        ({"content": b"x" * 2000}, 413),
        ({"files": [("files", ("a.xml", b"x" * 2000))]}, 413),
        ({"files": [("files", ("a.xml", b"x" * 600)), ("files", ("b.xml", b"x" * 600))]}, 413),
    ],
)
def test_a_body_that_is_none_or_too_large_leaves_nothing(
    client: TestClient, base: Path, monkeypatch: pytest.MonkeyPatch, sent: dict, status: int
) -> None:
    monkeypatch.setattr(reports, "MOST_BYTES", 1000)
    assert client.post("/v1/reports", params=BUILD, **sent).status_code == status
    assert Inbox(base / ".golive").depth() == 0
    assert not list((base / ".golive" / "uploads").iterdir())


def test_a_body_without_a_length_is_held_to_the_limit(
    client: TestClient, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MOST_BYTES", 1000)
    answer = client.post("/v1/reports", params=BUILD, content=iter([b"x" * 600] * 3))
    assert answer.status_code == 413
    assert not list((base / ".golive" / "uploads").iterdir())


@pytest.mark.parametrize("name", ["../../../etc/passwd", "..", "/abs/olute.xml", "a\\b.xml", ""])
def test_no_name_leads_out_of_the_folder(client: TestClient, base: Path, name: str) -> None:
    assert (
        client.post(
            "/v1/reports", params=BUILD, content=REPORT, headers={"X-File-Name": name}
        ).status_code
        == 202
    )
    (waiting,) = uploads.waiting(Workspace.load(settings.load(base)))
    (file,) = Upload.of(waiting).fetch(base / ".golive").iterdir()
    assert file.parent.parent == base / ".golive" / "uploads"
    assert file.name.startswith("0-")
    assert file.read_bytes() == REPORT


def test_what_holds_no_report_is_told_and_kept(client: TestClient, base: Path) -> None:
    client.post("/v1/reports", params=BUILD, content=b"hello")
    workspace = loaded(base)
    told = workspace.lake.query("select reason from ops.quarantine where table_name = 'inbox'")
    assert told["reason"].to_list() == ["nothing in it is a report that is understood"]
    assert len(list((base / ".golive" / "uploads").iterdir())) == 1
    assert Inbox(base / ".golive").depth() == 0


def test_a_token_is_kept_as_a_digest_and_ends(base: Path, token: str) -> None:
    tokens = Tokens(base / ".golive")
    with opened(base / ".golive", tokens_module.SCHEMA) as db:
        kept = repr(db.execute("select * from tokens").fetchall())
    assert token.split("_", 2)[2] not in kept
    assert token.split("_", 2)[1] in kept
    files = list((base / ".golive").glob("accounts.db"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    (known,) = tokens.all()
    assert tokens.verify(token, at=known.ends_at - 1)
    assert tokens.verify(token, at=known.ends_at + 1) is None
    assert tokens.all()[0].used_at


@in_postgres
def test_files_reach_whoever_takes_them_from_another_machine(
    client: TestClient, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home of its own, nothing on the disk between, files larger than a piece."""
    monkeypatch.setattr(core_uploads, "PIECE_BYTES", 100)
    for build in ("12", "13"):
        client.post("/v1/reports", params=BUILD | {"build": build}, content=REPORT)
    assert not list((base / ".golive" / "uploads").iterdir())
    monkeypatch.setenv("GOLIVE_HOME", str(base / "elsewhere"))
    lake = loaded(base).lake
    assert lake.query("select count(*) from core.test_results").item() == 4
    assert Inbox(base / "elsewhere").depth() == 0
    assert pieces(base / "elsewhere") == 0


@in_postgres
def test_files_that_a_killed_gateway_left_go_after_a_while(client: TestClient, base: Path) -> None:
    home = base / ".golive"
    left = Upload("f" * 32, "shop")
    left.folder(home).mkdir(parents=True)
    (left.folder(home) / "0-a.xml").write_text("x")
    assert not left.share(home)
    assert left.share(home)
    client.post("/v1/reports", params=BUILD, content=REPORT)
    core_uploads.prune(home, before=time.time() - 1000)
    assert pieces(home) == 2
    core_uploads.prune(home, before=time.time() + 1000)
    assert pieces(home) == 1
    assert left.fetch(home).is_dir()
    assert not list(left.folder(home).iterdir())


def pieces(home: Path) -> int:
    with opened(home, core_uploads.SCHEMA) as db:
        return db.execute("select count(*) from upload_pieces").fetchone()[0]
