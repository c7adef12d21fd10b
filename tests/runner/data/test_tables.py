"""Rows of tables, loaded by two databases with every constraint on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import date
from io import BytesIO
from pathlib import Path

import duckdb
import pytest

from golive_core.errors import UsageError
from golive_runner.data import make
from golive_runner.data.making import Made
from golive_runner.data.shape import Shares
from golive_runner.data.writing import write

SHOP = """
create table users (
    id bigint primary key, email varchar(40) not null unique, name varchar(12) not null,
    age smallint check (age between 18 and 120), state varchar check (state in ('new', 'gone')),
    balance decimal(10, 2) not null check (balance > 0), key uuid unique, boss bigint,
    starts date not null, ends date, born timestamp, seen timestamptz, at_time time,
    is_active boolean not null, photo blob, score double check (score >= 0 and score < 1),
    check (ends > starts), check (length(email) >= 3 and email like '%@%'),
    foreign key (boss) references users (id)
);
create table orders (
    user_id bigint not null references users (id), line int check (line in (1, 2, 3)),
    note text, price real check (price * 2 < 5000), primary key (user_id, line)
);
create table parcels (
    id int primary key, user_id bigint, line int, code char(3) not null unique,
    user_of_code bigint unique references users (id),
    sku varchar(20) check (sku like 'A_-%'), weight int check (weight > 40000),
    foreign key (user_id, line) references orders
);
"""


def made(tmp_path: Path, text: str = SHOP, rows: int = 400, seed: int = 3) -> Mapping[str, Made]:
    path = tmp_path / "shop.sql"
    path.write_text(text)
    return make(path, rows=rows, seed=seed)


def sql_of(tables: Mapping[str, Made]) -> str:
    out = BytesIO()
    for one in tables.values():
        write(one, "sql", out)
    return out.getvalue().decode()


def test_duckdb_takes_every_row_with_its_constraints_on(tmp_path):
    with duckdb.connect() as db:
        db.execute(SHOP)
        db.execute(sql_of(made(tmp_path)))
        counts = db.execute(
            "select (select count(*) from users), (select count(*) from orders), "
            "(select count(distinct user_id) from orders), count(line) from parcels"
        ).fetchone()
    assert counts is not None
    assert counts[:2] == (400, 400)
    assert counts[2] > 100
    assert 300 < counts[3] < 400


def test_sqlite_takes_them_too(tmp_path):
    db = sqlite3.connect(":memory:")
    db.execute("pragma foreign_keys = on")
    db.executescript(SHOP)
    db.executescript(sql_of(made(tmp_path)))
    assert db.execute("pragma foreign_key_check").fetchall() == []
    assert db.execute("select count(*) from parcels").fetchone() == (400,)
    db.close()


@pytest.mark.parametrize("kind", ["json", "csv", "parquet", "sql"])
def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path, kind):
    def content(seed: int) -> bytes:
        out = BytesIO()
        write(made(tmp_path, rows=50, seed=seed)["users"], kind, out)
        return out.getvalue()

    assert content(1) == content(1) != content(2)


@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_a_file_holds_what_the_rows_are(tmp_path, kind):
    table = made(tmp_path, rows=300)["orders"]
    path = tmp_path / f"orders.{kind}"
    with path.open("wb") as out:
        assert write(table, kind, out) == 300
    options = ", nullstr='', allow_quoted_nulls=false" if kind == "csv" else ""
    with duckdb.connect() as db:
        found = db.execute(
            f"select user_id, line, note from read_{kind}{'' if kind != 'json' else '_auto'}"
            f"('{path}'{options})"
        ).fetchall()
    assert found == [(row["user_id"], row["line"], row["note"]) for row in table.rows()]


def test_edge_cases_stand_in_their_share(tmp_path):
    text = "create table t (n int, s varchar(30), d date, b smallint not null);"
    path = tmp_path / "t.sql"
    path.write_text(text)
    rows = list(make(path, rows=20_000, shares=Shares(0.1, 0.2))["t"].rows())
    nulls = sum(row["n"] is None for row in rows) / len(rows)
    edges = sum(row["b"] in (-32768, 32767, 0, -1, -32767, 32766) for row in rows) / len(rows)
    assert (round(nulls, 1), round(edges, 1)) == (0.2, 0.1)
    texts = {row["s"] for row in rows}
    assert {"", " ", "名前", 'O\'Brien "x"'} <= texts
    assert max(len(str(text)) for text in texts) == 30
    assert date(2024, 2, 29) in {row["d"] for row in rows}
    assert None not in {row["b"] for row in rows}


def test_no_edges_and_no_nulls_where_nobody_wants_them(tmp_path):
    path = tmp_path / "t.sql"
    path.write_text("create table t (n int, s varchar(30));")
    rows = list(make(path, rows=2_000, shares=Shares(0, 0))["t"].rows())
    assert all(row["s"] and 0 < row["n"] <= 10_000 for row in rows)


def test_addresses_are_those_that_nobody_has(tmp_path):
    path = tmp_path / "t.sql"
    path.write_text("create table t (email text, phone text, url text, ip_address text);")
    for row in make(path, rows=500, shares=Shares(0, 0))["t"].rows():
        assert str(row["email"]).endswith("@example.org")
        assert str(row["phone"]).startswith("+1 202-555-01")
        assert str(row["url"]).startswith("https://example.org/")
        assert str(row["ip_address"]).rpartition(".")[0] in ("192.0.2", "198.51.100", "203.0.113")


def test_more_rows_than_one_batch_stay_distinct(tmp_path):
    table = made(tmp_path, rows=25_000)["users"]
    emails = {row["email"] for row in table.rows()}
    assert len(emails) == 25_000


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("postgres", "create type mood as enum ('sad', 'ok'); create table t (id serial primary "
         "key, m mood not null, j jsonb, total int generated always as (id * 2) stored);"
         "alter table t add constraint c check (id < 100000);"),
        ("mysql", "create table `t` (`id` int unsigned not null auto_increment, "
         "`m` enum('sad','ok') not null, `j` json, primary key (`id`)) engine=InnoDB;"),
        ("tsql", "create table t (id int identity(1,1) primary key, m nvarchar(10) not null "
         "check (m in ('sad', 'ok')), j nvarchar(max));"),
    ],
)  # fmt: skip
def test_tables_of_other_dialects_are_read(tmp_path, dialect, text):
    path = tmp_path / "t.sql"
    path.write_text(text)
    rows = list(make(path, rows=20, dialect=dialect)["t"].rows())
    assert [row["id"] for row in rows] == list(range(1, 21))
    assert {row["m"] for row in rows} == {"sad", "ok"}
    assert "total" not in rows[0]


def _all_of(make_them: Callable[..., Mapping[str, Made]], *given: object) -> None:
    for one in make_them(*given).values():
        list(one.rows())


WRONG = [
    ("select 1", "has no CREATE TABLE"),
    ("create tabel t (a int)", "not valid SQL|not understood"),
    ("create table t (a geometry)", "cannot be made"),
    ("create table t (a int references u (b))", "refers to u, which is not there"),
    ("create table u (b int); create table t (a int references u (b))", "no key of it"),
    ("create table u (b int unique); create table t (a int references u (c))", "Did you mean|c"),
    ("create table t (a int primary key references u (b)); "
     "create table u (b int primary key references t (a))", "in a circle"),
    ("create table t (a boolean unique)", "holds 2 values, not 20"),
    ("create table t (a char(1) unique)", "holds 36 values, not 40"),
    ("create table t (a int check (a > 5 and a < 3))", "allows no value"),
    ("create table t (a int, check (a <> a))", "no row of t was found"),
    ("create table t (a int check (a > now()))", "is not understood"),
    ("create table t (a int check (b > 1))", "names b, which is no column"),
    ("create table t (a boolean, b boolean, unique (a, b))", "UNIQUE"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_schema_that_cannot_be_kept_is_refused_by_name(tmp_path, text, said):
    rows = 40 if "char(1)" in text else 20
    with pytest.raises(UsageError, match=said):
        _all_of(made, tmp_path, text, rows)
