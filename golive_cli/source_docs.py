"""docs/sources.md, made from the sources themselves: what is read, needed, configured, for example.

`golive sources --markdown > docs/sources.md` makes it anew; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ingest.source import Source

HEAD = """# Sources

What GoLive can read. Each source is one file in `ingest/sources/`; this page is made from them by
`golive sources --markdown`. A source is written into `golive.toml` as `[source.<name>]`; secrets
are references, `env:NAME`, `file:PATH` or `sealed:NAME`. Every source also takes `schedule`, a cron
line in UTC.

What a server tells of its limits is heeded by all processes together. A source that was asked to
come back later is paused until then, it alone; a pull stops where 2 % of a quota are left, for
people and actions, and goes on when it is full again. `golive status` shows what is left,
`golive doctor` what each token may read.
"""


def markdown() -> str:
    """Return the page."""
    from ingest import registry

    types = registry.sources()
    index = "\n".join(f"- [{one.title}](#{name})" for name, one in types.items())
    return "\n".join([HEAD, index, *("\n".join(_section(one)) for one in types.values())]) + "\n"


def _section(one: type[Source]) -> Iterator[str]:
    from ingest import registry

    yield f"\n## {one.type}\n\n{one.title}.\n"
    if registry.aliases(one):
        words = ", ".join(f"`golive ingest {alias} PATH`" for alias in registry.aliases(one))
        yield f"Files can be read at once: {words}."
    if one.scopes:
        yield f"It needs: {', '.join(one.scopes)}."
    yield from _streams(one)
    yield "\n| option | default |\n|---|---|"
    for name, field in one.Options.model_fields.items():
        yield f"| `{name}` | {_default(field)} |"
    yield f"\n```toml\n{one.example.strip()}\n```"


def _streams(one: type[Source]) -> Iterator[str]:
    """Yield the table of the streams, with what the token needs for each where that differs."""
    needs: Mapping[str, str] = getattr(one, "needs", {})
    cells = ["stream", "what it reads", "tables", *(["the token needs"] if needs else [])]
    yield f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}"
    for stream in one.streams:
        row = [stream.name, stream.doc, ", ".join(stream.tables)]
        row += [needs.get(stream.name, "")] if needs else []
        yield f"| {' | '.join(row)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: object = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Enum):
        value = value.value
    if value in ("", None, (), [], {}):
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(f"`{one}`" for one in cast("list[object]", value))
    return f"`{value}`"
