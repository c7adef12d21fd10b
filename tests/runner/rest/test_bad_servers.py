"""Servers that misbehave: each ends as an attempt that says what happened, in bounded time."""

from __future__ import annotations

import gzip
import socket
import threading
import time

import pytest
from shop_server import raw, self_signed, served, shop

DOCUMENT = """checks: bad
base: {base}
timeout_s: 0.3
deadline_s: 0.6
max_body_mib: 0.25
steps: [{{get: /}}]
"""
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"0" * (64 << 20), 1)
"""Packed before anybody waits for it: that takes longer than the shortest time-out here."""


def never(connection: socket.socket) -> None:
    connection.recv(1)


def dripping(connection: socket.socket) -> None:
    connection.sendall(OK)
    for number in range(1000):
        connection.sendall(f"x-{number}: 1\r\n".encode())
        time.sleep(0.1)


def endless(connection: socket.socket) -> None:
    connection.sendall(OK + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def gigabyte(connection: socket.socket) -> None:
    connection.sendall(OK + b"content-length: 1073741824\r\n\r\n" + b"x" * 65536)


def cut(connection: socket.socket) -> None:
    connection.sendall(OK + b"content-length: 100\r\n\r\n{}")


def noise(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def bomb(connection: socket.socket) -> None:
    head = f"content-encoding: gzip\r\ncontent-length: {len(BOMB)}\r\n\r\n"
    connection.sendall(OK + head.encode() + BOMB)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (never, "no answer in time"),
        (dripping, "no whole answer within 0.6 s"),
        (endless, "a body of more than 0.25 MiB; reading was stopped"),
        (gigabyte, "a body of more than 0.25 MiB, 1,073,741,824 bytes"),
        (bomb, "a body of more than 0.25 MiB"),
        (cut, "the answer broke off"),
        (noise, "the answer broke off"),
        (lambda connection: None, "the answer broke off"),
    ],
)
def test_a_server_that_misbehaves_ends_as_an_error(check, answer, said):
    before = threading.active_count()
    with raw(answer) as base:
        [attempt] = check(DOCUMENT.format(base=base))
    assert attempt.status == "error"
    assert said in attempt.message
    assert attempt.type == "NoAnswer"
    assert len(attempt.steps[0].evidence) == 2
    assert not [one for one in threading.enumerate() if one.name.startswith("rest-")]
    assert threading.active_count() <= before + 2


def test_a_server_that_is_not_there_ends_as_an_error(check):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    [attempt] = check(DOCUMENT.format(base=f"http://127.0.0.1:{port}"))
    assert (attempt.status, "no connection" in attempt.message) == ("error", True)


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew(check):
    def one_answer(connection: socket.socket) -> None:
        connection.sendall(OK + b"content-length: 2\r\n\r\n{}")
        time.sleep(0.02)

    with raw(one_answer) as base:
        text = DOCUMENT.format(base=base).replace("[{get: /}]", "[{get: /}, {post: /}, {get: /}]")
        [attempt] = check(text)
    assert attempt.status == "passed"


def test_broken_json_is_told_where_json_is_expected(base, check):
    [attempt] = check(
        f"checks: a\nbase: {base}\nsteps: [{{get: /broken, expect: {{json: {{$.a: 1}}}}}}]\n"
    )
    assert attempt.status == "failed"
    assert "the body is not JSON" in attempt.message


def test_a_self_signed_certificate_is_refused_unless_the_document_says_so(
    check, evidence, tmp_path
):
    certificate, key = self_signed(tmp_path)
    with served(shop(), ssl_certfile=certificate, ssl_keyfile=key) as base:
        text = f"checks: a\nbase: {base}\nsteps: [{{get: /cookie}}]\n"
        [refused], [insecure] = check(text), check("insecure: true\n" + text)
        [trusted] = check(f"ca: {certificate}\n" + text)
    assert refused.status == "error"
    assert "certificate is not trusted" in refused.message
    assert "insecure: true" in refused.message
    assert insecure.status == trusted.status == "passed"
    assert insecure.environment == "http, certificates not checked"
    assert evidence(insecure, "response")["certificate"] == "not checked"
    assert evidence(trusted, "response")["certificate"] == "checked"


def test_a_redirect_elsewhere_is_refused_unless_its_host_is_named(base, check, evidence):
    with served(shop()) as other:
        text = f"checks: a\nbase: {base}\nsteps: [{{get: '/to?url={other}/cookie'}}]\n"
        [refused] = check(text)
        [allowed] = check(f"allow: ['{other.removeprefix('http://')}']\n" + text)
    assert refused.status == "error"
    assert "is a private address that the document does not allow" in refused.message
    assert evidence(refused, "response")["redirects"] == [f"307 → {other}/cookie"]
    assert allowed.status == "passed"


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("http://169.254.169.254/latest", "a private address"),
        ("http://[::1]:1/", "a private address"),
        ("http://elsewhere.example.org/", "another host"),
        ("file:///etc/passwd", "is not HTTP"),
    ],
)
def test_no_redirect_leaves_the_hosts_of_the_document(base, check, to, said):
    [attempt] = check(f"checks: a\nbase: {base}\nsteps: [{{get: '/to?url={to}'}}]\n")
    assert (attempt.status, said in attempt.message) == ("error", True)


def test_a_captured_address_of_another_host_is_refused(check, base):
    [attempt] = check(f"""checks: a
base: {base}
steps:
  - get: /to?url=http://elsewhere.example.org/next
    follow: false
    expect: {{status: 307}}
    capture: {{next: {{header: location}}}}
  - get: "{{next}}"
""")
    assert attempt.steps[0].status == "passed"
    assert "refused: elsewhere.example.org:80 is another host" in attempt.message


def test_a_circle_of_redirects_ends(base, check):
    url = f"{base}/to?url="
    [attempt] = check(f"checks: a\nbase: {base}\nsteps: [{{get: '/to?url={url}{url}'}}]\n")
    assert attempt.status in ("failed", "error")
