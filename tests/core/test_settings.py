"""golive.toml, the variables over it, and secrets that are never values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from golive_core import settings
from golive_core.errors import SettingsError
from golive_core.redact import redact

FULL = """\
history_start = 2024-01-01
cores = 3

[project.shop]
name = "Shop"
owner = "team-shop"

[source.shop-git]
type = "git"
path = "."

[source.ci]
type = "jenkins"
project = "shop"
url = "https://ci.example.org"
user = "bot"
token = "env:CI_TOKEN"
schedule = "*/5 * * * *"

[rates]
usd_per_machine_minute = 0.02

[retention]
raw_days = 30

[port]
dashboards = 9501
"""


def write(folder: Path, text: str) -> Path:
    (folder / "golive.toml").write_text(text)
    return folder


def refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        settings.load(write(folder, text))
    return caught.value


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    found = settings.load(tmp_path)
    assert (found.file, found.projects, found.instances) == (None, {}, {})
    assert found.home == tmp_path / ".golive"
    assert not found.home.exists()
    assert found.ports == settings.Ports(8000, 8501, 3000)
    assert found.cores >= 1


def test_a_full_file_is_read(tmp_path: Path) -> None:
    found = settings.load(write(tmp_path, FULL))
    assert found.projects["shop"] == settings.Project("shop", "Shop", owner="team-shop")
    assert found.instance("ci").options == {
        "url": "https://ci.example.org", "user": "bot", "token": "env:CI_TOKEN",
    }  # fmt: skip
    assert found.instance("shop-git").project_id == "shop"
    assert found.schedule("ci") == "*/5 * * * *"
    assert found.schedule("shop-git") == settings.SCHEDULE
    assert found.schedules == {"ci": "*/5 * * * *"}, "those that name none are staggered"
    assert (found.rates.usd_per_machine_minute, found.retention.raw_days) == (0.02, 30)
    assert (found.ports.dashboards, found.cores) == (9501, 3)
    assert found.history_start == datetime(2024, 1, 1, tzinfo=UTC)


def test_the_detected_file_serves_where_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / ".golive").mkdir()
    detected = tmp_path / ".golive" / "detected.toml"
    detected.write_text('[project.a]\n[source.a]\ntype = "git"\npath = "/srv/a"\n')
    assert settings.load(tmp_path).file == detected
    write(tmp_path, "[project.b]\n")
    assert list(settings.load(tmp_path).projects) == ["b"]


def test_golive_home_moves_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path / "elsewhere"))
    assert settings.home() == settings.load(tmp_path).home == tmp_path / "elsewhere"


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GOLIVE_CORES": "7",
        "GOLIVE_HISTORY_START": "2023-05-06T07:08:09+02:00",
        "GOLIVE_PORT_DASHBOARDS": "9999",
        "GOLIVE_RATES_USD_PER_MACHINE_MINUTE": "0.5",
        "GOLIVE_SOURCE_CI_URL": "https://other.example.org",
        "GOLIVE_SOURCE_CI_JOBS": '["a", "b"]',
        "GOLIVE_SOURCE_SHOP_GIT_DEPTH": "10",
    }.items():
        monkeypatch.setenv(name, value)
    found = settings.load(write(tmp_path, FULL))
    assert (found.cores, found.ports.dashboards) == (7, 9999)
    assert found.rates.usd_per_machine_minute == 0.5
    assert found.history_start == datetime(2023, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert found.instance("ci").options["url"] == "https://other.example.org"
    assert found.instance("ci").options["jobs"] == ["a", "b"]
    assert found.instance("shop-git").options["depth"] == "10"


def test_a_secret_given_by_variable_stays_a_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_SOURCE_CI_TOKEN", "very-secret")
    token = settings.load(write(tmp_path, FULL)).instance("ci").options["token"]
    assert token == "env:GOLIVE_SOURCE_CI_TOKEN"
    assert settings.resolve(token) == "very-secret"


@pytest.mark.parametrize("key", ["token", "password", "api_key", "webhook_secret", "private_key"])
def test_a_literal_secret_is_refused_with_the_mend_and_never_repeated(
    tmp_path: Path, key: str
) -> None:
    error = refused(
        tmp_path, f'[project.a]\n[source.ci-2]\ntype = "jenkins"\n{key} = "hunter2hunter2"\n'
    )
    assert error.where == "golive.toml:4"
    assert f'{key} = "env:CI_2_{key.upper()}"' in error.hint
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    "line",
    [
        'url = "https://bot:hunter2@ci.example.org"',
        'headers = { token = "hunter2" }',
        'tokens = ["hunter2"]',
    ],
)
def test_a_secret_hidden_deeper_is_refused_too(tmp_path: Path, line: str) -> None:
    error = refused(tmp_path, f'[project.a]\n[source.ci]\ntype = "jenkins"\n{line}\n')
    assert "hunter2" not in str(error)
    assert error.where.startswith("golive.toml:")


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("[project.a]\nname = \n", 2, "not valid TOML", ""),
        ("[project.a]\nownr = 'x'\n", 2, "project.a.ownr is not known", "Did you mean owner?"),
        ("[projects.a]\n", 1, "projects is not known", "Did you mean project?"),
        ("\n[retention]\nraw_day = 3\n", 3, "retention.raw_day", "Did you mean raw_days"),
        ("[retention]\nraw_days = 'soon'\n", 2, "is 'soon'", "a whole number"),
        ("[retention]\nraw_days = -1\n", 2, "is -1", "not be negative"),
        ("[rates]\nusd_per_person_hour = true\n", 2, "is True", "a number"),
        ("[project.a]\nis_simulated = 'maybe'\n", 2, "is 'maybe'", "true or false"),
        ("rates = 5\n", 1, "rates is not a table", "[rates]"),
        ("history_start = 'last week'\n", 1, "history_start", "2024-01-01"),
        ("[project.'Ä b']\n", 1, "not a usable name", "small letters"),
        ("[project.a]\n[source.g]\npath = '.'\n", 2, "has no type", "golive sources"),
        ("[project.shop]\n[source.g]\ntype = 'git'\nproject = 'shp'\n", 4, "'shp'", "mean shop?"),
        ("[source.g]\ntype = 'git'\n", 1, "names no project", "project ="),
        (
            "[project.a]\n[source.g]\ntype = 'git'\nschedule = 'hourly'\n",
            4, "not a cron line", "*/15",
        ),
    ],
)  # fmt: skip
def test_a_wrong_file_names_line_key_and_mend(
    tmp_path: Path, text: str, line: int, what: str, hint: str
) -> None:
    error = refused(tmp_path, text)
    assert error.where == f"golive.toml:{line}"
    assert what in error.what
    assert hint in error.hint
    assert error.exit_code == 2


def test_the_mend_of_a_plain_secret_is_readable_where_secrets_are_masked(tmp_path: Path) -> None:
    text = "[project.a]\n[source.hub]\ntype = 'github'\ntoken = 'hunter2hunter2'\n"
    error = redact(str(refused(tmp_path, text)))
    assert 'Write token = "env:HUB_TOKEN" and set that variable, or "file:PATH"' in error
    assert "hunter2" not in error


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_bytes(b"[project.a]\nname = '\xff'\n")
    with pytest.raises(SettingsError, match=r"golive\.toml:2: not UTF-8"):
        settings.load(tmp_path)


def test_an_unknown_instance_names_near_matches(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Did you mean shop-git"):
        settings.load(write(tmp_path, FULL)).instance("shop-gti")


def test_a_target_is_what_only_actions_know(tmp_path: Path) -> None:
    found = settings.load(write(tmp_path, FULL + """
[target.team]
type = "notify"
address = "env:TEAM"
"""))  # fmt: skip
    assert list(found.instances) == ["shop-git", "ci"]
    assert (found.target("team").type, found.target("ci").type) == ("notify", "jenkins")
    with pytest.raises(SettingsError, match="no source is called"):
        found.target("tem")


def test_a_target_is_not_called_like_a_source(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a source too"):
        settings.load(write(tmp_path, FULL + '[target.ci]\ntype = "notify"\n'))


def test_a_secret_comes_from_a_variable_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_TOKEN", " from-variable\n")
    (tmp_path / "token").write_text("from-file\n")
    assert settings.resolve("env:CI_TOKEN") == "from-variable"
    assert settings.resolve("file:token", base=tmp_path) == "from-file"
    assert {"from-variable", "from-file"} <= settings.resolved_secrets()


@pytest.mark.parametrize("reference", ["env:NO_SUCH_VARIABLE", "file:no/such/file", "file:empty"])
def test_a_secret_that_is_not_there_is_named(tmp_path: Path, reference: str) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(SettingsError) as caught:
        settings.resolve(reference, base=tmp_path)
    assert reference.partition(":")[0] in caught.value.where


def test_a_value_is_no_reference_and_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.resolve("hunter2")
    assert "hunter2" not in str(caught.value)


def test_children_inherit_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_TOKEN", "x")
    assert settings.child_environment(GOLIVE_SIGN_IN="1").items() >= {
        ("CI_TOKEN", "x"), ("GOLIVE_SIGN_IN", "1"),
    }  # fmt: skip
