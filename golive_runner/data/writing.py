"""Rows as JSON, CSV, Parquet or SQL, written as they are made; what was written is counted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from golive_core.errors import UsageError
from golive_runner.data.makers import as_text
from golive_runner.data.shape import Column, Value

if TYPE_CHECKING:
    from golive_runner.data.making import Made

FORMATS = ("json", "csv", "parquet", "sql")
PER_INSERT = 500
WIDEST_DECIMAL = 38
QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def write(made: Made, kind: str, out: BinaryIO) -> int:
    """Write every row and return how many there were."""
    return WRITERS[kind](made, out)


def write_file(made: Made, kind: str, path: Path) -> int:
    """Write every row into a file that appears whole or not at all; return how many there were."""
    draft = path.with_name(f"{path.name}.draft")
    try:
        with draft.open("wb") as out:
            count = write(made, kind, out)
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}", where=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def _json(made: Made, out: BinaryIO) -> int:
    """Write one array, a row on each line."""
    count = 0
    out.write(b"[")
    encode = json.JSONEncoder(ensure_ascii=False, default=plain).encode
    for row in made.rows():
        out.write(b",\n" if count else b"\n")
        out.write(encode(row).encode("utf-8", "surrogatepass"))
        count += 1
    out.write(b"\n]\n")
    return count


def plain(value: object) -> object:
    """Return a value as JSON has it: moments and bytes as text, decimals as numbers if they are."""
    if value is None or isinstance(value, (str, int, float, dict, list)):
        return cast("object", value)
    if isinstance(value, Decimal):
        as_number = float(value)
        return as_number if Decimal(repr(as_number)) == value else str(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    return as_text(value)


def _csv(made: Made, out: BinaryIO) -> int:
    """Write RFC 4180 in UTF-8; null is an empty cell, an empty text two quotes."""
    count = 0
    out.write(_line([_cell(column.name) for column in made.columns]).encode())
    for batch in made.batches():
        cells = [[_cell(value) for value in values] for values in batch]
        lines = [_line(row) for row in zip(*cells, strict=True)]
        out.write("".join(lines).encode("utf-8", "surrogatepass"))
        count += len(lines)
    return count


def _line(cells: Sequence[str]) -> str:
    return ",".join(cells) + "\r\n"


def _cell(value: Value) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else as_text(value)
    if not text or QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _sql(made: Made, out: BinaryIO) -> int:
    """Write INSERT statements of PER_INSERT rows, of one where a row may refer to one before."""
    most = 1 if made.refers_to_itself else PER_INSERT
    names = ", ".join(f'"{column.name}"' for column in made.columns)
    head, count = f'insert into "{made.name}" ({names}) values\n', 0
    for batch in made.batches():
        cells = [[_literal(value) for value in values] for values in batch]
        lines = [f"({', '.join(row)})" for row in zip(*cells, strict=True)]
        for start in range(0, len(lines), most):
            part = ",\n".join(lines[start : start + most])
            out.write(f"{head}{part};\n".encode("utf-8", "surrogatepass"))
        count += len(lines)
    return count


def _literal(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else as_text(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return "'" + as_text(value).replace("'", "''") + "'"


def _parquet(made: Made, out: BinaryIO) -> int:
    """Write a row group for each batch."""
    pa, pq = (cast("Any", import_module(name)) for name in ("pyarrow", "pyarrow.parquet"))
    fields = [pa.field(column.name, _arrow(column, pa)) for column in made.columns]
    schema, count = pa.schema(fields), 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in made.batches():
            arrays = [
                pa.array(list(_fitting(column, values)), field.type)
                for column, values, field in zip(made.columns, batch, fields, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(batch[0])
    return count


def _fitting(column: Column, values: Sequence[Value]) -> Iterator[Value]:
    """Yield values as Arrow takes them: what is nested or chosen is text."""
    is_text = column.kind == "json" or (column.kind == "choice" and not _is_whole(column))
    for value in values:
        yield as_text(value) if is_text and value is not None else value


def _arrow(column: Column, pa: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    plain = {
        "integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "text": pa.string(),
        "date": pa.date32(), "time": pa.time64("us"), "uuid": pa.string(), "json": pa.string(),
        "choice": pa.string(), "binary": pa.binary(),
        "timestamp": pa.timestamp("us", "UTC" if column.is_zoned else None),
    }  # fmt: skip
    if column.kind == "choice" and _is_whole(column):
        return pa.int64()
    if column.kind == "integer" and column.high is not None and column.high >= 1 << 63:
        return pa.decimal128(WIDEST_DECIMAL, 0)
    if column.kind == "decimal":
        return pa.decimal128(WIDEST_DECIMAL, column.scale)
    return plain[column.kind]


def _is_whole(column: Column) -> bool:
    return all(isinstance(one, int) for one in column.values)


WRITERS: dict[str, Callable[[Made, BinaryIO], int]] = {
    "json": _json, "csv": _csv, "parquet": _parquet, "sql": _sql,
}  # fmt: skip
