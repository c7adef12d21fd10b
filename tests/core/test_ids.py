"""Ids are stable over processes, versions and years."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from golive_core.ids import content_id, content_ids

PARTS = st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=2, max_size=2)


def test_known_words_have_known_ids() -> None:
    # The low 8 bytes of MD5("shop\x1fsuite"), computed by another tool (md5sum).
    assert content_id("shop", "suite") == int.from_bytes(
        bytes.fromhex("9105bf4d4c4bbd95"), "little", signed=True
    )


def test_another_process_gives_the_same_id() -> None:
    script = "from golive_core.ids import content_id; print(content_id('a', None, 'ü'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert int(done.stdout) == content_id("a", None, "ü")


def test_null_is_not_the_empty_text() -> None:
    assert content_id("a", None) != content_id("a", "")


@given(st.lists(PARTS, min_size=1, max_size=20))
def test_a_frame_has_the_ids_of_its_rows(rows: list[list[str | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"x": pl.String, "y": pl.String}, orient="row")
    assert content_ids(frame, ["x", "y"]).to_list() == [content_id(*row) for row in rows]
