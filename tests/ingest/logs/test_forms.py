"""Every form of log becomes time, level, message and fields; told by content alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from golive_core.ids import content_id
from ingest.parse import logs
from ingest.parse.logs import entries, form_of, lines_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOGHUB = "data/loghub_2k/loghub_2k.parquet"
FIRST = {
    "HDFS": datetime(2008, 11, 9, 20, 36, 15, tzinfo=UTC),
    "Hadoop": datetime(2015, 10, 18, 18, 1, 47, 978000, tzinfo=UTC),
    "Spark": datetime(2017, 6, 9, 20, 10, 40, tzinfo=UTC),
    "Linux": datetime(2026, 6, 14, 15, 16, 1, tzinfo=UTC),
    "HealthApp": datetime(2017, 12, 23, 22, 15, 29, 606000, tzinfo=UTC),
    "Apache": datetime(2005, 12, 4, 4, 47, 44, tzinfo=UTC),
    "Proxifier": datetime(2026, 10, 30, 16, 49, 6, tzinfo=UTC),
    "OpenSSH": datetime(2025, 12, 10, 6, 55, 46, tzinfo=UTC),
}
"""Of the first lines; Linux, Proxifier and OpenSSH write no year."""
LEVELS = {
    "INFO": "info", "WARN": "warning", "ERROR": "error", "FATAL": "error", "notice": "info",
    "error": "error",
}  # fmt: skip


def read(text: str, *, form: str = "auto", zone: str = "UTC") -> list[dict[str, Any]]:
    """Return the entries, attributes decoded and without nulls."""
    frame = entries(lines_of(text.encode()), form=form, zone=zone, now=NOW)
    return [one | {"attributes": fields(one["attributes"])} for one in frame.to_dicts()]


def fields(text: str | None) -> dict[str, Any]:
    return {name: value for name, value in json.loads(text or "{}").items() if value is not None}


@pytest.mark.parametrize("system", FIRST)
def test_every_line_of_loghub_has_its_time_and_its_level(
    shared: Callable[[str], Path], system: str
) -> None:
    truth = pl.read_parquet(shared(LOGHUB)).filter(pl.col("system") == system)
    found = entries(truth["raw"].to_list(), form="auto", zone="UTC", now=NOW)
    assert found.height == 2_000
    assert found["at"].null_count() == 0
    assert found["at"][0] == FIRST[system]
    if system in ("HDFS", "Hadoop", "Spark", "Apache"):
        assert found["level"].to_list() == [LEVELS[word] for word in truth["level"]]


@pytest.mark.parametrize("system", ["Linux", "OpenSSH"])
def test_classic_syslog_names_host_program_and_process(
    shared: Callable[[str], Path], system: str
) -> None:
    truth = pl.read_parquet(shared(LOGHUB)).filter(pl.col("system") == system)
    found = entries(truth["raw"].to_list(), form="auto", zone="UTC", now=NOW)
    named = found.filter(pl.col("service").is_not_null())
    assert named.height >= 1_990
    same = named["message"] == truth["content"].gather(named["number"]).str.strip_chars()
    assert same.mean() == 1.0
    assert fields(named["attributes"][0])["host"] in ("combo", "LabSZ")


def test_json_lines_of_common_loggers() -> None:
    zap, pino, ecs, docker = read(
        '{"level":"warn","ts":1716400000.25,"msg":"slow","took":3}\n'
        '{"level":50,"time":1716400000250,"pid":7,"msg":"boom","err":"x"}\n'
        '{"@timestamp":"2024-05-22T17:46:40.250Z","log.level":"DEBUG","message":"hi",'
        '"service":{"name":"cart"}}\n'
        '{"log":"out\\n","stream":"stdout","time":"2024-05-22T17:46:40.250000001Z"}\n'
    )
    at = datetime(2024, 5, 22, 17, 46, 40, 250000, tzinfo=UTC)
    assert [one["at"] for one in (zap, pino, ecs, docker)] == [at] * 4
    assert [one["level"] for one in (zap, pino, ecs, docker)] == ["warning", "error", "debug", None]
    assert [one["message"] for one in (zap, pino, ecs, docker)] == ["slow", "boom", "hi", "out"]
    assert (zap["attributes"], ecs["service"]) == ({"took": 3}, "cart")


def test_a_trace_in_its_own_field_goes_below_the_message() -> None:
    (one,) = read('{"msg":"boom","level":"error","stack_trace":"E: boom\\n\\tat a.B.c(B.java:3)"}')
    assert one["message"] == "boom\nE: boom\n\tat a.B.c(B.java:3)"


def test_a_line_that_is_no_json_among_json_is_kept_as_it_is() -> None:
    found = read('{"msg":"a"}\n{"msg":"b"}\nnot json\n{"resourceLogs":[1]}')
    assert [one["message"] for one in found] == ["a", "b", "not json", '{"resourceLogs":[1]}']


def test_open_telemetry_records_keep_resource_and_trace() -> None:
    record = {
        "timeUnixNano": "1544712660300000000", "observedTimeUnixNano": "1544712660300000000",
        "severityNumber": 17, "severityText": "Error",
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "body": {"stringValue": "Example log record"},
        "attributes": [{"key": "retries", "value": {"intValue": "3"}},
                       {"key": "map", "value": {"kvlistValue": {"values": [
                           {"key": "k", "value": {"boolValue": True}}]}}}],
    }  # fmt: skip
    whole = {"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
        "scopeLogs": [{"scope": {"name": "my.library"}, "logRecords": [record, record]}],
    }]}  # fmt: skip
    for text in (json.dumps(whole), json.dumps(whole, indent=1)):
        one, other = read(text)
        assert (one["part"], other["part"]) == (0, 1)
        assert (one["service"], one["level"]) == ("cart", "error")
        assert one["message"] == "Example log record"
        assert one["at"] == datetime(2018, 12, 13, 14, 51, 0, 300000, tzinfo=UTC)
        assert one["attributes"] == {
            "scope": "my.library", "retries": 3, "map": {"k": True},
            "trace_id": record["traceId"], "span_id": record["spanId"],
        }  # fmt: skip


def test_logfmt_has_quoted_values_and_words() -> None:
    first, second = read(
        'ts=2026-11-24T10:00:00Z level=info msg="GET \\"/x\\" done" service=cart took=3ms\n'
        'time="2026-11-24T10:00:01Z" level=error msg=boom caller=main.go:12\n'
    )
    assert (first["message"], first["level"], first["service"]) == ('GET "/x" done', "info", "cart")
    assert first["attributes"] == {"took": "3ms"}
    assert (second["at"].second, second["message"], second["level"]) == (1, "boom", "error")


def test_syslog_of_rfc_5424_has_priority_and_structured_data() -> None:
    first, second = read(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        '[exampleSDID@32473 iut="3" eventSource="Application"] An application event\n'
        "<34>1 2003-10-11T22:14:16+02:00 mymachine.example.com su 77 - - 'su root' failed\n"
    )
    assert (first["level"], first["service"]) == ("info", "evntslog")
    assert first["message"] == "An application event"
    assert first["attributes"]["eventSource"] == "Application"
    assert second["at"] == datetime(2003, 10, 11, 20, 14, 16, tzinfo=UTC)
    assert (second["level"], second["attributes"]["pid"]) == ("error", "77")


def test_syslog_of_rfc_3164_has_its_level_of_the_priority() -> None:
    (one,) = read("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8")
    assert (one["level"], one["service"]) == ("error", "su")
    assert one["at"] == datetime(2026, 10, 11, 22, 14, 15, tzinfo=UTC)


@pytest.mark.parametrize("tail", ["", ' "http://www.example.com/start.html" "Mozilla/4.08 [en]"'])
def test_access_logs_have_the_level_of_their_status(tail: str) -> None:
    line = (
        "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "
        '"GET /apache_pb.gif HTTP/1.0" {} 2326' + tail
    )
    good, missing, broken, odd = read("\n".join([*map(line.format, (200, 404, 502)), "odd"]))
    assert good["at"] == datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC)
    assert [one["level"] for one in (good, missing, broken)] == ["info", "warning", "error"]
    assert good["message"] == '"GET /apache_pb.gif HTTP/1.0" 200'
    assert good["attributes"]["path"] == "/apache_pb.gif"
    assert good["attributes"].get("referer") == (
        "http://www.example.com/start.html" if tail else None
    )
    assert odd["message"] == "odd"


JAVA = """\
2026-11-24 10:00:00,123 ERROR [main] shop.Cart - cannot add
java.lang.IllegalStateException: full
\tat shop.Cart.add(Cart.java:12)
\tat shop.Main.main(Main.java:3)
Caused by: java.io.IOException: disk
\t... 2 more
2026-11-24 10:00:01,000 INFO [main] shop.Cart - bye
"""
PYTHON = """\
starting
Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    main()
ValueError: boom
done
"""
GO = """\
2026/11/24 10:00:00 listening
panic: runtime error: index out of range

goroutine 1 [running]:
main.main()
\t/srv/main.go:9 +0x1d
"""


@pytest.mark.parametrize(
    ("text", "starts", "lines"),
    [(JAVA, ["[main] shop.Cart - cannot add", "[main] shop.Cart - bye"], [6, 1]),
     (PYTHON, ["starting", "done"], [5, 1]), (GO, ["listening"], [6]),
     ("a\n  b\nc\n", ["a", "c"], [2, 1])],
)  # fmt: skip
def test_a_stack_trace_is_of_the_entry_above_it(
    text: str, starts: list[str], lines: list[int]
) -> None:
    found = [one["message"].split("\n") for one in read(text)]
    assert [one[0] for one in found] == starts
    assert [len(one) for one in found] == lines


@pytest.mark.parametrize(
    ("line", "level", "message"),
    [
        ("2026-11-24 10:00:00 [error] 7#0: *1 open() failed", "error", "7#0: *1 open() failed"),
        ("[Tue Nov 24 10:00:00.123456 2026] [core:warn] [pid 9] odd", "warning", "[pid 9] odd"),
        ("2026-11-24T10:00:00.5+00:00 - DEBUG - x", "debug", "x"),
        ("2026-11-24 10:00:00,000 - shop.cart - CRITICAL - full", "error",
         "- shop.cart - CRITICAL - full"),
        ("11-24 10:00:00.811  1702  2395 W WindowManager: late", "warning",
         "1702  2395 W WindowManager: late"),
        ("E1124 10:00:00.123456  7 server.go:12] gone", "error", "7 server.go:12] gone"),
        ("api-7 web 2026-11-24 10:00:00 ERROR late", "error", "api-7 web ERROR late"),
        ("2026-11-24 10:00:00 no errors were found", None, "no errors were found"),
    ],
)  # fmt: skip
def test_levels_of_plain_lines(line: str, level: str | None, message: str) -> None:
    (one,) = read(line)
    assert (one["level"], one["message"]) == (level, message)
    assert one["at"].replace(microsecond=0) == datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_times_without_a_zone_are_of_the_zone_that_is_said() -> None:
    (one,) = read("2026-07-24 10:00:00 x", zone="Europe/Berlin")
    assert one["at"] == datetime(2026, 7, 24, 8, tzinfo=UTC)


def test_a_time_without_a_year_is_never_ahead() -> None:
    found = read("Dec 31 23:59:59 host app[1]: old\nJan  1 00:00:01 host app[1]: new")
    assert [one["at"].year for one in found] == [2025, 2026]


def test_a_time_that_is_none_is_missing() -> None:
    good, bad = read("2026-11-24 10:00:00 a\n2026-13-45 99:00:00 b")
    assert (good["at"].hour, bad["at"], bad["message"]) == (10, None, "b")


@pytest.mark.parametrize("text", ["", "\n\n", "   \n"])
def test_nothing_is_no_entry(text: str) -> None:
    assert read(text) == []


def test_a_form_that_is_said_is_not_asked_of_the_content() -> None:
    assert form_of(['{"msg":"a"}']) == "json"
    (one,) = read('{"msg":"a"}', form="text")
    assert one["message"] == '{"msg":"a"}'


def test_files_that_share_a_service_have_no_number_in_common() -> None:
    bits = logs.LINE_BITS + logs.PART_BITS
    assert content_id("a.log") % (1 << logs.FILE_BITS) << bits < 1 << 63
