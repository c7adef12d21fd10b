"""`golive test record`: a journey written from what a person does in the browser."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from golive_cli.output import say
from golive_core.errors import UsageError

PORT = 9222


def command(
    url: Annotated[str, typer.Argument(help="The first page.")],
    out: Annotated[Path, typer.Option(help="The journey that is written.")] = Path("journey.yaml"),
    title: Annotated[str, typer.Option(help="Its title.")] = "",
    headless: Annotated[bool, typer.Option("--headless", help="Without a window; act in it by "
        "another Chrome.")] = False,
    port: Annotated[int, typer.Option(help="Port of the browser without a window.")] = PORT,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
) -> None:  # fmt: skip
    """Record a journey: golive test record http://127.0.0.1:8501/ --out journeys/look.yaml."""
    from threading import Event

    from golive_runner.recorder.recorder import Wanted, has_display, record

    if out.exists() and not force:
        raise UsageError("it is there already", where=str(out), hint="Name another, or --force")
    if not out.parent.is_dir():
        raise UsageError("there is no such folder", where=str(out.parent))
    shown = has_display() and not headless
    stop = Event()

    def ended(*_: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ended)
    _hint(shown, port)
    wanted = Wanted(_url(url), shown, 0 if shown else port)
    recording = record(wanted, stop, lambda step: say(f"  {step}"))
    text = recording.text(title or out.stem.replace("_", " ").capitalize(), str(out))
    out.write_text(text, encoding="utf-8")
    say(f"{len(recording.steps)} steps written to {out}. Run it: golive test run {out}")
    for name in recording.variables:
        say(f"It takes a secret from the environment: export {name}=...")


def _hint(shown: bool, port: int) -> None:
    end = "Ctrl-C, or closing the page, ends the recording."
    if shown:
        say(f"Act in the window that opens. {end}")
        return
    say(
        f"There is no window. Open chrome://inspect in a Chrome on this machine (or through "
        f"ssh -L {port}:127.0.0.1:{port}), add 127.0.0.1:{port}, and act in the page. {end}"
    )


def _url(url: str) -> str:
    known: tuple[Any, ...] = ("http://", "https://", "file://", "data:", "about:")
    return url if url.startswith(known) else f"http://{url}"
