"""The command line as people and scripts meet it: real processes, exit codes, JSON."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import polars as pl
import pytest

from golive_cli import commands, main
from golive_core import settings
from golive_core.lake import Lake
from golive_core.schema import FLAKY_CLUSTERS, FLAKY_DETAILS, conform
from ingest import registry
from tests.cli.conftest import GOLIVE, REPORT, Run, environment, git

NAMES = sorted(
    path.stem.replace("_", "-")
    for path in Path(commands.__path__[0]).glob("*.py")
    if path.stem != "__init__"
)


def counts(document: list[dict[str, dict[str, dict[str, int]]]]) -> dict[str, int]:
    """Return the new rows by table of `golive ingest --json`."""
    return {
        table: rows["new"]
        for one in document
        for table, rows in one["tables"].items()
        if rows["new"]
    }


# ---------------------------------------------------------------- the frame


def test_help_lists_every_command(golive: Run) -> None:
    done = golive("--help")
    assert done.code == 0
    assert [name for name in NAMES if name not in done.out] == []


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from golive_cli.main import build; build(); "
        "print([n for n in ('polars', 'duckdb', 'dagster', 'pydantic', 'rich.progress', 'httpx') "
        "if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_command_is_added_by_adding_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hello.py").write_text('def command() -> None:\n    """Say hello."""\n')
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    names = [info.name for info in main.build().registered_commands]
    assert "hello" in names


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(golive: Run, name: str) -> None:
    assert golive(name, "--help").code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nonsense"], "nonsense"),
        (["sql"], "QUERY"),
        (["sql", "select 1", "--format", "xml"], "xml"),
        (["sql", "selec 1"], "sql"),
        (["sql", "select 1", "--as-of", "yesterday"], "is not a time"),
        (["sql", "select * from read_csv('/etc/passwd')"], "Error"),
        (["sql", "create table x as select 1"], "Error"),
        (["sources", "jenkinss"], "jenkins"),
        (["ingest"], "nothing to read"),
        (["ingest", "junit"], "junit"),
        (["ingest", "sarif"], "say what to read"),
        (["ingest", "--build", "7"], "goes with files"),
        (["ingest", "nonsense", "path"], "nonsense"),
        (["flaky"], "nothing has been judged"),
        (["quarantine", "export"], "nothing has been judged"),
        (["simulate", "--builds", "1"], "at least"),
        (["flaky", "--flips", "--days", "99999999"], "36500"),
        (["duplicates", "--days", "99999999"], "36500"),
        (["up"], "no Git repository"),
        (["up", "--repo", "no/such/folder"], "no such folder"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_exits_2_with_one_message(golive: Run, args: list[str], said: str) -> None:
    done = golive(*args)
    assert done.code == 2
    assert said.lower() in done.err.lower()
    assert "Traceback" not in done.err
    assert done.out == ""


def test_debug_shows_where_an_error_came_from(golive: Run) -> None:
    assert "Traceback" in golive("flaky", GOLIVE_DEBUG="1").err


def test_wrong_settings_are_named_with_their_line(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text("[project.a]\nnam = 'x'\n")
    for command in ("ingest", "status", "run", "up"):
        done = golive(command)
        assert (done.code, "golive.toml:2" in done.err) == (2, True)


def test_ctrl_c_exits_130_without_a_traceback(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*GOLIVE, "sql", "-"], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    time.sleep(1.5)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert b"Traceback" not in err


def test_the_version_is_told(golive: Run) -> None:
    assert golive("--version").out.strip().count(".") == 2


# ---------------------------------------------------------------- init and sources


def test_init_writes_what_the_folder_shows(golive: Run, repository: Path) -> None:
    done = golive("init", "--json", cwd=repository)
    assert done.json["sources"] == {"web-shop-git": "git", "web-shop-reports": "junit"}
    assert (done.json["reports"], sorted(done.json["ci"])) == (
        1, [".github/workflows/ci.yml", "Jenkinsfile"],
    )  # fmt: skip
    read = settings.load(repository)
    assert read.projects["web-shop"].git_repository == "https://git.example.org/team/web-shop.git"
    text = (repository / "golive.toml").read_text()
    assert "hunter2" not in text + done.out + done.err
    assert 'type = "jenkins"' in text


def test_init_does_not_replace_a_file_unasked(golive: Run, repository: Path) -> None:
    golive("init", cwd=repository)
    (repository / "golive.toml").write_text("# mine\n")
    again = golive("init", cwd=repository)
    assert (again.code, "--force" in again.err) == (2, True)
    assert (repository / "golive.toml").read_text() == "# mine\n"
    assert golive("init", "--force", cwd=repository).code == 0


def test_init_of_another_folder_writes_here_alone(
    golive: Run, repository: Path, tmp_path: Path
) -> None:
    assert golive("init", "--path", str(repository)).code == 0
    assert not (repository / "golive.toml").exists()
    assert settings.load(tmp_path).instance("web-shop-git").options["path"] == "checkout"


def test_sources_are_listed_with_examples_that_load(golive: Run, tmp_path: Path) -> None:
    found = golive("sources", "--json").json
    assert [one["type"] for one in found] == list(registry.sources())
    for one in found:
        content = f"[project.shop]\n{one['example']}".encode()
        read = settings.parse(content, base=tmp_path, home=tmp_path)
        assert {instance.type for instance in read.instances.values()} == {one["type"]}
        assert tomllib.loads(one["example"])
    assert "core.test_results" in golive("sources", "junit").out


# ---------------------------------------------------------------- ingest


def test_ingest_without_settings_reads_what_it_detects(golive: Run, repository: Path) -> None:
    first = golive("ingest", "--json", cwd=repository)
    assert (first.code, first.err.count("Traceback")) == (0, 0)
    assert counts(first.json)["core.commits"] == 2
    assert counts(first.json)["core.test_results"] == 3
    assert git(repository, "status", "--porcelain", "--ignored").count(".golive") == 1
    second = golive("ingest", "--json", cwd=repository)
    assert counts(second.json) == {}


def test_ingest_gives_log_lines_their_templates(golive: Run, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("took 1 ms\ntook 2 ms\n")
    done = golive("ingest", "logs", str(log), "--project", "shop")
    assert done.code == 0, done.err
    assert "2 lines, 1 new template" in done.err
    sql = "select template, lines from core.log_templates"
    assert golive("sql", sql, "--format", "json").json == [{"template": "took <*> ms", "lines": 2}]
    assert "core.log_templates" not in golive("ingest", "logs", str(log), "--project", "shop").err


def test_a_foreign_repository_is_only_read(golive: Run, repository: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*")}
    done = golive("ingest", "git", str(repository), "--json")
    assert counts(done.json)["core.commits"] == 2
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*")} == before
    assert (tmp_path / ".golive" / "lake").is_dir()


def test_reports_are_loaded_for_a_build(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text("[project.shop]\n")
    (tmp_path / "out.xml").write_text(REPORT)
    done = golive(
        "ingest", "junit", "out.xml", "--project", "shop", "--build", "ci:shop#7",
        "--commit", "c0ffee", "--branch", "main", "--json",
    )  # fmt: skip
    assert done.code == 0
    rows = Lake(tmp_path / ".golive" / "lake").query(
        "select distinct project_id, build_id, commit_sha, branch from core.test_results"
    )
    assert rows.rows() == [("shop", "ci:shop#7", "c0ffee", "main")]


SARIF = """{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scan"}},
 "results": [{"ruleId": "x", "message": {"text": "m"}}]}]}"""
LOADED = {
    "ctrf": ('{"results": {"tests": [{"name": "t", "status": "passed"}]}}', "core.test_results", 1),
    "coverage": ("TN:\nSF:a.c\nDA:1,1\nend_of_record\n", "core.code_measures", 6),
    "sarif": (SARIF, "core.code_findings", 1),
}


@pytest.mark.parametrize("word", LOADED)
def test_other_reports_are_loaded_by_a_word_of_their_own(
    word: str, golive: Run, tmp_path: Path
) -> None:
    body, table, rows = LOADED[word]
    (tmp_path / "out").write_text(body)
    done = golive("ingest", word, "out", "--project", "shop", "--commit", "c0ffee", "--json")
    assert counts(done.json)[table] == rows
    assert (done.json[0]["instance"], done.json[0]["source"]) == ("shop-report-files", "reports")
    found = Lake(tmp_path / ".golive" / "lake").query(f"select distinct commit_sha from {table}")
    assert found.rows() == [("c0ffee",)]


def test_the_same_reports_twice_add_nothing(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "out.xml").write_text(REPORT)
    assert counts(golive("ingest", "junit", "out.xml", "--json").json)["core.test_results"] == 3
    assert counts(golive("ingest", "junit", "out.xml", "--json").json) == {}


def test_rejected_files_are_counted_and_the_rest_goes_on(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "good.xml").write_text(REPORT)
    (tmp_path / "out" / "half.xml").write_text(REPORT[: len(REPORT) // 2])
    done = golive("ingest", "junit", "out")
    assert (done.code, "1 payloads rejected" in done.err) == (1, True)
    assert "ops.quarantine" in done.err
    assert "core.test_results" in done.out


def test_one_source_that_fails_exits_1_and_the_others_are_read(
    golive: Run, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "golive.toml").write_text(
        "[project.shop]\n"
        '[source.gone]\ntype = "git"\npath = "no/such/folder"\n'
        f'[source.here]\ntype = "git"\npath = "{repository}"\n'
    )
    done = golive("ingest", "--json")
    assert done.code == 1
    by_name = {one["instance"]: one for one in done.json}
    assert by_name["gone"]["error"]
    assert by_name["here"]["tables"]["core.commits"]["new"] == 2
    assert golive("ingest", "here", "--full").code == 0
    near = golive("ingest", "heer")
    assert (near.code, "Did you mean here" in near.err) == (2, True)


# ---------------------------------------------------------------- looking


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a folder whose lake has a project and a verdict."""
    lake = Lake(tmp_path / ".golive" / "lake")
    lake.merge("core.projects", pl.DataFrame({"project_id": ["shop"], "name": ["Shop"]}))
    verdict = {
        "project_id": "shop", "suite": None, "class_name": "cart", "name": "test_pay",
        "parameters": None, "file": None, "test_id": 1, "verdict": "flaky", "probability": 0.99,
        "rate": 0.05, "rate_low": 0.02, "rate_high": 0.09, "attempts": 80, "failures": 4,
        "flakes": 4, "outage_failures": 0, "reasons": ["passed and failed on c0ffee"],
        "last_status": "passed", "last_at": None, "wasted_minutes": 12.5, "cost_usd": 0.1,
        "rank": 1,
    }  # fmt: skip
    lake.overwrite("marts.flaky_tests", pl.DataFrame([verdict]))
    detail = {
        "project_id": "shop", "test_id": 1, "cause": "network", "cause_confidence": 0.88,
        "cause_evidence": "ConnectionError: connection reset", "cluster_id": 7,
        "cost_minutes_week": 12.0, "cost_wait_minutes_week": 10.0, "cost_usd_week": 10.1,
    }  # fmt: skip
    lake.overwrite("predictions.flaky_details", conform(FLAKY_DETAILS, pl.DataFrame([detail])))
    cluster = {"project_id": "shop", "cluster_id": 7, "tests": 2, "shared": ["2 fail together"]}
    lake.overwrite("predictions.flaky_clusters", conform(FLAKY_CLUSTERS, pl.DataFrame([cluster])))
    return tmp_path


def test_sql_answers_in_every_format(golive: Run, filled: Path) -> None:
    query = "select project_id, name from core.projects"
    assert "Shop" in golive("sql", query).out
    assert golive("sql", query, "--json").json == [{"project_id": "shop", "name": "Shop"}]
    assert golive("sql", query, "-f", "csv").out.splitlines() == ["project_id,name", "shop,Shop"]
    golive("sql", query, "-f", "parquet", "-o", "out.parquet")
    assert pl.read_parquet(filled / "out.parquet").rows() == [("shop", "Shop")]
    piped = subprocess.run(
        [*GOLIVE, "sql", query, "-f", "parquet"], cwd=filled, env=environment(),
        capture_output=True, check=True,
    )  # fmt: skip
    assert pl.read_parquet(io.BytesIO(piped.stdout)).height == 1


def test_sql_reads_stdin_and_the_past(golive: Run, filled: Path) -> None:
    query = "select count(*) as n from core.projects"
    assert golive("sql", "-", "--json", stdin=query).json == [{"n": 1}]
    past = golive("sql", query, "--json", "--as-of", "2020-01-01")
    assert past.json == [{"n": 0}] or past.code == 2


def test_flaky_shows_interval_and_reasons(golive: Run, filled: Path) -> None:
    out = golive("flaky").out
    for said in ("cart::test_pay", "5.0 %", "2.0 % to 9.0 %", "passed and failed on c0ffee"):
        assert said in out
    for said in ("network (88 %)", "12.0 min, $10.10", "connection reset", "2 fail together"):
        assert said in out
    [row] = golive("flaky", "--json").json
    assert (row["rate_high"], row["cause"], row["cluster_tests"]) == (0.09, "network", 2)
    wrong = golive("flaky", "--project", "shpo")
    assert (wrong.code, "Did you mean shop" in wrong.err) == (2, True)


def test_flaky_compares_the_rules_of_others(golive: Run, filled: Path) -> None:
    assert "nothing has been compared" in golive("flaky", "--compare").err
    rules = (
        "same_commit_30d", "same_commit_14d", "same_commit_7d", "retried", "rate_7d", "allure",
        "healing", "failure_rate_6h",
    )  # fmt: skip
    numbers = ("transition_rate", "pfs", "entropy")
    rows = [
        {
            "project_id": "shop",
            "test_id": n,
            "golive": n < 2,
            **dict.fromkeys(rules, n < 5),
            **dict.fromkeys(numbers, n / 10),
        }
        for n in range(10)
    ]
    Lake(filled / ".golive" / "lake").overwrite("marts.flaky_rivals", pl.DataFrame(rows))
    found = {row["column"]: row for row in golive("flaky", "--compare", "--json").json}
    assert found["golive"]["flaky"] == 2
    assert (found["retried"]["flaky"], found["retried"]["also_golive"]) == (5, 2)
    assert (found["pfs"]["flaky"], found["pfs"]["also_golive"]) == (2, 0)
    assert "Trunk" in golive("flaky", "--compare", "--project", "shop").out


def test_status_tells_freshness_of_each_source(golive: Run, repository: Path) -> None:
    before = golive("status", "--json", cwd=repository).json
    assert {one["status"] for one in before["sources"]} == {"never asked"}
    golive("ingest", cwd=repository)
    after = golive("status", "--json", cwd=repository).json
    assert {one["status"] for one in after["sources"]} == {"ok"}
    assert after["lake"]["size_bytes"] > 0
    by_name = {one["instance"]: one for one in after["sources"]}
    assert by_name["web-shop-git"]["newest_at"] == "2026-01-05T09:00:00Z"
    assert by_name["web-shop-git"]["lag_s"] > 0
    assert "web-shop-git" in golive("status", cwd=repository).out


def test_doctor_finds_nothing_wrong_with_a_sound_folder(golive: Run, repository: Path) -> None:
    done = golive("doctor", "--json", cwd=repository)
    assert done.code == 0
    checked = {one["check"] for one in done.json}
    assert {"python", "git", "writable", "disk", "lake", "port dagster"} <= checked
    assert "ok" in golive("doctor", cwd=repository).out


def test_doctor_names_what_is_wrong_and_the_mend(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text(
        '[project.shop]\n[source.gone]\ntype = "git"\npath = "no/such/folder"\n'
    )
    done = golive("doctor", GOLIVE_CROES="2")
    assert done.code == 1
    assert "gone" in done.err
    assert "Did you mean GOLIVE_CORES" in done.err
    (tmp_path / "golive.toml").write_text("[[[")
    assert (golive("doctor").code, "golive.toml:1" in golive("doctor").out) == (1, True)


def test_doctor_says_that_a_home_cannot_be_written(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = golive("doctor", GOLIVE_HOME=str(tmp_path / "file" / "home"))
    assert done.code == 1
    assert "GOLIVE_HOME" in done.err


# ---------------------------------------------------------------- simulate


def test_simulate_writes_a_labelled_project_once(golive: Run, tmp_path: Path) -> None:
    args = ["simulate", "--builds", "20", "--tests", "20", "--days", "5", "--end", "2026-01-05"]
    first = golive(*args, "--json").json
    assert first["rows"]["core.builds"] == 20
    assert set(golive(*args, "--json").json["rows"].values()) == {0}
    named = Lake(tmp_path / ".golive" / "lake").query(
        "select name, is_simulated from core.projects"
    )
    assert named.rows() == [("Demo (simulated)", True)]


def test_a_lake_without_sources_is_brought_up_to_date(golive: Run, tmp_path: Path) -> None:
    said = golive("run")
    assert said.code == 2
    assert "nothing to read" in said.err
    golive("simulate", "--builds", "20", "--tests", "20", "--days", "5", "--end", "2026-01-05")
    assert golive("run", "+marts/test_daily", "--json").code == 0


def test_questions_are_answered_with_their_sql_and_go_on(golive: Run) -> None:
    golive("simulate", "--builds", "20", "--tests", "20", "--days", "5", "--end", "2026-01-05")
    asked = "How many builds ran since 2025-12-01?"
    found = golive("ask", asked, "--json").json
    assert found["rows"] == [{"builds": 20}]
    assert golive("sql", golive("ask", asked, "--sql").out, "--json").json == [{"builds": 20}]
    both = golive("ask", stdin=f"{asked}\nby pipeline\n")
    assert both.out.count("Builds") == 2
    assert "pipeline" in both.out
    refused = golive("ask", "What is the weather?")
    assert refused.code == 1
    assert "weather" in refused.err
    assert "You could ask" in refused.err


def test_simulated_rows_never_mix_with_real_ones(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "golive.toml").write_text("[project.shop]\n")
    assert golive("simulate", "--project", "shop").code == 2
    (tmp_path / "golive.toml").unlink()
    Lake(tmp_path / ".golive" / "lake").merge(
        "core.projects", pl.DataFrame({"project_id": ["shop"], "is_simulated": [False]})
    )
    done = golive("simulate", "--project", "shop")
    assert (done.code, "real project" in done.err) == (2, True)


@pytest.mark.slow
def test_run_brings_a_selection_up_to_date(golive: Run, repository: Path) -> None:
    golive("ingest", cwd=repository)
    done = golive("run", "group:marts", "--json", cwd=repository)
    assert done.code == 0, done.err
    assert done.json["success"]
    assert done.json["assets"]["marts/test_health"]["state"] == "done"
    assert golive("run", "group:nonsense", cwd=repository).code == 2
    assert json.loads(golive("status", "--json", cwd=repository).out)["last_run"]["run_id"]


def test_the_page_of_the_sources_is_that_of_their_code(golive: Run) -> None:
    page = Path(__file__).parents[2] / "docs" / "sources.md"
    assert golive("sources", "--markdown").out == page.read_text()


def test_core_is_replayed_from_what_was_received(golive: Run, repository: Path) -> None:
    golive("ingest", cwd=repository)
    again = golive("replay", "--json", cwd=repository)
    assert again.code == 0
    assert {row["instance"] for row in again.json} == {"web-shop-git", "web-shop-reports"}
    assert all(row["new"] == row["changed"] == 0 for row in again.json)
    assert golive("replay", "--from", "2999-01-01", "--json", cwd=repository).json == []


def test_flaky_ranks_by_changes_of_the_result(golive: Run, tmp_path: Path) -> None:
    """The demo has tests that change; a plain count of all of them is the same."""
    assert "No test has both" in golive("flaky", "--flips").err
    assert golive("simulate", "--project", "demo").code == 0
    (row,) = golive("flaky", "--flips", "--limit", "1", "--json").json
    plain = golive(
        "sql",
        "select test_id, count(*) filter (where is_other) as flips from (select test_id, "
        "(status = 'passed') != lag(status = 'passed') over (partition by test_id "
        "order by started_at, attempt, status) as is_other from core.test_results "
        "where status != 'skipped') group by 1 order by 2 desc, 1 limit 1",
        "--format", "json",
    ).json  # fmt: skip
    assert (row["test_id"], row["flips"]) == (plain[0]["test_id"], plain[0]["flips"])
    assert golive("flaky", "--flips", "--project", "nothing").code == 2
