"""What changes from run to run leaves a signature alone; what tells problems apart does not."""

from __future__ import annotations

import pytest

from ingest.parse.signature import signature

HOMES = "/home"

STACK = """java.lang.IllegalStateException: no answer from 10.0.0.7:4711 within 3000 ms
\tat com.shop.cart.Cart.total(Cart.java:41)
\tat com.shop.cart.Cart$Line.price(Cart.java:97)
\tat jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:566)
\tat org.junit.jupiter.engine.execution.ExecutableInvoker.invoke(ExecutableInvoker.java:64)
\t... 23 more
"""
SAME = {
    "line numbers": [STACK, STACK.replace(":41)", ":1043)")],
    "addresses": [STACK, STACK.replace("10.0.0.7:4711", "192.168.178.20:80")],
    "durations": [STACK, STACK.replace("3000 ms", "2.5 s")],
    "framework frames": [
        STACK,
        STACK.replace(
            "jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)",
            "jdk.internal.reflect.GeneratedMethodAccessor17.invoke(Unknown Source)",
        ).replace("... 23 more", "... 31 more"),
    ],
    "line ends": [STACK, STACK.replace("\n", "\r\n")],
    "temporary paths": [
        "no file /tmp/pytest-of-ci/pytest-12/test_a0/out.txt",
        "no file /var/folders/zz/zyx/T/pytest-7/out.txt",
        "no file C:\\Users\\ci\\AppData\\Local\\Temp\\x1\\out.txt",
    ],
    "homes and checkouts": [
        f'File "{HOMES}/ci/work/shop/shop/src/cart.py", line 3, in total',
        'File "/builds/team/shop/src/cart.py", line 14, in total',
        'File "/Users/ann/src/cart.py", line 3, in total',
    ],
    "UUIDs": [
        "order 6f9619ff-8b86-d011-b42d-00cf4fc964ff not found",
        "order A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11 not found",
    ],
    "hashes": ["commit 0a1b2c3d4e5f6a7b gone", "commit ffeeddccbbaa0099 gone"],
    "object addresses": ["<Cart object at 0x7f12ab34cd56>", "<Cart object at 0x1>"],
    "Java identities": ["com.shop.Cart@1b6d3586 != null", "com.shop.Cart@4554617c != null"],
    "dates": [
        "due 2024-05-01T10:00:00.123Z, was 2024-05-02",
        "due 2025-12-31T23:59:59+01:00, was 2026-01-01",
    ],
    "clock times": ["at 10:00:00 [main]", "at 23:59:59.999 [main]"],
    "numbers": ["expected:<3> but was:<-7.5e-3>", "expected:<40> but was:<12>"],
    "threads": ["pool-1-thread-3 died", "pool-12-thread-44 died"],
}


@pytest.mark.parametrize("what", SAME)
def test_it_survives(what: str) -> None:
    assert len({signature("T", None, text) for text in SAME[what]}) == 1
    assert len({signature("T", text, None) for text in SAME[what]}) == 1


APART = {
    "types": (("A", "m", "s"), ("B", "m", "s")),
    "words": (("A", "cart is empty", ""), ("A", "cart is full", "")),
    "own frames": (("A", "m", STACK), ("A", "m", STACK.replace("Cart.total", "Cart.tax"))),
    "numbered names": (("A", "m", "at x.Class1.run"), ("A", "m", "at x.Class2.run")),
    "text and message": (("A", "m", ""), ("A", "", "n")),
}


@pytest.mark.parametrize("what", APART)
def test_it_tells_apart(what: str) -> None:
    one, other = APART[what]
    assert signature(*one) != signature(*other)


def test_it_keeps_the_words_that_a_person_reads() -> None:
    assert signature("E", "cart 7 is empty", STACK).splitlines() == [
        "E",
        "cart # is empty",
        "java.lang.IllegalStateException: no answer from # within #",
        "\tat com.shop.cart.Cart.total(Cart.java:#)",
        "\tat com.shop.cart.Cart$Line.price(Cart.java:#)",
    ]


def test_nothing_has_a_signature_too() -> None:
    assert signature(None, None, None) == ""


def test_of_a_long_stack_both_ends_count() -> None:
    frames = "".join(f"\tat com.shop.a{n}.B.run(B.java:{n})\n" for n in range(400))
    head, tail = signature("T", "", f"Boom\n{frames}End"), signature("T", "", f"Boom\n{frames}Fin")
    assert head != tail
    assert len(head) < 7_000


def test_longer_line_numbers_do_not_move_where_a_long_stack_is_cut() -> None:
    short, long = (
        "".join(f"\tat com.shop.a{n}.B.run(B.java:{line})\n" for n in range(400))
        for line in (7, 12345)
    )
    assert signature("T", "", short) == signature("T", "", long)
