"""`golive sources`: what GoLive can read, and how a source is written in golive.toml."""

from __future__ import annotations

from typing import Annotated

import typer

from golive_cli.output import Json, emit, results


def command(
    kind: Annotated[str, typer.Argument(metavar="[TYPE]", help="One type only.")] = "",
    as_json: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The page docs/sources.md, all types.")
    ] = False,
) -> None:
    """List the source types with their streams, scopes and an example of their toml."""
    from golive_cli import source_docs
    from ingest import registry

    if markdown:
        typer.echo(source_docs.markdown(), nl=False)
        return

    one = registry.named(kind) or registry.source(kind) if kind else None
    types = {one.type: one} if one else registry.sources()
    if as_json:
        emit([
            {
                "type": name, "aliases": registry.aliases(one), "title": one.title,
                "scopes": one.scopes, "example": one.example,
                "streams": [
                    {"name": stream.name, "doc": stream.doc, "tables": stream.tables}
                    for stream in one.streams
                ],
            }
            for name, one in types.items()
        ])  # fmt: skip
        return
    out = results()
    for name, one in types.items():
        out.print(f"[bold]{name}[/bold]  {one.title}")
        if registry.aliases(one):
            out.print(f"also     {', '.join(registry.aliases(one))}", markup=False)
        out.print(f"needs    {', '.join(one.scopes)}", markup=False)
        for stream in one.streams:
            tables = ", ".join(stream.tables)
            out.print(f"{stream.name:<8} {stream.doc} -> {tables}", markup=False)
        out.print(f"\n{one.example.strip()}\n", markup=False)
