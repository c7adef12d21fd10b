"""The HTTP client against a server that answers whatever bytes a test wants."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceAuthError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import Answer, Endpoint, Http, Request, Retry, next_page

Reply = bytes | float | Callable[[str], bytes]
QUICK = Retry(first_s=0.01, total_s=5, chance=lambda: 0.0)


def reply(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Server:
    """Gives the replies of `script` in turn, the last for ever; bytes, a pause or a function.

    Empty bytes close the connection without an answer.
    """

    def __init__(self, *script: Reply) -> None:
        self.script, self.seen, self.busiest, self.busy = list(script), [], 0, 0
        self.lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while head := outer.head(self.rfile):
                    if not outer.answer(head, self.wfile):
                        return

        class Threads(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing: a client that goes away is part of the tests."""

        self.tcp = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.tcp.server_address[1]}"

    def head(self, stream: object) -> str:
        lines = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            lines.append(line.decode())
        return "".join(lines)

    def answer(self, head: str, out: object) -> bool:
        with self.lock:
            self.seen.append(head)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
            what = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(what, float):
            time.sleep(what)
            what = reply()
        body = what(head) if callable(what) else what
        with self.lock:
            self.busy -= 1
        out.write(body)
        out.flush()
        declared = int(body.partition(b"Content-Length: ")[2].partition(b"\r")[0] or -1)
        return declared == len(body.partition(b"\r\n\r\n")[2])


@contextmanager
def serving(*script: Reply) -> Iterator[Server]:
    server = Server(*script)
    thread = threading.Thread(target=server.tcp.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.tcp.shutdown()
        server.tcp.server_close()
        thread.join()


@contextmanager
def asking(*script: Reply, **options: object) -> Iterator[tuple[Http, Server]]:
    settings = {"timeout_s": 2.0, "retry": QUICK, **options}
    with serving(*script) as server, Http(Endpoint(server.url, where="ci", **settings)) as http:
        yield http, server


def refused(http: Http, kind: type[GoLiveError], **request: object) -> GoLiveError:
    with pytest.raises(kind) as caught:
        http.fetch(Request("things", **request))
    assert caught.value.where.startswith("ci: http://127.0.0.1:")
    assert caught.value.hint
    return caught.value


def test_an_object_is_fetched_with_parameters_credentials_and_gzip() -> None:
    body = gzip.compress(b'{"a": 1}')
    with asking(reply(body, "200 OK", "Content-Encoding: gzip"), auth=("bot", "secret1")) as (
        http,
        server,
    ):
        assert http.get_object("things", tree="jobs[name]") == {"a": 1}
        assert http.requests == 1
    assert "GET /things?tree=jobs%5Bname%5D HTTP/1.1" in server.seen[0]
    assert "Authorization: Basic Ym90OnNlY3JldDE=" in server.seen[0]
    assert "gzip" in server.seen[0]


@pytest.mark.parametrize(
    "trouble",
    [
        reply(b"", "500 Oops"), reply(b"", "503 Busy"), reply(b"", "429 Slow", "Retry-After: 0"),
        b"", reply(b'{"cut": ')[:-1], reply(b'{"cut": "he'), b"HTTP/1.1 nonsense\r\n\r\n",
        reply(b"not gzip", "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["500", "503", "429", "closed", "truncated", "half JSON", "nonsense", "bad gzip"],
)  # fmt: skip
def test_trouble_that_passes_is_not_noticed(trouble: bytes) -> None:
    with asking(trouble, trouble, reply(b'{"ok": true}')) as (http, _):
        assert http.get_object("things") == {"ok": True}
        assert http.requests == 3


@pytest.mark.parametrize(
    ("trouble", "kind", "text"),
    [
        (reply(b"", "500 Oops"), SourceUnreachableError, "HTTP 500"),
        (reply(b'{"cut": "he'), SourceDataError, "breaks off after 11 bytes"),
        (b"", SourceUnreachableError, "answer broke off"),
        (reply(b"not gzip", "200 OK", "Content-Encoding: gzip"), SourceDataError, "compressed"),
    ],
    ids=["500", "half JSON", "closed", "bad gzip"],
)  # fmt: skip
def test_trouble_that_stays_is_an_error_after_the_last_attempt(
    trouble: bytes, kind: type[GoLiveError], text: str
) -> None:
    with asking(trouble) as (http, _):
        assert text in refused(http, kind).what
        assert http.requests == QUICK.attempts


def test_a_refused_connection_names_instance_and_address() -> None:
    with serving(b"") as server:
        url = server.url
    with Http(Endpoint(url, where="ci", retry=QUICK)) as http:
        refused(http, SourceUnreachableError)


def test_a_slow_server_is_given_up_in_time() -> None:
    patience = Retry(attempts=2, first_s=0.01)
    with asking(5.0, timeout_s=0.1, retry=patience) as (http, _):
        began = time.monotonic()
        assert "no answer in time" in refused(http, SourceUnreachableError).what
        assert time.monotonic() - began < 2


def test_an_answer_that_drips_for_ever_is_given_up_in_time() -> None:
    with asking(1.0, deadline_s=0.1, retry=Retry(attempts=1)) as (http, _):
        assert "no whole answer within" in refused(http, SourceUnreachableError).what


def test_a_short_throttle_is_waited_out() -> None:
    slow = reply(b"", "429 Slow", "Retry-After: 1")
    with asking(slow, reply(b"{}")) as (http, _):
        began = time.monotonic()
        http.fetch(Request("things"))
        assert time.monotonic() - began >= 1


def test_a_long_throttle_is_handed_to_the_caller_at_once() -> None:
    with asking(reply(b"", "429 Slow", "Retry-After: 900")) as (http, _):
        error = refused(http, SourceThrottledError)
        assert error.retry_after_s == 900
        assert http.requests == 1


def test_wrong_credentials_are_not_tried_again_and_not_repeated() -> None:
    wrong = reply(b"Invalid password/token for user: bot", "401 Unauthorized")
    with asking(wrong, auth=("bot", "hunter2secret")) as (http, _):
        error = refused(http, SourceAuthError)
        assert http.requests == 1
    assert "Invalid password" in error.what
    assert "hunter2secret" not in str(error)


def test_a_login_page_behind_a_redirect_is_an_auth_error() -> None:
    page = reply(b"<html>Sign in", "200 OK", "Content-Type: text/html")
    moved = reply(b"", "302 Found", "Location: /login?from=/things")
    with asking(moved, page) as (http, server):
        assert "/login" in refused_at_login(http).where
        assert "GET /login" in server.seen[1]


def refused_at_login(http: Http) -> SourceAuthError:
    with pytest.raises(SourceAuthError) as caught:
        http.fetch(Request("things"))
    return caught.value


def test_credentials_do_not_follow_a_redirect_to_another_host() -> None:
    with serving(reply(b'{"stolen": 1}')) as other:
        moved = reply(b"", "302 Found", f"Location: {other.url}/x")
        with asking(moved, auth=("bot", "secret1")) as (http, server):
            http.fetch(Request("things"))
    assert "Authorization" in server.seen[0]
    assert "Authorization" not in other.seen[0]


def test_a_circle_of_redirects_ends() -> None:
    with asking(reply(b"", "302 Found", "Location: /things")) as (http, _):
        refused(http, SourceAuthError)


def test_unchanged_things_come_back_without_a_body() -> None:
    fresh = reply(
        b'{"a": 1}', "200 OK", 'ETag: "v1"', "Last-Modified: Sun, 01 Mar 2026 00:00:00 GMT"
    )
    with asking(fresh, reply(b"", "304 Not Modified")) as (http, server):
        first = http.fetch(Request("things"))
        again = http.fetch(Request("things", validators=first.validators))
    assert again.is_unchanged
    assert 'if-none-match: "v1"' in server.seen[1].lower()
    assert "if-modified-since: sun" in server.seen[1].lower()


def test_a_missing_thing_is_an_answer_if_the_caller_says_so() -> None:
    with asking(reply(b"<html>gone", "404 Not Found", "Content-Type: text/html")) as (http, _):
        assert http.fetch(Request("things", accepts=frozenset({404}))).status == 404
        refused(http, SourceDataError)


def test_a_body_without_end_is_refused_or_cut_where_the_caller_says() -> None:
    big = reply(b'"' + b"x" * 100_000 + b'"')
    with asking(big, max_body_bytes=50_000) as (http, _):
        assert "more than" in refused(http, SourceDataError).what
        cut = http.fetch(Request("things", limit_bytes=1000, expect="text"))
        assert cut.is_cut
        assert len(cut.body) == 1000


def numbered(head: str) -> bytes:
    """Answer `?n=3` with {"n": 3}, the even ones late."""
    number = int(head.partition("n=")[2].partition(" ")[0])
    time.sleep(0.05 if number % 2 == 0 else 0)
    return reply(json.dumps({"n": number}).encode())


def test_many_requests_are_answered_in_order_with_n_in_flight() -> None:
    with asking(numbered, in_flight=4) as (http, server):
        answers = http.fetch_all(Request("things", {"n": str(n)}) for n in range(20))
        assert [one.object()["n"] for one in answers] == list(range(20))
    assert 2 <= server.busiest <= 4


def test_requests_are_taken_only_as_places_get_free() -> None:
    taken = []

    def requests() -> Iterator[Request]:
        for n in range(100):
            taken.append(n)
            yield Request("things", {"n": str(n)})

    with asking(numbered, in_flight=3) as (http, _):
        answers = http.fetch_all(requests())
        next(answers)
        assert len(taken) == 3
        answers.close()
        assert len(taken) == 3


def test_one_request_that_fails_stops_no_other() -> None:
    def third(head: str) -> bytes:
        return reply(b"", "404 Gone") if "n=2 " in head else numbered(head)

    with asking(third) as (http, _):
        outcomes = list(http.outcomes(Request("things", {"n": str(n)}) for n in range(5)))
    assert [bool(one.error) for one in outcomes] == [False, False, True, False, False]


def test_pages_are_walked_until_the_last() -> None:
    script = [reply(b"[1, 2]"), reply(b"[3, 4]"), reply(b"[5]")]
    with asking(*script) as (http, server):
        pages = [page.json() for page in http.pages(Request("things"), next_page(size=2))]
    assert pages == [[1, 2], [3, 4], [5]]
    assert "page=3" in server.seen[2]


def test_a_list_that_has_no_end_is_told_from_a_long_one() -> None:
    with asking(reply(b"[1, 2]")) as (http, server):
        with pytest.raises(SourceDataError, match="again and again"):
            list(http.pages(Request("things"), next_page(size=2)))
        assert len(server.seen) == 4
    long = [reply(b"[1, 2]" if number % 3 else b"[3, 4]") for number in range(20)]
    with asking(*long, reply(b"[5]")) as (http, _):
        assert len(list(http.pages(Request("things"), next_page(size=2)))) == 21


def test_pages_of_nothing_may_come_for_long_but_not_without_end() -> None:
    def following(answer: Answer) -> Request:
        return Request("things", {"n": str(int(answer.request.params.get("n", "0")) + 1)})

    with asking(reply(b'{"things": [], "more": true}')) as (http, server):
        pages = iter(http.pages(Request("things"), following))
        assert len(list(islice(pages, 100))) == 100
        with pytest.raises(SourceDataError, match="again and again"):
            list(pages)
        assert len(server.seen) == 201


def test_no_more_requests_a_second_than_allowed() -> None:
    with asking(reply(), per_second=50) as (http, _):
        began = time.monotonic()
        list(http.fetch_all([Request("things")] * 11))
        assert time.monotonic() - began >= 0.2


def test_it_works_inside_a_running_event_loop() -> None:
    import asyncio

    async def notebook() -> dict:
        with asking(reply(b'{"a": 1}')) as (http, _):
            return http.get_object("things")

    assert asyncio.run(notebook()) == {"a": 1}


def test_a_file_that_holds_no_certificates_is_a_settings_error(tmp_path: Path) -> None:
    bad = tmp_path / "ca.pem"
    bad.write_text("none")
    for ca in (bad, tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match="certificates"):
            Http(Endpoint("https://ci.example.org", where="ci", ca=ca))


@pytest.mark.parametrize("url", ["ftp://ci.example.org", "ci.example.org", "http://[bad"])
def test_an_address_that_is_none_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError), Http(Endpoint(url, where="ci")) as http:
        http.fetch(Request("things"))
