"""`golive action`: shown by default, performed once when told to, verified afterwards."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

from loopback import Asked, Loopback, Reply, ok, serving

from golive_actions import find
from golive_cli import main, output
from golive_core.lake import Lake
from tests.cli.conftest import Run

Inside = Callable[..., tuple[int, str, str]]
PULL = ("repository=team/shop", "title=A [b]title[/b]", "head=feature", "base=main")


class Host(Loopback):
    """A Git host and a webhook in one."""

    def answer(self, asked: Asked) -> Reply:
        return ok({"id": 1, "number": 7, "html_url": "https://git.example.org/7"})


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A folder whose golive.toml names a Git host and a channel on the loopback."""
    with serving(Host(token="right-token")) as server:
        (tmp_path / "golive.toml").write_text(f"""
[project.shop]
[target.git]
type = "github"
url = "{server.url}"
token = "env:GIT_TOKEN"
[target.team]
type = "notify"
address = "file:address.txt"
""")
        address = server.url.replace("http://", "json://")
        (tmp_path / "address.txt").write_text(f"{address}/hook?+X-API-Key=right-token")
        monkeypatch.setenv("GIT_TOKEN", "right-token")
        yield server


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inside:
    """Return a function that runs golive in this process, which saves it from being started."""
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    for console in (output.results, output.messages):
        console.cache_clear()

    def run(*args: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["golive", *args])
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_it_lists_targets_and_verbs(golive: Run) -> None:
    out = golive("action").out
    assert [name for name in find.targets() if f"{name}." not in out] == []
    listed = golive("action", "notify", "--json").json
    assert [(one["target"], one["verb"], one["kind"]) for one in listed] == [
        ("notify", "send", "makes")
    ]


def test_a_dry_run_shows_the_request_and_sends_nothing(golive: Run, host: Host) -> None:
    done = golive("action", "github.create_pull_request", "git", *PULL)
    assert (done.code, host.seen) == (0, [])
    assert f'"url": "{host.url}/repos/team/shop/pulls"' in done.out
    assert '"authorization": "***"' in done.out
    assert "A [b]title[/b]" in done.out
    assert "--perform" in done.err
    assert "right-token" not in done.out + done.err


def test_it_is_performed_once_and_the_chain_holds(golive: Run, host: Host, tmp_path: Path) -> None:
    command = ("action", "github.create_pull_request", "git", *PULL, "--perform", "--json")
    first, second = golive(*command).json, golive(*command).json
    assert len(host.seen) == 1
    assert (first["result"]["number"], first["is_repeated"]) == (7, False)
    assert (second["result"], second["is_repeated"]) == (first["result"], True)
    assert golive("audit", "verify", "--json").json["records"] == 2
    lake = Lake(tmp_path / ".golive" / "lake")
    frame = lake.query("select * from ops.audit_log")
    lake.overwrite("ops.audit_log", frame.with_columns(actor=frame["actor"] + "x"))
    broken = golive("audit", "verify")
    assert broken.code == 1
    assert "record 1: was edited" in broken.err


def test_one_target_is_shown_with_an_example(inside: Inside) -> None:
    code, out, _ = inside("action", "github")
    assert code == 0
    assert "github.create_pull_request" in out
    assert 'type = "github"' in out
    assert "gitlab" not in out


def test_a_value_comes_from_a_file_or_stdin(
    inside: Inside, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "body.md").write_text("From a file")
    monkeypatch.setattr("sys.stdin", io.StringIO("From stdin"))
    for value, said in (
        (f"body=@{tmp_path / 'body.md'}", "From a file"),
        ("body=@-", "From stdin"),
    ):
        _, out, _ = inside("action", "github.create_pull_request", "git", *PULL, value)
        assert f'"body": "{said}"' in out


def test_messages_are_sent_when_told_to(golive: Run, host: Host) -> None:
    golive("action", "notify.send", "team", "title=Red", "--perform")
    due = golive("action", "send", "--json").json
    assert [(one["channel"], one["title"]) for one in due] == [("team", "Red")]
    assert host.seen == []
    done = golive("action", "send", "--perform", "--json")
    assert done.json == {"sent": 1, "postponed": 0, "given_up": 0}
    assert len(host.seen) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["githup"], "github"),
        (["github.create_pull", "git"], "create_pull_request"),
        (["github.create_pull_request"], "names no instance"),
        (["github.create_pull_request", "title=x"], "names no instance"),
        (["github.create_pull_request", "gti"], "gti"),
        (["github.create_pull_request", "git", "x"], "key=value"),
        (["github.create_pull_request", "git", "titel=x"], "titel"),
        (["github.create_pull_request", "git", "body=@no-such-file"], "no-such-file"),
        (["gitlab.authenticate", "git"], "is of type github"),
        (["github.create_webhook", "git", "repository=a", "url=b", "secret=s3cret"], "env:NAME"),
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2_with_one_message(
    inside: Inside, host: Host, args: list[str], said: str
) -> None:
    code, _, err = inside("action", *args)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert "s3cret" not in err
    assert host.seen == []


def test_a_server_that_refuses_is_a_failure(
    inside: Inside, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TOKEN", "wrong-token")
    code, _, err = inside("action", "github.authenticate", "git")
    assert code == 1
    assert "401" in err
    assert "wrong-token" not in err
