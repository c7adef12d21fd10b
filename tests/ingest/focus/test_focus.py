"""Cost exports as providers write them: whole, again, cut off, wrong; into the lake and back."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.load import IngestResult, conform, ingest
from golive_core.errors import SourceError
from golive_core.lake import Lake
from ingest import focus_pieces
from ingest.source import Context, Instance
from ingest.sources.focus import FocusSource

CHARGE = {
    "BilledCost": "1.5", "BillingAccountId": "acc", "BillingCurrency": "USD",
    "ChargeCategory": "Usage", "ChargeClass": "", "ChargePeriodStart": "2024-09-18 22:00:00",
    "ChargePeriodEnd": "2024-09-18 23:00:00", "ConsumedQuantity": "2", "ConsumedUnit": "Requests",
    "EffectiveCost": "1.25", "ProviderName": "AWS", "RegionId": "us-west-2", "ResourceId": "r-1",
    "ServiceName": "Queues", "SubAccountId": "sub", "Tags": '{"team": "web"}',
}  # fmt: skip


def charge(**cells: str) -> dict[str, str]:
    return {**CHARGE, **cells}


def text(*charges: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(CHARGE), lineterminator="\n")
    writer.writeheader()
    writer.writerows(charges)
    return out.getvalue()


def priced(*prices: float, **cells: str) -> str:
    return text(*(charge(EffectiveCost=str(price), **cells) for price in prices))


@dataclass
class Books:
    """A folder of exports and the lake that reads it."""

    lake: Lake
    home: Path
    options: dict[str, object] = field(default_factory=lambda: {"paths": ["exports/"]})
    clock: int = 1_700_000_000

    @property
    def folder(self) -> Path:
        return self.home.parent / "exports"

    @property
    def source(self) -> FocusSource:
        instance = Instance("bills", "focus", "shop", self.options)
        return FocusSource(instance, Context(self.home, self.home.parent))

    def write(self, name: str, body: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body.encode() if isinstance(body, str) else body)
        self.clock += 60
        os.utime(path, (self.clock, self.clock))
        return path

    def ingest(self, **options: Any) -> IngestResult:
        source = self.source
        return ingest(self.lake, source, source.instance, processes=1, **options)

    def costs(self) -> list[float]:
        rows = self.lake.query("select cost from core.costs where not is_deleted order by cost")
        return rows["cost"].to_list()

    def total(self) -> float:
        return self.lake.query("select sum(cost) from core.costs").item()

    def why(self) -> list[tuple[str, int | None, str]]:
        return self.lake.query(
            "select uri, line, reason from ops.quarantine order by line, reason"
        ).rows()


@pytest.fixture
def books(lake: Lake, home: Path) -> Books:
    return Books(lake, home)


def test_a_charge_is_a_row_in_our_words(books: Books) -> None:
    books.write("a.csv", text(charge()))
    assert books.ingest().error is None
    (row,) = books.lake.query("select * exclude (cost_id) from core.costs").rows(named=True)
    assert row == {
        "project_id": "shop", "source": "focus", "day": date(2024, 9, 18), "provider": "AWS",
        "account": "sub", "service": "Queues", "resource": "r-1", "region": "us-west-2",
        "kind": "usage", "is_correction": False, "is_deleted": False,
        "started_at": datetime(2024, 9, 18, 22, tzinfo=UTC),
        "ended_at": datetime(2024, 9, 18, 23, tzinfo=UTC),
        "cost_usd": 1.25, "cost": 1.25, "billed_cost": 1.5, "currency": "USD", "quantity": 2.0,
        "unit": "Requests", "tags": '{"team": "web"}',
    }  # fmt: skip


def test_versions_of_the_format_and_other_currencies(books: Books) -> None:
    newer = text(charge(BillingCurrency="eur", ChargePeriodStart="2024-09-18T22:00:00Z"))
    books.write("a.csv", newer.replace("ProviderName", "ServiceProviderName"))
    mended = charge(ChargeCategory="Adjustment", ChargeClass="Correction", EffectiveCost="-4")
    books.write("b.csv", text({**mended, "SubAccountId": "NULL", "Tags": ""}))
    assert books.ingest().error is None
    found = books.lake.query(
        "select provider, account, currency, cost_usd, kind, is_correction, tags from core.costs"
        " order by cost"
    ).rows()
    assert found == [
        ("AWS", "acc", "USD", -4.0, "adjustment", True, None),
        ("AWS", "sub", "EUR", None, "usage", False, '{"team": "web"}'),
    ]


def parquet(path: Path, *prices: float) -> None:
    at = datetime(2024, 9, 18, 22, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "ChargePeriodStart": [at] * len(prices), "BillingCurrency": ["USD"] * len(prices),
            "EffectiveCost": pl.Series(prices, dtype=pl.Float64).cast(pl.Decimal(20, 10)),
            "Tags": [[{"key": "team", "value": "web"}]] * len(prices),
            "x_Own": ["left out"] * len(prices),
        }
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path, row_group_size=10)


def test_parquet_and_packed_csv_say_the_same(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus_pieces, "PIECE_ROWS", 7)
    prices = [float(number) for number in range(40)]
    parquet(books.folder / "a.parquet", *prices)
    books.write("b.csv.gz", gzip.compress(priced(*prices).encode()))
    assert books.ingest().error is None
    assert books.costs() == sorted(prices * 2)
    tags = books.lake.query("select distinct tags from core.costs")["tags"].to_list()
    assert tags == ['{"team": "web"}']


def test_a_file_in_pieces_is_the_file(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus_pieces, "PIECE_BYTES", 300)
    many = [charge(EffectiveCost=str(n), ResourceId=f'two\nlines, "{n}"') for n in range(50)]
    books.write("a.csv", text(*many))
    done = books.ingest()
    assert done.pull.payloads > 10
    assert books.costs() == [float(number) for number in range(50)]
    found = books.lake.query("select count(distinct resource) from core.costs").item()
    assert found == 50


def test_a_second_run_reads_nothing(books: Books) -> None:
    books.write("a.csv", priced(1, 2))
    books.ingest()
    version = books.lake.version()
    assert books.source.has_news("costs", cursor(books)) is False
    assert books.ingest().pull.requests == 0
    assert books.lake.version() == version


def cursor(books: Books) -> dict[str, Any]:
    text = books.lake.query("select cursor from ops.cursors where role = 'pull'").item()
    return json.loads(text)


def test_an_export_that_is_written_again_replaces_its_rows(books: Books) -> None:
    books.write("a.csv", priced(1, 2, 3, 4))
    books.write("other.csv", priced(100))
    books.ingest()
    books.write("a.csv", priced(2.5, 3))
    assert books.source.has_news("costs", cursor(books))
    assert books.ingest().error is None
    assert books.costs() == [2.5, 3, 100]
    assert books.total() == 105.5, "what is gone costs nothing, whether or not one leaves it out"


def test_a_row_that_moves_to_another_month_is_not_counted_twice(books: Books) -> None:
    october = charge(EffectiveCost="9", ChargePeriodStart="2024-10-01 00:00:00")
    books.write("a.csv", text(charge(EffectiveCost="1"), october))
    books.ingest()
    books.write("a.csv", text(october, charge(EffectiveCost="1")))
    books.ingest()
    assert books.costs() == [1, 9]
    assert books.total() == 10


def test_the_newest_run_counts_where_each_export_has_a_folder(books: Books) -> None:
    books.options = {"paths": ["exports/"], "runs": True}
    books.write("2024-09/run-1/part-1.csv", priced(1, 2))
    books.write("2024-09/run-1/part-2.csv", priced(3))
    books.write("2024-08/run-0/part-1.csv", priced(50, ChargePeriodStart="2024-08-01"))
    books.ingest()
    assert books.costs() == [1, 2, 3, 50]
    books.write("2024-09/run-2/part-1.csv", priced(1, 2.5))
    assert books.source.has_news("costs", cursor(books))
    assert books.ingest().error is None
    assert books.costs() == [1, 2.5, 50]
    assert books.total() == 53.5
    assert books.ingest().pull.requests == 0


def test_an_export_that_is_deleted_was_paid_all_the_same(books: Books) -> None:
    path = books.write("a.csv", priced(1))
    books.write("b.csv", priced(2))
    books.ingest()
    path.unlink()
    assert books.ingest().error is None
    assert books.costs() == [1, 2]


def test_forgetting_the_cursor_still_knows_what_was_there(books: Books) -> None:
    books.write("a.csv", priced(1, 2, 3))
    books.ingest()
    books.write("a.csv", priced(7))
    done = books.ingest(full=True)
    assert done.pull.payloads
    assert books.costs() == [7]
    books.ingest(full=True)
    assert books.costs() == [7]


def test_core_is_made_again_from_raw(books: Books) -> None:
    books.write("a.csv", priced(1, 2, 3, 4))
    books.ingest()
    books.write("a.csv", priced(4, 5))
    books.ingest()
    before = sorted(map(str, books.lake.query("select * from core.costs").rows()))
    source = books.source
    conform(books.lake, source, source.instance, full=True, processes=1)
    assert sorted(map(str, books.lake.query("select * from core.costs").rows())) == before


def test_records_that_are_wrong_are_named_by_line(books: Books) -> None:
    body = text(
        charge(ResourceId="two\nlines"), charge(EffectiveCost="much", BilledCost="x"),
        charge(ChargePeriodStart="18/09/2024"), charge(BillingCurrency="NULL", EffectiveCost="2"),
    )  # fmt: skip
    books.write("a.csv", body)
    assert books.ingest().error is None
    assert books.costs() == [1.25]
    assert books.why() == [
        ("exports/a.csv", 4, "the cost is no number"),
        ("exports/a.csv", 5, "ChargePeriodStart is no time"),
        ("exports/a.csv", 6, "BillingCurrency is missing"),
    ]


def test_records_of_another_width_cost_themselves_alone(books: Books) -> None:
    body = priced(1, 2, 3).splitlines()
    body[2] += ",one,more"
    books.write("a.csv", "\n".join(body) + "\n")
    books.ingest()
    assert books.costs() == [1, 3]
    assert books.why() == [("exports/a.csv", 3, "18 fields where the header has 16")]


def half_a_parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"EffectiveCost": [1.0] * 5000}).write_parquet(out)
    return out.getvalue()[:-100]


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("a.csv.gz", lambda: gzip.compress(priced(*range(999)).encode())[:-200], "cut off"),
        ("a.csv", lambda: "order,price\n1,2\n", "it has no column ChargePeriodStart"),
        ("a.csv", lambda: "lineItem/UsageStartDate,lineItem/UnblendedCost\n", "export it as FOCUS"),
        ("a.csv", lambda: "", "not a FOCUS export"),
        ("a.parquet", lambda: b"PAR1 and nothing else", "not a whole Parquet file"),
        ("a.parquet", half_a_parquet, "not a whole Parquet file"),
    ],
)  # fmt: skip
def test_files_that_are_no_exports_are_told_and_stop_no_other(
    books: Books, name: str, spoil: Callable[[], str | bytes], reason: str
) -> None:
    books.write("good.csv", priced(5))
    books.write(name, spoil())
    assert books.ingest().error is None
    assert books.costs() == [5]
    ((uri, _, why),) = books.why()
    assert uri == f"exports/{name}"
    assert reason in why
    findings = [one for one in books.source.check() if one.state == "warning"]
    assert [name in one.detail for one in findings] == [True] or name.endswith("gz")
    assert books.ingest().pull.requests == 0, "a broken file is not read again until it changes"


def test_a_broken_export_leaves_what_the_one_before_said(books: Books) -> None:
    books.write("a.csv", priced(1, 2))
    books.ingest()
    books.write("a.csv", "nonsense\n")
    books.ingest()
    assert books.costs() == [1, 2]
    books.write("a.csv", priced(3))
    books.ingest()
    assert books.costs() == [3]


def test_a_quote_that_never_ends_is_given_up(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus_pieces, "PIECE_BYTES", 100)
    monkeypatch.setattr(focus_pieces, "LONGEST", 2000)
    books.write("a.csv", priced(1) + '"' + "never\n" * 1000)
    assert books.ingest().error is None
    assert [why for _, _, why in books.why()] == ["a quoted text does not end"]


def test_missing_files_are_told_after_the_others_are_read(books: Books) -> None:
    books.write("a.csv", priced(1))
    books.options = {"paths": ["exports/a.csv", "exports/none.csv"]}
    error = books.ingest().error
    assert isinstance(error, SourceError)
    assert "none.csv: no such file" in error.what
    assert books.costs() == [1]
    assert any(one.state == "failed" and one.hint for one in books.source.check())


def test_doctor_counts_the_exports(books: Books) -> None:
    books.folder.mkdir()
    assert [one.state for one in books.source.check()] == ["warning"]
    books.write("a.csv", priced(1))
    assert [(one.state, one.detail) for one in books.source.check()] == [("ok", "1 found")]
