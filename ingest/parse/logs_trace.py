"""Which lines of a log without times are of the entry above: stack traces of many runtimes. Pure.

Most lines of a trace tell by themselves (TRACE). Others do by those around them: the function above
its place in a Go trace, the message below a Rust panic, the source that Node shows of an uncaught
error, a message of several lines, all of a sanitizer's report.
"""

from __future__ import annotations

import polars as pl

NUMBERED_FRAME = r"#\d+ +(?:0x[0-9a-f]+ in |\S+\(\d+\): |\{main\}|\S+ \(.*\) at \S+:\d+)"
"""A frame of gdb, a sanitizer or PHP; a step of a container build begins alike."""
TRACE = (
    r"^(?:[ \t]+\S|[ \t]*$|Caused by:|Suppressed:|\.\.\. \d+ more|at [\w$.]+\(|[)}\]]+[;,]?$"
    r"|Traceback \(most recent call last\)|During handling of the above|The above exception was"
    r"|goroutine \d+ \[|created by \S+|\[signal SIG\w+: |stack backtrace:"
    r"|note: (?:run with `RUST_BACKTRACE|Some details are omitted)|Node\.js v\d"
    rf"|{NUMBERED_FRAME}"
    r"|0x[0-9a-f]{6,} in \S|Stack trace:$|\S+\.rb:\d+:in [`'][^']*'$)"
)
"""Lines that are of the entry above."""
THROWN = r"^(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception|Exit|Interrupt|Warning)\b"
"""The last line of a Python trace, if the line above it is of one."""
HEAD = (
    r"^(?:Caused by: |Suppressed: |Exception in thread \"[^\"]*\" |Uncaught )?"
    r"(?:(?:[\w$]+\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)\b|(?:[A-Z]\w*)?Error: )"
)
"""The line that opens a trace of Java or Node; its message may go on before the first frame."""
LONGEST_MESSAGE = 20
"""Lines between the two; if there are more, they do not belong together."""
FRAME = r"^[ \t]+at \S"
GO_FUNCTION, GO_PLACE = r"^[\w./\-~%@]+\.[^ ]*\(.*\)$", r"^\t\S+:\d+(?: \+0x[0-9a-f]+)?$"
GO_EXIT, GO_TRACE = r"^exit status \d+$", r"^\t\S+\.go:\d+ \+0x"
PANIC = r"^thread '.*' .*panicked at .*:\d+:\d+:$"
SHOWN, CARET = r"^\S*[/\\]\S+\.\w+:\d+$", r"^[ \t]*[\^~]+[ \t]*$"
"""Where an error was not caught, and below the line of source the mark of its place."""
REPORT, REPORT_ENDS = r"^==\d+==\s?(?:ERROR|WARNING): \w+Sanitizer", r"^==\d+==ABORTING$"
RULE = r"^={20,}$"
LONGEST_REPORT = 400
"""Lines of a sanitizer's report; one that is longer was not ended."""


def goes_on() -> pl.Expr:
    """Return for each `line`, in order, whether it is of the entry above."""
    by_itself = _is(TRACE)
    ends = _is(THROWN) & by_itself.shift(fill_value=False)
    between = _between(HEAD, FRAME, LONGEST_MESSAGE) & ~_is(HEAD)
    report = _between(REPORT, REPORT_ENDS, LONGEST_REPORT) | _is(REPORT) & _is(RULE, 1)
    return by_itself | ends | _by_neighbours() | between | report


def _is(pattern: str, shift: int = 0) -> pl.Expr:
    """Tell whether the line `shift` lines above has the pattern."""
    return pl.col("line").str.contains(pattern).shift(shift, fill_value=False)


def _by_neighbours() -> pl.Expr:
    go = _is(GO_FUNCTION) & _is(GO_PLACE, -1) | _is(GO_EXIT) & _is(GO_TRACE, 1)
    source = _is(SHOWN, 1) & _is(CARET, -1)
    uncaught = _is(CARET, 2) & _is(r"^\s*$", 1)
    chained = _is(THROWN, 1) & _is(r"^\s*$", -1) & _is(r"^(?:During handling|The above exc)", -2)
    return go | source | uncaught | chained | _is(PANIC, 1)


def _between(first: str, last: str, most: int) -> pl.Expr:
    """Tell whether the line is below a `first` and not below the `last` that comes in time."""
    number = pl.int_range(pl.len())
    began = pl.when(_is(first)).then(number).forward_fill()
    ends = pl.when(_is(last)).then(number).backward_fill().gather(began.fill_null(0))
    is_between = (number > began) & (number <= ends) & (ends - began <= most)
    return is_between.fill_null(value=False)
