"""`golive generate-data` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SHOP = """create table users (id int primary key, email varchar(40) not null unique);
create table orders (id int primary key, user_id int not null references users (id));"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sql"
    path.write_text(SHOP)
    return path


def test_rows_of_one_table_go_to_stdout_and_the_rate_to_stderr(golive, shop):
    done = golive("generate-data", "shop.sql", "--rows", "3", "--table", "orders")
    assert done.code == 0
    assert [row["id"] for row in json.loads(done.out)] == [1, 2, 3]
    assert "3 rows in" in done.err
    assert "rows/s" in done.err


def test_all_tables_go_into_a_folder_or_one_sql_text(golive, shop, tmp_path):
    assert golive("generate-data", "shop.sql", "--format", "csv", "--out", "made").code == 0
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "orders.csv",
        "users.csv",
    ]
    done = golive("generate-data", "shop.sql", "--format", "sql", "--rows", "2")
    assert done.out.index('insert into "users"') < done.out.index('insert into "orders"')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop.sql"], "--table or --out FOLDER"),
        (["shop.sql", "--table", "user"], "Did you mean users?"),
        (["shop.sql", "--format", "jsn"], "Did you mean json?"),
        (["shop.sql", "--table", "users", "--format", "parquet"], "--out"),
        (["none.sql"], "cannot be read"),
        (["shop.sql", "--dialect", "postgre"], "Did you mean postgres?"),
        (["shop.sql", "--table", "users", "--out", "no/such/file.json"], "cannot write it"),
    ],
)
def test_wrong_use_says_what_to_do(golive, shop, arguments, said):
    done = golive("generate-data", *arguments)
    assert (done.code, said in done.err.replace("\n", " ")) == (2, True), done.err
