"""What was recorded, as the steps of a journey: the names that people use, secrets as variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from golive_runner.journeys.finding import NAMED_ROLES

Event = Mapping[str, Any]
Target = str | dict[str, Any]
HEAD = """\
# Run it: golive test run {name}
# Every step waits for what it needs. What a step may say is in docs/test_runner.md.
"""
WORD = re.compile(r"[^A-Za-z0-9]+")
SHORTEST_NAME = 1


@dataclass
class Recording:
    """The steps so far. `variables` are those that the journey takes secrets from."""

    url: str
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    variables: list[str] = field(default_factory=list[str])
    _is_moving: bool = False
    """Something was done since the last page was told: the next one is its outcome."""

    def __post_init__(self) -> None:
        self.steps.append({"open": self._relative(self.url)})

    @property
    def base(self) -> str:
        """Scheme and host of the first page."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    def take(self, event: Event) -> None:
        """Add what one event means."""
        kind = event["kind"]
        if kind == "page":
            self._page(event)
            return
        self._is_moving = True
        if kind in ("popup", "download"):
            self._was(kind)
        elif kind == "dialog":
            self.steps.insert(max(1, len(self.steps) - 1), {"dialog": event["answer"]})
        else:
            self.steps.append({kind: self._on(kind, event)})

    def _page(self, event: Event) -> None:
        """Expect the heading of a page that an action led to."""
        if self._is_moving and event["heading"]:
            self.steps.append({"see": event["heading"]})
        self._is_moving = False

    def _was(self, kind: str) -> None:
        """Take it that the click before opened a window or began a download."""
        if self.steps and "click" in self.steps[-1]:
            self.steps[-1] = {kind: self.steps[-1]["click"]}

    def _on(self, kind: str, event: Event) -> Target:
        if kind == "click":
            return called(event["on"])
        on = field_called(event["on"])
        if kind == "fill":
            return {**on, "with": self._variable(event) if event.get("secret") else event["value"]}
        if kind == "choose":
            return {**on, "option": event["value"]}
        if kind == "upload":
            return {**on, "file": event["value"]}
        if kind == "press":
            return {**on, "key": event["value"]}
        return on

    def _variable(self, event: Event) -> str:
        """Return the reference of a secret, named after its field."""
        on = event["on"]
        said = on["label"] or on["placeholder"] or "password"
        name = WORD.sub("_", said).strip("_").upper() or "PASSWORD"
        name = f"SECRET_{name}" if name[0].isdigit() else name
        if name not in self.variables:
            self.variables.append(name)
        return f"${{{name}}}"

    def _relative(self, url: str) -> str:
        parts = urlsplit(url)
        if not parts.netloc:
            return url
        rest = url.partition(parts.netloc)[2]
        return rest or "/"

    def text(self, title: str, file: str) -> str:
        """Return the journey as YAML, a step a line."""
        import yaml

        head: dict[str, Any] = {"journey": title}
        if self.base:
            head["base"] = self.base
        lines = [
            HEAD.format(name=file),
            *(f"# Set {name} before: export {name}=...\n" for name in self.variables),
            yaml.safe_dump(head, sort_keys=False, allow_unicode=True),
            "steps:\n",
            *(f"  - {line}\n" for line in self._lines()),
        ]
        return "".join(lines)

    def _lines(self) -> Iterator[str]:
        import yaml

        for step in self.steps:
            ((action, on),) = step.items()
            said = yaml.safe_dump(
                on, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1_000_000
            )
            flat = said.removesuffix("\n").removesuffix("\n...")
            yield f"{action}: {flat}"


def called(on: Mapping[str, Any]) -> Target:
    """Return how a person calls an element: by its name alone where that tells it."""
    if on["role"] in NAMED_ROLES and len(on["name"]) >= SHORTEST_NAME:
        if not on["nth"]:
            return str(on["name"])
        return {"role": on["role"], "name": on["name"], "exact": True, "nth": on["nth"]}
    if on["test_id"]:
        return {"test_id": on["test_id"]}
    if on["role"] and on["name"]:
        return {"role": on["role"], "name": on["name"]}
    if on["text"]:
        return {"text": on["text"]}
    return {"css": on["css"]}


def field_called(on: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a person calls a field: by its label, else by what stands in it."""
    way = next((way for way in ("label", "placeholder", "test_id") if on[way]), "css")
    found: dict[str, Any] = {way: on[way]}
    return {**found, "nth": on["nth"]} if on["nth"] and way == "label" else found
