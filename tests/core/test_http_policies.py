"""Policies, words and paging of the HTTP client, without a server."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from golive_core import errors
from golive_core.errors import (
    GoLiveError,
    SourceAuthError,
    SourceDataError,
    SourceThrottledError,
    SourceUnreachableError,
)
from golive_core.http import (
    Answer,
    Request,
    Retry,
    Trial,
    mapped,
    next_cursor,
    next_link,
    next_offset,
    next_page,
    next_url,
    on_connection,
    on_server_error,
    wrong_status,
)
from golive_core.http.pace import Pace
from golive_core.http.quota import throttle_s

HTTPX_ERRORS = [
    kind
    for _, kind in inspect.getmembers(httpx, inspect.isclass)
    if issubclass(kind, Exception) and kind is not httpx.HTTPStatusError
]
BARE = (httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead)


def answer(body: bytes = b"{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(Request("things"), "https://ci.example.org/things", 200, named, body)


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_of_httpx_becomes_one_of_ours(kind: type[Exception]) -> None:
    error = kind() if issubclass(kind, BARE) else kind("went wrong")
    ours = mapped(error, "ci: https://ci.example.org/x")
    assert type(ours) is not GoLiveError
    assert type(ours).__name__ in dir(errors)
    assert ours.where == "ci: https://ci.example.org/x"
    assert ours.hint


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, SourceAuthError), (403, {}, SourceAuthError),
        (403, {"retry-after": "9"}, SourceThrottledError),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, SourceThrottledError),
        (404, {}, SourceDataError), (410, {}, SourceDataError), (407, {}, SourceUnreachableError),
        (418, {}, SourceDataError), (429, {}, SourceThrottledError),
        (500, {}, SourceUnreachableError), (503, {}, SourceUnreachableError),
        (503, {"retry-after": "9"}, SourceThrottledError), (599, {}, SourceUnreachableError),
    ],
)  # fmt: skip
def test_every_status_has_its_error_with_a_next_step(
    status: int, headers: dict[str, str], kind: type[GoLiveError]
) -> None:
    error = wrong_status(status, headers, "ci")
    assert type(error) is kind
    assert str(status) in error.what
    assert error.hint


def test_an_untrusted_certificate_is_told_with_the_setting_that_mends_it() -> None:
    error = mapped(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "ci")
    assert isinstance(error, SourceUnreachableError)
    assert 'ca = "ca.pem"' in error.hint


def test_an_error_text_never_repeats_a_credential() -> None:
    error = mapped(httpx.ConnectError("https://bot:hunter2secret@ci.example.org refused"), "ci")
    assert "hunter2secret" not in str(error)


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    date = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert throttle_s(429, {"retry-after": "7"}) == 7
    assert throttle_s(503, {"retry-after": date}, now.timestamp()) == 90
    assert throttle_s(429, {"retry-after": "soon"}) == 60
    past = format_datetime(now - timedelta(days=1), usegmt=True)
    assert throttle_s(429, {"retry-after": past}, now.timestamp()) == 0


def test_a_spent_quota_tells_when_it_is_filled_again() -> None:
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}
    assert throttle_s(403, spent, 1000.0) == 30
    assert throttle_s(403, {"x-ratelimit-remaining": "7"}) is None
    assert throttle_s(200, spent) is None
    assert throttle_s(429, {"ratelimit-reset": "12"}, 1000.0) == 12
    assert throttle_s(429, {"ratelimit-reset": "1700000030"}, 1.7e9) == 30
    assert throttle_s(429, {"ratelimit-reset": "soon"}) == 1


def test_waits_double_with_chance_and_end_in_time() -> None:
    retry = Retry(first_s=1, longest_s=5, total_s=20, attempts=6, chance=lambda: 0.0)
    waits = [retry.wait_s(Trial("GET", n, status=500), spent_s=0) for n in range(1, 7)]
    assert waits == [1, 2, 4, 5, 5, None]
    assert retry.wait_s(Trial("GET", 1, status=500), spent_s=19.5) is None
    shaken = Retry(first_s=1, chance=lambda: 1.0)
    assert shaken.wait_s(Trial("GET", 1, status=500), spent_s=0) == 1.5


def test_what_may_have_happened_already_is_not_done_twice() -> None:
    assert Retry().wait_s(Trial("POST", 1, status=503), spent_s=0) is None
    assert Retry().wait_s(Trial("GET", 1, status=404), spent_s=0) is None


def test_policies_compose() -> None:
    def teapots(trial: Trial) -> float | None:
        return 3.0 if trial.status == 418 else None

    retry = Retry(policies=(on_connection, teapots), chance=lambda: 0.0)
    assert retry.wait_s(Trial("GET", 1, status=418), spent_s=0) == 3
    assert retry.wait_s(Trial("GET", 1, status=500), spent_s=0) is None
    assert on_server_error(Trial("GET", 1, status=502)) == 0


def test_the_pace_spaces_requests_and_slows_down() -> None:
    clock = [100.0]
    pace = Pace(10, lambda: clock[0])
    assert [round(pace.slot_s(), 3) for _ in range(3)] == [0, 0.1, 0.2]
    assert [round(pace.slot_s(0.5), 3) for _ in range(2)] == [0.3, 0.8]
    clock[0] = 200
    assert pace.slot_s() == 0
    assert [Pace(0).slot_s() for _ in range(3)] == [0, 0, 0]


def test_pages_are_followed_by_number_until_a_short_one() -> None:
    following = next_page(size=2, at=("values",))
    request = following(answer(b'{"values": [1, 2]}'))
    assert request is not None
    assert request.params == {"page": "2"}
    assert following(answer(b'{"values": [1]}')) is None
    with pytest.raises(SourceDataError, match="no list at values"):
        following(answer(b"{}"))


def test_pages_are_followed_by_offset_until_the_total() -> None:
    following = next_offset(param="startAt", at=("issues",), total=("total",))
    request = following(answer(b'{"issues": [1, 2], "total": 3}'))
    assert request is not None
    assert request.params == {"startAt": "2"}
    assert following(answer(b'{"issues": [1, 2], "total": 2}')) is None
    assert following(answer(b'{"issues": [], "total": 9}')) is None


def test_pages_are_followed_by_a_token() -> None:
    following = next_cursor(at=("page", "next"), param="after")
    request = following(answer(b'{"page": {"next": "x1"}}'))
    assert request is not None
    assert request.params == {"after": "x1"}
    assert following(answer(b'{"page": {"next": null}}')) is None
    assert following(answer(b'{"page": 3}')) is None


def test_pages_are_followed_by_link_on_the_same_host_only() -> None:
    link = '</things?page=1>; rel="prev", </things?page=3>; title="a, b"; rel="next last"'
    request = next_link(answer(link=link))
    assert request is not None
    assert request.path == "https://ci.example.org/things?page=3"
    assert next_link(answer(link='<x>; rel="prev"')) is None
    assert next_link(answer()) is None
    with pytest.raises(SourceDataError, match="another host"):
        next_link(answer(link='<https://evil.example/x>; rel="next"'))


def test_pages_are_followed_by_an_address_in_the_body_on_the_same_host_only() -> None:
    following = next_url()
    request = following(answer(b'{"next": "https://ci.example.org/things?page=3"}'))
    assert request is not None
    assert request.path == "https://ci.example.org/things?page=3"
    assert following(answer(b'{"values": []}')) is None
    with pytest.raises(SourceDataError, match="another host"):
        following(answer(b'{"next": "https://evil.example/x"}'))


def test_what_is_not_json_is_quoted_at_its_start() -> None:
    with pytest.raises(SourceDataError, match="Bad gateway of the proxy"):
        answer(b"Bad   gateway\nof the proxy").json()
    with pytest.raises(SourceDataError, match="not a JSON object"):
        answer(b"[1]").object()
    with pytest.raises(SourceDataError, match="not JSON"):
        answer(b"[" * 200_000).json()


def test_a_login_page_that_answers_200_is_not_taken_for_data() -> None:
    page = answer(b"<!DOCTYPE html><title>Sign in</title>", content_type="text/html;charset=utf-8")
    with pytest.raises(SourceAuthError, match="a web page came back"):
        page.checked()


def test_only_what_should_be_json_is_searched_for_its_end() -> None:
    log = Request("log", expect="text")
    assert not Answer(log, "https://ci.example.org/log", 200, {}, b"[WARN] odd").is_broken_off()
    assert answer(b'{"a": [1, 2').is_broken_off()
    assert not answer(b'{"a": [1, 2]} ').is_broken_off()
    assert not answer(b"").is_broken_off()


def test_validators_and_the_servers_clock_are_data() -> None:
    one = answer(etag='"a1"', date="Sun, 01 Mar 2026 00:00:00 GMT")
    assert one.validators == {"etag": '"a1"'}
    assert one.server_time == datetime(2026, 3, 1, tzinfo=UTC)
    assert answer(date="yesterday").server_time is None
