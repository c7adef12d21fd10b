"""The read API over a simulated project: every resource, every form, pages, filters, ETags."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from fastapi.testclient import TestClient

from golive_core import schema
from golive_core.lake import Lake
from golive_core.tokens import Tokens
from golive_gateway import formats, reading
from golive_gateway.app import create_app
from golive_gateway.resources import FOLDER, parsed, resources
from golive_gateway.routes import badges

SVG = "{http://www.w3.org/2000/svg}"
Served = Callable[..., TestClient]
NEEDED = {"test_results": {"test": 0}, "failed_tests": {"build": ""}}


@pytest.fixture
def lake(simulated: Path) -> Lake:
    return Lake(simulated / "lake")


def asked(name: str, lake: Lake) -> dict[str, object]:
    """Return what a resource has to be asked with."""
    failed = "select build_id, test_id from core.test_results where status = 'failed' limit 1"
    build, test = lake.query(failed).row(0)
    return {"test_results": {"test": test}, "failed_tests": {"build": build}}.get(name, {})


@pytest.mark.parametrize("name", sorted(resources()))
def test_every_resource_answers_with_rows_and_the_sql_behind_them(
    served: Served, lake: Lake, name: str
) -> None:
    answer = served().get(f"/v1/{name}", params=asked(name, lake))
    assert answer.status_code == 200, answer.text
    assert answer.json(), name
    sql = answer.headers["x-golive-sql"]
    assert "$" not in sql.replace("'$", "")
    again = lake.query(sql).head(100)
    assert len(answer.json()) == again.height
    assert list(answer.json()[0]) == again.columns


def test_every_form_holds_the_same_rows(served: Served) -> None:
    client = served()
    as_json = client.get("/v1/builds", params={"limit": 7}).json()
    ids = [row["build_id"] for row in as_json]
    table = client.get("/v1/builds", params={"limit": 7}, headers={"accept": "text/csv"})
    assert [row["build_id"] for row in csv.DictReader(io.StringIO(table.text))] == ids
    arrow = client.get("/v1/builds", params={"limit": 7}, headers={"accept": formats.ARROW})
    assert pl.read_ipc_stream(io.BytesIO(arrow.content))["build_id"].to_list() == ids
    parquet = client.get("/v1/builds", params={"limit": 7}, headers={"accept": formats.PARQUET})
    assert pl.read_parquet(io.BytesIO(parquet.content))["build_id"].to_list() == ids


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", formats.JSON), ("*/*", formats.JSON), ("text/*", formats.CSV),
        ("text/csv;q=0.5, application/json;q=0.9", formats.JSON),
        ("application/json;q=0, */*", formats.CSV), ("TEXT/CSV", formats.CSV),
    ],
)  # fmt: skip
def test_the_form_is_what_the_client_likes_best(accept: str, form: str) -> None:
    assert formats.chosen(accept) == form


def test_a_form_that_there_is_not_is_refused(served: Served) -> None:
    answer = served().get("/v1/projects", headers={"accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]


def test_pages_neither_overlap_nor_leave_any_out(served: Served, lake: Lake) -> None:
    client, found, url = served(), [], "/v1/builds?limit=30"
    while url:
        answer = client.get(url)
        found += [row["build_id"] for row in answer.json()]
        url = answer.links.get("next", {}).get("url", "")
    everything = lake.query("select build_id from core.builds")["build_id"].to_list()
    assert len(found) == len(set(found))
    assert set(found) == set(everything)


def test_an_unchanged_answer_is_not_sent_again(served: Served) -> None:
    client = served()
    first = client.get("/v1/flaky")
    again = client.get("/v1/flaky", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(
        "/v1/flaky", params={"limit": 1}, headers={"if-none-match": first.headers["etag"]}
    )
    assert other.status_code == 200


def test_filters_and_periods_are_held_to(served: Served, lake: Lake) -> None:
    client = served()
    failed = client.get("/v1/builds", params={"status": "failed", "limit": 1000}).json()
    assert {row["status"] for row in failed} == {"failed"}
    day = lake.query("select max(day) from core.builds").item().isoformat()
    of_day = client.get("/v1/builds", params={"from": day, "to": day, "limit": 1000}).json()
    assert {row["day"] for row in of_day} == {day}
    text = {"text": "a text that nobody wrote' or 1=1 --"}
    assert client.get("/v1/failures", params=text).json() == []


@pytest.mark.parametrize(
    "wrong", [{"limit": "0"}, {"limit": "many"}, {"offset": "-1"}, {"from": "yesterday"}]
)
def test_a_parameter_that_is_none_is_refused(served: Served, wrong: dict[str, str]) -> None:
    assert served().get("/v1/builds", params=wrong).status_code == 422


def test_nobody_reads_without_a_token(simulated: Path, served: Served) -> None:
    served()
    bare = TestClient(create_app(), base_url="http://127.0.0.1:8000")
    for name in resources():
        assert bare.get(f"/v1/{name}", params={"test": 1, "build": "b"}).status_code == 401
    assert bare.post("/v1/sql", json={"sql": "select 1"}).status_code == 401
    assert bare.get("/v1/events").status_code == 401
    assert bare.get("/badge/demo/flaky.svg").status_code == 401


def test_a_token_of_one_project_sees_no_row_of_another(served: Served) -> None:
    other = served(project="elsewhere")
    assert other.get("/v1/builds").json() == []
    assert other.get("/v1/builds", params={"project": "demo"}).status_code == 403
    everything = {"sql": "select count(*) as n from core.test_results"}
    assert other.post("/v1/sql", json=everything).json() == [{"n": 0}]
    mine = served(project="demo")
    assert mine.get("/v1/builds").json()
    assert mine.post("/v1/sql", json=everything).json()[0]["n"] > 0
    secret = {"sql": "select * from ops.security_events"}
    assert mine.post("/v1/sql", json=secret).status_code == 400


def test_a_token_that_may_only_upload_reads_nothing(served: Served) -> None:
    assert served(scopes=("reports:write",)).get("/v1/builds").status_code == 403


def test_free_sql_reaches_the_lake_and_nothing_else(served: Served, simulated: Path) -> None:
    client = served()
    sql = "select project_id, count(*) as builds from core.builds group by all"
    assert client.post("/v1/sql", json={"sql": sql}).json() == [
        {"project_id": "demo", "builds": Lake(simulated / "lake").rows("core.builds")}
    ]
    for bad in ("drop table core.builds", "select * from read_text('/etc/passwd')", "selec 1",
                "copy core.builds to '/tmp/x'", "select 1; select 2"):  # fmt: skip
        answer = client.post("/v1/sql", json={"sql": bad})
        assert answer.status_code == 400, bad
        assert answer.json()["detail"]["what"]
    many = {"sql": "select * from core.test_results", "max_rows": 10}
    assert client.post("/v1/sql", json=many).status_code == 400


def test_a_resource_is_one_file(tmp_path: Path) -> None:
    text = (
        "-- What is new. More words.\n--\n-- order: day\n-- parameter: name text its name\n"
        "-- required: test int its id\n-- period: day\nselect * from marts.x where name = $name"
    )
    made = parsed("news", text)
    assert (made.doc, made.order, made.tables) == ("What is new. More words.", "day", ("marts.x",))
    assert [(one.name, one.type, one.is_required) for one in made.parameters] == [
        ("name", str, False), ("test", int, True),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no order"):
        parsed("bad", "-- Nothing.\nselect 1")
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(resources())


@pytest.mark.parametrize("what", ["flaky", "deployment_frequency", "change_lead_time",
    "change_fail_rate", "recovery_time", "rework_rate"])  # fmt: skip
def test_a_badge_is_an_image_with_its_number_in_words(
    served: Served, simulated: Path, what: str
) -> None:
    client = served()
    answer = client.get(f"/badge/demo/{what}.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    root = ElementTree.fromstring(answer.text)
    assert root.find(f"{SVG}title").text == root.get("aria-label")
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert ": ".join(texts) == root.get("aria-label")
    assert all(contrast(path.get("fill")) >= 4.5 for path in root.iter(f"{SVG}path"))
    same = client.get(f"/badge/demo/{what}.svg", headers={"if-none-match": answer.headers["etag"]})
    assert same.status_code == 304


def contrast(colour: str) -> float:
    """Return the contrast of white on a colour (WCAG 2.2, relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("tone", [badges.GREEN, badges.AMBER, badges.RED, badges.GREY])
def test_what_a_badge_says_can_be_read_on_its_colour(tone: str) -> None:
    assert contrast(tone) >= 4.5
    assert "<script" not in badges.svg("a", "<script>'\"", tone)
    ElementTree.fromstring(badges.svg("a & b", "<script>'\"", tone))


def test_a_badge_opens_with_a_token_that_opens_nothing_else(
    served: Served, simulated: Path
) -> None:
    served()
    _, text = Tokens(simulated).create("readme", ["badge"], project="demo")
    bare = TestClient(create_app(), base_url="http://127.0.0.1:8000")
    assert bare.get("/badge/demo/flaky.svg", params={"token": text}).status_code == 200
    assert bare.get("/badge/other/flaky.svg", params={"token": text}).status_code == 403
    assert bare.get("/badge/demo/flaky.svg", params={"token": "x"}).status_code == 401
    headers = {"authorization": f"Bearer {text}"}
    assert bare.get("/v1/builds", headers=headers).status_code == 403


def test_large_answers_are_compressed(served: Served) -> None:
    answer = served().get("/v1/builds", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"


def test_an_empty_lake_answers_with_no_rows(home: Path, served, monkeypatch) -> None:
    served()
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    _, text = Tokens(home).create("test", ["read"])
    client = TestClient(
        create_app(), base_url="http://127.0.0.1:8000",
        headers={"authorization": f"Bearer {text}"},
    )  # fmt: skip
    for name in resources():
        answer = client.get(f"/v1/{name}", params={"test": 1, "build": "b"})
        assert (answer.status_code, answer.json()) == (200, []), name


def test_kept_answers_are_bounded_and_the_oldest_go_first() -> None:
    kept = reading.Kept(800)
    for number in range(20):
        kept.put(str(number), reading.Made(b"x" * 100, "", has_more=False))
    assert kept.get("11") is None
    assert kept.get("12") is not None
    kept.put("20", reading.Made(b"x" * 100, "", has_more=False))
    assert kept.get("13") is None
    assert kept.get("12") is not None
    kept.put("large", reading.Made(b"x" * 101, "", has_more=False))
    assert kept.get("large") is None


def test_a_change_of_the_lake_is_another_answer(home: Path, served: Served, monkeypatch) -> None:
    served()
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    _, text = Tokens(home).create("test", ["read"])
    headers = {"authorization": f"Bearer {text}"}
    client = TestClient(create_app(), base_url="http://127.0.0.1:8000", headers=headers)
    assert client.get("/v1/builds").json() == []
    row = {"build_id": "b", "project_id": "p", "day": datetime.now(UTC).date(), "status": "passed"}
    lake = Lake(home / "lake")
    lake.insert("core.builds", schema.conform(schema.BUILDS, pl.DataFrame([row])))
    assert [one["build_id"] for one in client.get("/v1/builds").json()] == ["b"]


def test_a_walk_over_pages_sees_one_state_of_the_lake(
    home: Path, served: Served, monkeypatch
) -> None:
    served()
    monkeypatch.setenv("GOLIVE_HOME", str(home))
    _, text = Tokens(home).create("test", ["read"])
    headers = {"authorization": f"Bearer {text}"}
    client = TestClient(create_app(), base_url="http://127.0.0.1:8000", headers=headers)
    lake, now = Lake(home / "lake"), datetime.now(UTC)

    def add(*names: str) -> None:
        rows = [{"build_id": name, "project_id": "p", "day": now.date(), "status": "passed",
                 "queued_at": now} for name in names]  # fmt: skip
        lake.insert("core.builds", schema.conform(schema.BUILDS, pl.DataFrame(rows)))

    add("b1", "b3", "b5")
    answer = client.get("/v1/builds", params={"limit": 1})
    found = [one["build_id"] for one in answer.json()]
    while url := answer.links.get("next", {}).get("url"):
        add(f"b{9 - len(found)}")  # before what was read: pages would shift
        answer = client.get(url)
        found += [one["build_id"] for one in answer.json()]
    assert found == ["b5", "b3", "b1"]
    assert len(client.get("/v1/builds").json()) == 5
    then = {"as_of": "2001-01-01T00:00:00Z"}
    assert client.get("/v1/builds", params=then).json() == []
    assert client.get("/v1/builds", params={"as_of": "2001-01-01T00:00:00"}).status_code == 422
    lake.vacuum(timedelta(0))
    assert client.get("/v1/builds", params=then).status_code == 410
