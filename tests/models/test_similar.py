"""What reads alike is found, by words and by what words occur together."""

from __future__ import annotations

import pytest

from models.similar import FEW, nearest, similarities, words


def test_names_are_split_where_their_letters_change() -> None:
    assert words("NullPointerException in read_timeout 503 after 12345 ms") == [
        "null", "pointer", "exception", "in", "read", "timeout", "503", "after", "ms",
    ]  # fmt: skip


@pytest.mark.parametrize("copies", [1, FEW])
def test_what_reads_alike_comes_first_also_among_many(copies: int) -> None:
    others = [
        "ConnectException: connection to payments refused",
        "AssertionError: expected 3 but was 4",
        *[f"KeyError: field {'abcdefgh'[n % 8] * 3} is missing in report" for n in range(copies)],
    ]
    found = nearest("SocketException: connection refused by payments host", others)
    assert found[0][0] == 0
    assert all(0 <= likeness <= 1 for _, likeness in found)


def test_the_same_text_is_as_like_as_can_be_and_no_text_is_like_nothing() -> None:
    assert similarities("disk is full", ["disk is full", "rate limit"])[0] == pytest.approx(1)
    assert similarities("", ["disk is full"]).tolist() == [0]
    assert similarities("disk is full", []).tolist() == []
    assert nearest("12", ["34"]) == []
