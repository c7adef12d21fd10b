"""FOCUS 1.0 to 1.3 cost records (focus.finops.org) to rows of core.costs. Pure.

`cost` is EffectiveCost: what was used, at amortised prices, so that a commitment counts where it is
used and not when it is bought; `billed_cost` is BilledCost. Records have no key of their own: a row
is known by its file, the month of its charge and its number in the file.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl

from golive_core import schema
from golive_core.errors import ReportError
from ingest.source import Reject

ROW = "__row"
NULLS = ["", "NULL", "null", "\\N"]
KINDS = ("usage", "purchase", "tax", "credit", "adjustment")
PERIOD, CURRENCY = "ChargePeriodStart", "BillingCurrency"
AMOUNTS = ("EffectiveCost", "BilledCost")
NAMES: dict[str, tuple[str, ...]] = {
    "provider": ("ProviderName", "ServiceProviderName", "PublisherName"),
    "account": ("SubAccountId", "BillingAccountId"),
    "service": ("ServiceName",),
    "resource": ("ResourceId", "ResourceName"),
    "region": ("RegionId", "RegionName"),
    "unit": ("ConsumedUnit", "PricingUnit"),
}
"""Columns of text, each by the FOCUS columns of which the first that has a value counts."""
OTHERS = ("ChargePeriodEnd", "ChargeCategory", "ChargeClass", "ConsumedQuantity",
          "PricingQuantity", "Tags")  # fmt: skip
WANTED = frozenset(
    {PERIOD, CURRENCY, *AMOUNTS, *OTHERS, *(n for all_ in NAMES.values() for n in all_)}
)
TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class Place:
    """Whose rows they are; `slot` names the file for good."""

    instance: str
    project_id: str
    slot: str

    @property
    def key(self) -> str:
        """Return 16 digits that stand for the file."""
        return hashlib.sha256(f"{self.instance}\0{self.slot}".encode()).hexdigest()[:16]


def lacking(columns: Iterable[str]) -> str:
    """Return why columns are not those of a FOCUS export, empty if they are."""
    have = set(columns)
    missing = [name for name in (PERIOD, CURRENCY) if name not in have]
    missing += [] if have & set(AMOUNTS) else [" or ".join(AMOUNTS)]
    if not missing:
        return ""
    if any(name.lower().startswith(("lineitem", "line_item")) for name in have):
        return "an AWS Cost and Usage Report, not FOCUS: export it as FOCUS 1.0"
    return f"not a FOCUS export: it has no column {', '.join(missing)}"


def header(line: bytes) -> tuple[list[str], str]:
    """Return the names in the first line of a CSV and what separates them."""
    text = line.decode("utf-8-sig", "replace").strip("\r\n")
    separator = max(",;\t", key=text.count)
    names: list[str] = next(csv.reader([text], delimiter=separator), list[str]())
    return names, separator


def read_csv(
    names: Sequence[str], separator: str, body: bytes, uri: str, line: int
) -> tuple[pl.DataFrame, list[Reject]]:
    """Return the wanted columns of a piece as text, ROW from 0, and what has too many fields."""
    wanted = [name for name in names if name in WANTED]
    try:
        found = pl.read_csv(
            body, has_header=False, new_columns=list(names), separator=separator,
            infer_schema=False, null_values=NULLS, encoding="utf8-lossy",
            schema=dict.fromkeys(names, pl.String),
        )  # fmt: skip
        return found.select(wanted).with_row_index(ROW), []
    except pl.exceptions.NoDataError:
        return pl.DataFrame(schema={ROW: pl.UInt32, **dict.fromkeys(wanted, pl.String)}), []
    except pl.exceptions.PolarsError:
        return _slowly(names, separator, body, uri, line)


def _slowly(
    names: Sequence[str], separator: str, body: bytes, uri: str, line: int
) -> tuple[pl.DataFrame, list[Reject]]:
    """Do the same a record at a time, where one has another number of fields than the header."""
    good: list[dict[str, Any]] = []
    bad: list[Reject] = []
    for number, (at, cells) in enumerate(records(body, separator, line)):
        if len(cells) == len(names):
            good.append({ROW: number, **dict(zip(names, cells, strict=True))})
        else:
            reason = f"{len(cells)} fields where the header has {len(names)}"
            bad.append(Reject(uri, reason, at, separator.join(cells)))
    wanted = [name for name in names if name in WANTED]
    frame = pl.DataFrame(good, schema={ROW: pl.UInt32, **dict.fromkeys(wanted, pl.String)})
    return frame.with_columns(
        pl.when(pl.col(name).is_in(NULLS)).then(None).otherwise(pl.col(name)).alias(name)
        for name in wanted
    ), bad


def records(body: bytes, separator: str, line: int) -> list[tuple[int, list[str]]]:
    """Return the records of a piece, each with the number of its first line."""
    text = io.StringIO(body.decode("utf-8", "replace"), newline="")
    reader = csv.reader(text, delimiter=separator)
    found: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in reader:
            if cells:
                found.append((line + before, cells))
            before = reader.line_num
    except csv.Error as error:
        raise ReportError(f"not CSV ({error})", path="", line=line + before) from error
    return found


def cost_rows(frame: pl.DataFrame, place: Place, row: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return rows of core.costs, and ROW with the `reason` of those that cannot be one."""
    have = frame.schema
    made = frame.select(
        pl.col(ROW),
        _time(have, PERIOD).alias("started_at"),
        _time(have, "ChargePeriodEnd").alias("ended_at"),
        *(_first(have, names).alias(name) for name, names in NAMES.items()),
        _known(_text(have, "ChargeCategory").str.to_lowercase()).alias("kind"),
        (_text(have, "ChargeClass").str.to_lowercase() == "correction")
        .fill_null(value=False).alias("is_correction"),
        pl.coalesce(_number(have, name) for name in AMOUNTS).alias("cost"),
        _number(have, "BilledCost").alias("billed_cost"),
        _text(have, CURRENCY).str.to_uppercase().alias("currency"),
        pl.coalesce(_number(have, "ConsumedQuantity"), _number(have, "PricingQuantity"))
        .alias("quantity"),
    ).with_columns(_tags(frame))  # fmt: skip
    reason = pl.concat_str(
        pl.when(pl.col("started_at").is_null()).then(pl.lit(f"{PERIOD} is no time")),
        pl.when(pl.col("cost").is_null()).then(pl.lit("the cost is no number")),
        pl.when(pl.col("currency").is_null()).then(pl.lit(f"{CURRENCY} is missing")),
        separator="; ", ignore_nulls=True,
    )  # fmt: skip
    told = made.with_columns(reason=reason)
    good = told.filter(pl.col("reason") == "")
    return _whole(good, place, row), told.filter(pl.col("reason") != "").select(ROW, "reason")


def _whole(good: pl.DataFrame, place: Place, row: int) -> pl.DataFrame:
    month = pl.col("started_at").dt.strftime("%Y%m")
    rows = good.with_columns(
        cost_id=_cost_id(place, month, pl.col(ROW).cast(pl.Int64) + row),
        project_id=pl.lit(place.project_id), source=pl.lit("focus"),
        day=pl.col("started_at").dt.date(), is_deleted=pl.lit(value=False),
        cost_usd=pl.when(pl.col("currency") == "USD").then(pl.col("cost")),
    )  # fmt: skip
    return schema.conform(schema.COSTS, rows.drop(ROW, "reason"))


def _cost_id(place: Place, month: pl.Expr, row: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(place.key), month, row, separator="-")


def months(frame: pl.DataFrame, row: int) -> pl.DataFrame:
    """Return `row` and `month` of the rows of a piece that are rows of core.costs."""
    good, _ = cost_rows(frame, Place("", "", ""), row)
    parts = good["cost_id"].str.split("-")
    return pl.DataFrame(
        {"month": parts.list.get(1).cast(pl.Int32), "row": parts.list.get(2).cast(pl.Int64)}
    )


def removed(gone: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Return rows of core.costs that say of `row` and `month` that they are billed no more."""
    text = pl.col("month").cast(pl.String)
    rows = gone.with_columns(
        cost_id=_cost_id(place, text, pl.col("row")),
        started_at=pl.datetime(
            pl.col("month") // 100, pl.col("month") % 100, 1, time_zone="UTC", time_unit="us"
        ),
        project_id=pl.lit(place.project_id), source=pl.lit("focus"),
        cost=pl.lit(0.0), cost_usd=pl.lit(0.0), billed_cost=pl.lit(0.0),
        is_deleted=pl.lit(value=True),
    ).with_columns(day=pl.col("started_at").dt.date())  # fmt: skip
    return schema.conform(schema.COSTS, rows.drop("row", "month"))


def _text(have: Mapping[str, pl.DataType], name: str) -> pl.Expr:
    if name not in have:
        return pl.lit(None, pl.String)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _first(have: Mapping[str, pl.DataType], names: Iterable[str]) -> pl.Expr:
    return pl.coalesce(_text(have, name) for name in names)


def _known(kind: pl.Expr) -> pl.Expr:
    return pl.when(kind.is_in(KINDS)).then(kind)


def _number(have: Mapping[str, pl.DataType], name: str) -> pl.Expr:
    if name not in have:
        return pl.lit(None, pl.Float64)
    cell = pl.col(name).str.strip_chars() if have[name] == pl.String else pl.col(name)
    number = cell.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _time(have: Mapping[str, pl.DataType], name: str) -> pl.Expr:
    """Return a column as a UTC time; FOCUS writes UTC, so another zone is no time."""
    if name not in have:
        return pl.lit(None, pl.Datetime("us", "UTC"))
    dtype = have[name]
    if isinstance(dtype, pl.Datetime):
        at = pl.col(name).dt.cast_time_unit("us")
        return at.dt.convert_time_zone("UTC") if dtype.time_zone else at.dt.replace_time_zone("UTC")
    if dtype == pl.Date:
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    text = pl.col(name).cast(pl.String).str.strip_chars()
    plain = text.str.replace("T", " ", literal=True).str.replace(r"\s*(?:Z|UTC|\+00:?00)$", "")
    found = [plain.str.to_datetime(form, strict=False, time_unit="us") for form in TIMES]
    return pl.coalesce(found).dt.replace_time_zone("UTC")


def _tags(frame: pl.DataFrame) -> pl.Series:
    """Return the tags as JSON objects, whether they came as JSON, as a map or as a structure."""
    if "Tags" not in frame.columns:
        return pl.Series("tags", [None] * frame.height, pl.String)
    known: dict[str, str | None] = {}
    cells = frame["Tags"].to_list()
    return pl.Series("tags", [_tag(cell, known) for cell in cells], pl.String)


def _tag(cell: object, known: dict[str, str | None]) -> str | None:
    if not isinstance(cell, str):
        pairs = _pairs(cell)
        return json.dumps(pairs, ensure_ascii=False) if pairs else None
    if cell not in known:
        known[cell] = _json_tag(cell)
    return known[cell]


def _pairs(cell: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a Parquet column holds
    if not isinstance(cell, dict):
        return {str(one["key"]): one["value"] for one in cell or ()}
    pairs = cast("dict[str, Any]", cell)
    return {key: value for key, value in pairs.items() if value is not None}


def _json_tag(text: str) -> str | None:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return text if found else None
    return json.dumps({"tags": text}, ensure_ascii=False) if text.strip("[]{} ") else None
