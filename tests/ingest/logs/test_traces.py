"""Stack traces of many runtimes: joined, read, and one failure when they come again."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from ingest.parse import logs_text
from ingest.parse.signature import signature
from ingest.parse.traces import thrown

HOMES = "/home"

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
TRACES = sorted((BENCHMARKS / "traces").glob("*.txt"), key=lambda path: path.stem)
THROWN = {
    "dotnet": ("System.InvalidOperationException", "Sequence contains no elements"),
    "gdb": ("SIGSEGV", "Segmentation fault."),
    "go_fatal": ("fatal error", "all goroutines are asleep - deadlock!"),
    "go_panic": ("panic", "runtime error: invalid memory address or nil pointer dereference"),
    "java_caused": ("java.lang.RuntimeException", "no total"),
    "java_plain": (
        "java.net.SocketTimeoutException", "no answer from db-3.shop.local:5432 within 3000 ms"
    ),
    "kotlin": (
        "kotlinx.coroutines.TimeoutCancellationException", "Timed out waiting for 5000 ms"
    ),
    "node": ("TypeError", "Cannot read properties of undefined (reading 'price')"),
    "node_cause": ("Error", "no sum"),
    "php": ("RuntimeException", "no price"),
    "python_chained": ("RuntimeError", "no total"),
    "python_group": ("ExceptionGroup", "many (2 sub-exceptions)"),
    "python_plain": (
        "redis.exceptions.ConnectionError",
        "Error 111 connecting to 10.0.0.12:6379. Connection refused.",
    ),
    "ruby": ("Shop::PriceError", "no price"),
    "ruby_rails": ("ActiveRecord::RecordNotFound", "Couldn't find Order with 'id'=4711"),
    "rust": ("panic", "index out of bounds: the len is 1 but the index is 9"),
    "sanitizer": ("AddressSanitizer", "heap-use-after-free"),
}  # fmt: skip


@pytest.fixture(scope="module")
def protocol() -> ModuleType:
    """Return the benchmark of failure signatures as a module."""
    path = BENCHMARKS / "failure_signatures.py"
    spec = importlib.util.spec_from_file_location("failure_signatures_protocol", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def entries(*lines: str) -> list[str]:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    read = logs_text.entries(pl.Series("line", lines), zone="UTC", now=now)
    return read["message"].to_list()


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
@pytest.mark.parametrize("timed", [True, False])
def test_a_trace_is_one_entry_and_ends_where_it_ends(
    protocol: ModuleType, path: Path, timed: bool
) -> None:
    assert protocol.is_joined(path.read_text().rstrip("\n"), timed=timed)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
@pytest.mark.parametrize("before", ["", "request 7 failed\n"])
def test_what_was_thrown_is_read_from_its_trace(path: Path, before: str) -> None:
    trace = path.read_text().rstrip("\n")
    kind, message, details = thrown(pl.Series([before + trace])).row(0)
    assert (kind, message) == THROWN[path.stem]
    assert details == trace


def test_every_trace_is_known() -> None:
    assert [path.stem for path in TRACES] == sorted(THROWN)


def test_lines_without_a_stack_throw_nothing() -> None:
    quiet = pl.Series(["fine", "two\nlines", None, "NullPointerException: x", "#5 [2/4] RUN make"])
    assert set(thrown(quiet).rows()) == {(None, None, None)}


def test_lines_of_tools_stay_lines() -> None:
    lines = [
        "#5 [internal] load build definition",
        "#6 0.345 fetching",
        "exit status 2",
        "Error: no such file",
        "make(1) is done",
        "src/cart.c:7",
        "cart.c(12): warning",
        "==12== Memcheck, a memory error detector",
    ]
    assert entries(*lines) == lines


def test_a_message_that_goes_on_for_ever_takes_nothing_with_it() -> None:
    lines = ["java.lang.Error: x", *(f"step {number}" for number in range(40))]
    assert entries(*lines, "\tat x.Y.z(Y.java:1)")[:40] == lines[:40]


def test_a_report_without_an_end_takes_nothing_with_it() -> None:
    lines = ["==7==ERROR: AddressSanitizer: SEGV", *(f"step {number}" for number in range(9))]
    assert entries(*lines) == lines


def test_signatures_keep_their_precision_and_recall(
    protocol: ModuleType, shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = shared("fixtures/test-reports/action-junit-report")
    monkeypatch.setattr(protocol, "REPORTS", (str(reports),))
    failures = [*protocol.reported(), *protocol.traced()]
    assert len(failures) > 50
    pairs = list(protocol.paired(failures))
    precision, recall = protocol.scored(pairs, protocol.by_signature(pairs))
    assert (precision > 0.99, recall > 0.99) == (True, True), (precision, recall)
    for peer in (protocol.by_text, protocol.by_first_frame):
        assert max(protocol.scored(pairs, peer(pairs))) < 0.9
    right, of = protocol.joined(failures)
    assert right > 0.95 * of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("at /srv/shop/src/cart.py", f"at {HOMES}/ci/work/shop/shop/src/cart.py"),
        ('File "/usr/lib/python3.11/site-packages/redis/client.py"',
         'File "/app/.venv/lib/python3.14/site-packages/redis/client.py"'),
        ("x\n    price(1)\n         ^^^\ny", "x\n    price(1)\ny"),
        ("x\ngoroutine 1 [running]:\nmain()\n\ngoroutine 7 [select]:\nnet()",
         "x\ngoroutine 3 [running]:\nmain()"),
        ("Shadow:\n  0x0c04: fa fa\n=>0x0c05: fd", "Shadow:\n  0x0c77: 00 00\n=>0x0c78: f1"),
    ],
)  # fmt: skip
def test_a_signature_survives(one: str, other: str) -> None:
    assert signature("E", "", one) == signature("E", "", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("at /srv/shop/src/cart.py", "at /srv/shop/src/order.py"),
        ("at /srv/shop/cart/views.py", "at /srv/shop/orders/views.py"),
        ("goroutine 1 [running]:\nmain.a()", "goroutine 1 [running]:\nmain.b()"),
    ],
)
def test_a_signature_tells_apart(one: str, other: str) -> None:
    assert signature("E", "", one) != signature("E", "", other)
