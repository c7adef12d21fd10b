"""Pages that are known before they are wanted, and which are known at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "ingest"))

from loopback import Asked, Loopback, Reply, missing, ok, serving

from golive_core.errors import SourceDataError
from golive_core.http import (
    Answer,
    Endpoint,
    Http,
    PagesAhead,
    Request,
    Retry,
    guessed,
    linked,
    next_link,
)

URL = "https://api.example.org"


def answer(link: str) -> Answer:
    return Answer(Request("things"), f"{URL}/things", 200, {"link": link}, b"[]")


def told(path: str, rel: str) -> str:
    return f'<{URL}{path}>; rel="{rel}"'


def paths(requests: Iterator[Request]) -> list[str]:
    return [one.path.removeprefix(URL) for one in requests]


def test_a_link_to_the_last_page_tells_of_those_between() -> None:
    link = ", ".join([told("/t/1?size=9&page=2", "next"), told("/t/1?size=9&page=4", "last")])
    assert paths(linked(answer(link))) == [f"/t/1?size=9&page={number}" for number in (2, 3, 4)]


@pytest.mark.parametrize(
    "last",
    [
        told("/t?size=9&page=4", "prev"),
        told("/other?size=9&page=4", "last"),
        told("/t?size=8&page=4", "last"),
        told("/t?size=9&after=4", "last"),
    ],
)
def test_only_the_next_page_is_known_where_another_list_ends(last: str) -> None:
    assert paths(linked(answer(f"{told('/t?size=9&page=2', 'next')}, {last}"))) == [
        "/t?size=9&page=2"
    ]


def test_behind_the_last_page_there_is_none() -> None:
    assert paths(linked(answer(told("/t?page=4", "last")))) == []
    assert paths(guessed(next_link)(answer(told("/t?page=4", "last")))) == []


def at_page(path: str, link: str, **params: str) -> Answer:
    return Answer(Request(f"{URL}{path}", params), f"{URL}{path}", 200, {"link": link}, b"[]")


def test_numbered_pages_are_guessed_and_others_are_not() -> None:
    ahead = guessed(next_link)
    found = paths(ahead(at_page("/t?page=6&size=9", told("/t?page=7&size=9", "next"))))
    assert found == [f"/t?page={number}&size=9" for number in (7, 8, 9, 10)]
    assert paths(ahead(at_page("/t?after=a", told("/t?after=b", "next")))) == ["/t?after=b"]
    assert paths(ahead(at_page("/t?size=9", told("/t?size=9&page=2", "next")))) == [
        "/t?size=9&page=2"
    ]
    link = ", ".join([told("/t?page=2", "next"), told("/t?page=2", "last")])
    assert paths(ahead(at_page("/t?page=1", link))) == ["/t?page=2"]


def test_offsets_are_guessed_by_their_step() -> None:
    def following(answer: Answer) -> Request:
        return replace(answer.request, params={"start": "100", "limit": "50"})

    found = list(guessed(following)(at_page("/t", "", start="50", limit="50")))
    assert [one.params["start"] for one in found] == ["100", "150", "200", "250"]
    assert {one.path for one in found} == {f"{URL}/t"}


class Named(Loopback):
    """Answers with the path; `gone` is not there."""

    def answer(self, asked: Asked) -> Reply:
        return missing() if asked.path == "gone" else ok(asked.path)


@pytest.fixture
def http() -> Iterator[Http]:
    with serving(Named()) as server:
        quick = Retry(attempts=1)
        with Http(Endpoint(server.url, where="it", in_flight=3, retry=quick)) as client:
            yield client


def test_expected_pages_are_asked_for_once_and_as_many_as_may_be(http: Http) -> None:
    pages = PagesAhead(http)
    wanted = [Request(f"page{number}") for number in range(5)]
    pages.expect(wanted)
    pages.expect(wanted)
    assert [pages.fetch(one).json() for one in wanted[:3]] == ["page0", "page1", "page2"]
    assert http.requests == 3
    assert pages.fetch(wanted[4]).json() == "page4"


def test_an_error_is_told_to_who_wants_the_page(http: Http) -> None:
    pages = PagesAhead(http)
    pages.expect([Request("gone"), Request("page1")])
    assert pages.fetch(Request("page1")).json() == "page1"
    with pytest.raises(SourceDataError):
        pages.fetch(Request("gone"))


def test_what_is_forgotten_is_asked_for_anew(http: Http) -> None:
    pages = PagesAhead(http)
    pages.expect([Request("page1")])
    pages.forget()
    assert pages.fetch(Request("page1")).json() == "page1"


def test_json_is_decoded_once() -> None:
    one = answer("")
    assert one.json() is one.json()
