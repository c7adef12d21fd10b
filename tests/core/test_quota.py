"""What servers say of their limits, in the headers that each of them documents."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from golive_core.http import wrong_status
from golive_core.http.quota import Quota, throttle_s, told, told_wait_s

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
ISO = "2026-03-01T12:10Z"
HTTP_DATE = "Sun, 01 Mar 2026 12:10:00 GMT"
FORMS = {
    "github": (
        {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4990", "x-ratelimit-used": "10",
         "x-ratelimit-reset": f"{NOW + 600:.0f}", "x-ratelimit-resource": "core"},
        [("core", 5000, 4990, 600)],
    ),
    "gitlab": (
        {"ratelimit-limit": "600", "ratelimit-observed": "6", "ratelimit-remaining": "594",
         "ratelimit-reset": f"{NOW + 60:.0f}", "ratelimit-resettime": HTTP_DATE,
         "ratelimit-name": "throttle_authenticated_api"},
        [("throttle_authenticated_api", 600, 594, 60)],
    ),
    "gitlab without a number": (
        {"ratelimit-remaining": "594", "ratelimit-resettime": HTTP_DATE},
        [("requests", None, 594, 600)],
    ),
    "jira cloud": (
        {"x-ratelimit-limit": "350", "x-ratelimit-remaining": "0", "x-ratelimit-reset": ISO},
        [("requests", 350, 0, 600)],
    ),
    "a data center": (
        {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "60", "retry-after": "0",
         "x-ratelimit-fillrate": "10", "x-ratelimit-interval-seconds": "1"},
        [("requests", 100, 60, 1)],
    ),
    "seconds from now": (
        {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "25", "x-ratelimit-reset": "17"},
        [("requests", 30, 25, 17)],
    ),
    "milliseconds": (
        {"x-ratelimit-remaining": "25", "x-ratelimit-reset": f"{(NOW + 5) * 1000:.0f}"},
        [("requests", None, 25, 5)],
    ),
    "a registry": (
        {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"},
        [("requests", 100, 76, None)],
    ),
    "opsgenie": (
        {"x-ratelimit-state": "THROTTLED", "x-ratelimit-period-in-sec": "60",
         "x-ratelimit-reason": "ACCOUNT"},
        [("requests", None, 0, 60)],
    ),
    "third draft": (
        {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "50", "ratelimit-reset": "5"},
        [("requests", 100, 50, 5)],
    ),
    "seventh draft": (
        {"ratelimit": "limit=100, remaining=50, reset=5", "ratelimit-policy": "100;w=60"},
        [("requests", 100, 50, 5)],
    ),
    "tenth draft": (
        {"ratelimit": '"burst";r=50;t=30, "daily, all";r=900;t=3600',
         "ratelimit-policy": '"burst";q=100;w=60,"daily, all";q=1000;w=86400;qu="requests"'},
        [("burst", 100, 50, 30), ("daily, all", 1000, 900, 3600)],
    ),
    "tenth draft without a policy": ({"ratelimit": "default;r=0"}, [("default", None, 0, None)]),
    "none": ({"content-type": "application/json", "date": HTTP_DATE}, []),
    "nonsense": ({"x-ratelimit-limit": "many", "ratelimit": ";;=,", "ratelimit-policy": "x"}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read(name: str) -> None:
    headers, expected = FORMS[name]
    found = [
        (one.name, one.limit, one.remaining, one.resets_at and one.resets_at - NOW)
        for one in told(headers, NOW)
    ]
    assert found == expected


def test_a_warning_of_the_server_is_enough() -> None:
    headers = {"x-ratelimit-limit": "1000", "x-ratelimit-nearlimit": "true",
               "x-ratelimit-resource": "api-repositories"}  # fmt: skip
    (quota,) = told(headers, NOW)
    assert (quota.name, quota.limit, quota.remaining) == ("api-repositories", 1000, None)
    assert quota.is_low(NOW)
    assert not quota.is_spent(NOW, may_use_reserve=False)
    (calm,) = told({**headers, "x-ratelimit-nearlimit": "false"}, NOW)
    assert not calm.is_low(NOW)


def test_a_clock_that_differs_changes_no_wait() -> None:
    theirs = NOW - 7200
    date = format_datetime(datetime.fromtimestamp(theirs, UTC), usegmt=True)
    later = format_datetime(datetime.fromtimestamp(theirs + 90, UTC), usegmt=True)
    headers = {"date": date, "x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{theirs + 90}"}
    assert told_wait_s(403, headers, NOW) == 90
    assert told_wait_s(429, {"date": date, "retry-after": later}, NOW) == 90


def test_refusals_for_limits_are_told_from_others() -> None:
    assert throttle_s(403, {}, NOW) is None
    assert throttle_s(403, {"retry-after": "30"}, NOW) == 30
    assert throttle_s(403, {"retry-after": "0"}, NOW) is None
    assert throttle_s(503, {"retry-after": "0"}, NOW) == 0
    assert throttle_s(403, {}, NOW, "You have exceeded a secondary rate limit") == 60
    assert throttle_s(429, {}, NOW) == 1
    assert told_wait_s(429, {}, NOW) is None
    assert throttle_s(200, {"retry-after": "30"}, NOW) is None
    two = {"ratelimit": '"burst";r=0;t=30, "daily";r=0;t=3600'}
    assert throttle_s(429, two, NOW) == 3600
    assert throttle_s(429, {"ratelimit": "default;r=0"}, NOW) == 60


def test_a_reserve_is_left_of_what_is_large() -> None:
    def spent(limit: int, remaining: int, *, reserved: bool = False) -> bool:
        quota = Quota("core", limit, remaining, NOW + 600)
        return quota.is_spent(NOW, may_use_reserve=reserved)

    assert [spent(5000, left) for left in (101, 100, 0)] == [False, True, True]
    assert [spent(5000, left, reserved=True) for left in (100, 1, 0)] == [False, False, True]
    assert [spent(10, left) for left in (1, 0)] == [False, True]
    assert not Quota("core", 5000, 0, NOW - 1).is_spent(NOW, may_use_reserve=False)
    assert not Quota("core", 5000, 0).is_spent(NOW, may_use_reserve=False)


@pytest.mark.parametrize("reset", ["99999999999999999", "1e300", "inf", "9999-12-31T00:00Z"])
def test_no_window_is_believed_to_be_longer_than_a_day(reset: str) -> None:
    (quota,) = told({"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}, NOW)
    assert quota.resets_at == NOW + 86_400
    error = wrong_status(429, {"retry-after": reset}, "hub")
    assert error.hint
