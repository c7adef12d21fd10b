"""Payloads as received: one shape for the raw table of every source type."""

from __future__ import annotations

from golive_core.schema.table import Table, table

RAW_SPEC = """
instance     text   the configured source it came from
stream       text   the stream of the source
payload_id   text   SHA-256 of the body, or a natural id where the body stays elsewhere (Git)
sequence     int    grows by one with every pulled batch of the instance: the watermark of conform
project_id   text   the project that the instance feeds
day          day    UTC date of fetched_at
fetched_at   at     when it was received
uri          text   where it came from: URL without secrets, path, or member of an archive
media_type   text   what the body is, for example application/json
size_bytes   int    size of the body
context      text   JSON object: what the pull knew of the payload (build, commit, job, ...)
body         bytes  the body as received; null where `artifact` holds it
artifact     text   SHA-256 of the body in the artifact store; null where `body` holds it
"""


def raw_table(source: str) -> Table:
    """Return the table of the payloads of one source type, `raw.<source>`, all of one shape."""
    return table(
        f"raw.{source}", "one payload as received", RAW_SPEC,
        key="instance stream payload_id", sort="instance stream sequence",
        partition="month", is_fact=True,
    )  # fmt: skip


PULLED = ("payload_id", "uri", "media_type", "size_bytes", "context", "body")
RAW_COLUMNS = {name: raw_table("any").schema[name] for name in PULLED}
"""Columns of a pulled payload whose body is kept in the table, with their dtypes."""
