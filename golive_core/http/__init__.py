"""One HTTP client for every source and action: patient, polite, bounded and silent on secrets.

    client    Http: a plain facade over async httpx; many requests, in order, N in flight
    messages  Request and Answer as data
    quota     what servers say of their limits, in whatever headers
    limits    what may be asked for now: pauses and quotas, shared by the processes of a home
    retry     when to try again and how long to wait: small policies that compose
    challenge signing in as the server asks for it, with tokens of a third place
    trouble   what httpx raises and servers answer, as errors of golive_core/errors.py
    paging    which request comes after this answer: page number, offset, Link header, cursor
    ahead     pages that are fetched before they are wanted

What the answers mean is the source's business. HTTP/1.1 only: HTTP/2 in
httpx was measured at 0.75 of its speed with 16 requests in flight.
"""

from golive_core.http.ahead import PagesAhead
from golive_core.http.client import Endpoint, Http
from golive_core.http.messages import Answer, Request
from golive_core.http.paging import (
    Ahead,
    Following,
    Repetition,
    guessed,
    linked,
    next_cursor,
    next_link,
    next_offset,
    next_page,
    next_url,
)
from golive_core.http.retry import Policy, Retry, Trial, on_connection, on_server_error, on_throttle
from golive_core.http.trouble import mapped, wrong_status

__all__ = [
    "Ahead",
    "Answer",
    "Endpoint",
    "Following",
    "Http",
    "PagesAhead",
    "Policy",
    "Repetition",
    "Request",
    "Retry",
    "Trial",
    "guessed",
    "linked",
    "mapped",
    "next_cursor",
    "next_link",
    "next_offset",
    "next_page",
    "next_url",
    "on_connection",
    "on_server_error",
    "on_throttle",
    "wrong_status",
]
