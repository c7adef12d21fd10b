"""Times at the head of log lines, in the forms that loggers write them. Pure, in polars.

Which form a log has is told by most of its lines. Forms without a year take the one that puts the
line before the time at which it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MON = rf"(?P<mon>{'|'.join(MONTHS)})[a-z]*"
DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +"
HMS = r"(?P<h>\d\d?):(?P<mi>\d\d?):(?P<s>\d\d?)"
FRACTION = r"(?:[.,](?P<f>\d{1,9}))?"
ZONE = r" ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
FORMS = {
    "iso": rf"(?P<y>\d{{4}})[-/.](?P<mo>\d\d)[-/.](?P<d>\d\d)[T _-]{HMS}{FRACTION}{ZONE}",
    "dotted": r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)-(?P<h>\d\d)\.(?P<mi>\d\d)\.(?P<s>\d\d)"
    r"\.(?P<f>\d{1,9})",
    "compact": rf"(?P<y>\d{{4}})(?P<mo>\d\d)(?P<d>\d\d)[-T ]{HMS}(?:[.,:](?P<ms>\d{{1,3}}))?",
    "ctime": rf"{DAY}{MON} +(?P<d>\d\d?) {HMS}{FRACTION} (?:[A-Z]{{3,4}} )?(?P<y>\d{{4}})",
    "access": rf"(?P<d>\d\d)/{MON}/(?P<y>\d{{4}}):{HMS} (?P<z>[+-]\d{{4}})",
    "bsd": rf"{MON} +(?P<d>\d\d?) {HMS}{FRACTION}",
    "short": rf"(?P<yy>\d\d)/(?P<mo>\d\d)/(?P<d>\d\d) {HMS}{FRACTION}",
    "solid": r"(?P<yy>\d\d)(?P<mo>\d\d)(?P<d>\d\d) (?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)\b",
    "monthday": rf"(?P<mo>\d\d)[-.](?P<d>\d\d) {HMS}{FRACTION}",
    "glog": rf"[IWEF](?P<mo>\d\d)(?P<d>\d\d) {HMS}{FRACTION}",
    "epoch": r"(?P<t>1\d{9})(?:\.(?P<f>\d{1,9})|(?P<ms>\d{3}))?\b",
}
BEFORE = r"^(?:<\d{1,3}>)?\[?"
WORDS = r"^(?P<before>(?:\S{1,80} ){1,4}?)\[?"
"""What may stand before a time, the second only where no line begins with one."""
SHARE = 0.2
"""Of the lines looked at that have the form; the others may belong to the line above."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of times as found in a log: its name and the pattern from the line's start."""

    name: str
    pattern: str


def form_of(sample: pl.Series) -> Form | None:
    """Return the form that most lines of a sample have, None if hardly any has one."""
    for before in (BEFORE, WORDS):
        scores = {name: sample.str.contains(before + form).sum() for name, form in FORMS.items()}
        best = max(scores, key=lambda name: scores[name])
        if scores[best] >= max(1, SHARE * len(sample)):
            return Form(best, before + FORMS[best])
    return None


def times(lines: pl.Series, form: Form, *, zone: str, now: datetime) -> pl.Series:
    """Return the UTC times of the lines, null where there is none that is real.

    `zone` is that of times without one, `now` when the lines were read (aware).
    """
    parts = lines.to_frame("line").select(
        pl.col("line").str.extract_groups(form.pattern).alias("part")
    ).unnest("part")  # fmt: skip
    have = set(parts.columns)
    if "t" in have:
        whole = pl.col("t").cast(pl.Int64) * 1_000_000 + _micros(have)
        return parts.select(whole.cast(pl.Datetime("us", "UTC"))).to_series()
    if "y" in have or "yy" in have:
        year = pl.col("y") if "y" in have else "20" + pl.col("yy")
        return parts.select(_instant(year, have, zone)).to_series()
    this, last = (_instant(pl.lit(str(now.year - back)), have, zone) for back in (0, 1))
    late = pl.lit(now + timedelta(days=1), pl.Datetime("us", "UTC"))
    return parts.select(pl.when(this <= late).then(this).otherwise(last)).to_series()


def _instant(year: pl.Expr, have: set[str], zone: str) -> pl.Expr:
    names = {name: f"{number:02}" for number, name in enumerate(MONTHS, 1)}
    month = pl.col("mon").replace_strict(names, default=None) if "mon" in have else pl.col("mo")
    day, *clock = (pl.col(name).str.strip_chars().str.zfill(2) for name in ("d", "h", "mi", "s"))
    text = pl.format("{}-{}-{} {}:{}:{}", year, month, day, *clock)
    naive = text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    at = local.dt.convert_time_zone("UTC")
    if "z" in have:
        utc = naive.dt.replace_time_zone("UTC")
        at = pl.when(pl.col("z").is_null()).then(at).otherwise(utc - _offset(pl.col("z")))
    return at + pl.duration(microseconds=_micros(have))


def _offset(zone: pl.Expr) -> pl.Expr:
    digits = zone.str.extract(r"(\d\d):?\d\d").cast(pl.Int64).fill_null(0) * 60
    minutes = digits + zone.str.extract(r"\d\d:?(\d\d)").cast(pl.Int64).fill_null(0)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    return pl.duration(minutes=minutes * sign)


def _micros(have: set[str]) -> pl.Expr:
    """Return the microseconds of a fraction or of a count of milliseconds, 0 without."""
    micros = pl.lit(0, pl.Int64)
    if "f" in have:
        micros = pl.col("f").fill_null("0").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    if "ms" in have:
        micros = micros + pl.col("ms").fill_null("0").cast(pl.Int64) * 1000
    return micros
