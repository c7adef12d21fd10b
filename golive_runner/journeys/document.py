"""A journey as people write it: a title, a few settings, and steps by role, label and text.

    journey: Sign in
    steps:
      - open: http://127.0.0.1:8501/
      - click: Sign in
      - see: What broke

A step is one word with what it acts on. Every step waits for what it needs, at most `timeout_s`:
there is no step that sleeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field, StringConstraints

from golive_core.settings import resolve
from golive_core.toml import near
from golive_runner.yaml_file import Part, YamlFile

Word = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
VARIABLE = re.compile(r"\$\{(\w+)\}")
LOCATORS = ("role", "label", "text", "placeholder", "test_id", "title", "alt", "css")
MASKED = "•••"


class Shape(Part):
    """What an action acts on."""

    def spoken(self) -> str:
        """Return it as a person says it."""
        return str(self)


class Target(Shape):
    """What a step acts on: exactly one of the ways to find it, and the name of a role.

    `any` is what a bare word means: whatever a person would call so, tried role by role.
    """

    any: str = ""
    role: str = ""
    name: str = ""
    label: str = ""
    text: str = ""
    placeholder: str = ""
    test_id: str = ""
    title: str = ""
    alt: str = ""
    css: str = ""
    exact: bool = False
    nth: int | None = Field(default=None, ge=1)
    inside: str = Field(default="", alias="in")

    @property
    def is_somewhere(self) -> bool:
        """Tell whether any way to find it is named."""
        return any(getattr(self, way) for way in ("any", *LOCATORS))

    def __str__(self) -> str:
        """Return it as a person says it: button “Sign in”."""
        if self.any:
            return f"“{self.any}”"
        if self.role:
            return f"{self.role} “{self.name}”" if self.name else self.role
        way = next((way for way in LOCATORS if getattr(self, way)), "")
        return f"{way.replace('_', ' ')} “{getattr(self, way)}”" if way else "the page"


class Filled(Target):
    """A target and the text that goes into it."""

    given: str = Field(alias="with", max_length=100_000)

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"{self} with “{VARIABLE.sub(MASKED, self.given)[:60]}”"


class Chosen(Target):
    """A target and the option chosen in it."""

    option: Word

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"“{self.option}” in {self}"


class Uploaded(Target):
    """A target and the file, from the folder of the journey."""

    file: Word

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"{self.file} to {self}"


class Pressed(Target):
    """A key, and where it is pressed."""

    key: Word

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"{self.key} in {self}" if self.is_somewhere else self.key


class Valued(Target):
    """A field, and the value that it must have."""

    is_: str = Field(alias="is")

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"of {self} is “{self.is_}”"


class Looked(Shape):
    """A visual check: its name, what of the page it looks at, and what it does not look at."""

    name: Word
    target: Target | None = None
    mask: tuple[Target, ...] = ()
    full_page: bool = False

    def spoken(self) -> str:
        """Return it as a person says it."""
        return f"at “{self.name}”"


class Dialog(Shape):
    """What the next dialog of the page gets."""

    answer: Literal["accept", "dismiss"]
    text: str = ""

    def spoken(self) -> str:
        """Return it as a person says it."""
        return self.answer


def _size(said: str) -> str:
    if not SIZE.fullmatch(said):
        raise ValueError("is not width x height in pixels, like 1280x720")
    return said


class Settings(Part):
    """What stands beside the steps. Sizes in pixels, times in seconds."""

    journey: Word
    base: str = ""
    size: Annotated[str, AfterValidator(_size)] = "1280x720"
    theme: Literal["light", "dark"] = "light"
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    limit_s: float = Field(default=120.0, gt=0, le=3600)
    retries: int = Field(default=0, ge=0, le=10)
    insecure: bool = False
    allow: tuple[str, ...] = ()
    locale: str = "en-GB"
    timezone: str = "UTC"


SHAPES: Mapping[str, type[Shape]] = {
    "click": Target, "double_click": Target, "hover": Target, "check": Target, "uncheck": Target,
    "scroll_to": Target, "see": Target, "gone": Target, "download": Target, "popup": Target,
    "fill": Filled, "choose": Chosen, "upload": Uploaded, "press": Pressed, "value": Valued,
    "look": Looked, "dialog": Dialog,
}  # fmt: skip
SHORT: Mapping[str, str] = {
    **dict.fromkeys(("click", "double_click", "hover", "check", "uncheck", "scroll_to"), "any"),
    **dict.fromkeys(("download", "popup"), "any"), **dict.fromkeys(("see", "gone"), "text"),
    "press": "key", "look": "name", "dialog": "answer",
}  # fmt: skip
"""What a bare word behind an action stands for."""
PLAIN = ("open", "address", "close", "reload", "back")
"""Actions that take a text or nothing."""
ACTIONS = (*PLAIN, *SHAPES)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its action and what it acts on; `text` for those that take a plain one."""

    action: str
    on: Shape | None = None
    text: str = ""

    def __str__(self) -> str:
        """Return the step as a person reads it; a value from a variable is masked."""
        said = VARIABLE.sub(MASKED, self.text) if self.on is None else self.on.spoken()
        return f"{self.action.replace('_', ' ')} {said}".strip()


@dataclass(frozen=True, slots=True)
class Journey:
    """One document: its file, what it is set to, and its steps."""

    path: Path
    settings: Settings
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The title."""
        return self.settings.journey

    def environment(self, browser: str) -> str:
        """Return what its attempts run in: browser, size and theme."""
        return f"{browser} {self.settings.size} {self.settings.theme}"

    @property
    def viewport(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.settings.size.split("x")
        return int(width), int(height)


def parse(file: YamlFile, *, base: str = "") -> Journey:
    """Return the journey of a document; raises UsageError with file, line and key.

    `base` is where it goes in place of what the document names.
    """
    said = dict(file.mapping()) | ({"base": base} if base else {})
    steps = said.pop("steps", None)
    settings = file.checked(Settings, said)
    if not isinstance(steps, list) or not steps:
        hint = "For example: steps: [{open: http://127.0.0.1:8000/}, {see: Welcome}]"
        raise file.error(("steps",), "is empty: a journey has at least one step", hint)
    found = tuple(_steps(file, cast("list[object]", steps)))
    return Journey(file.path, settings, found)


def load(path: Path) -> Journey:
    """Read and parse a file; raises UsageError."""
    return parse(YamlFile.read(path))


def _steps(file: YamlFile, steps: list[object]) -> Iterator[Step]:
    for nth, said in enumerate(steps):
        place = ("steps", nth)
        one: object = {said: ""} if isinstance(said, str) else said
        if not isinstance(one, dict) or len(cast("dict[str, object]", one)) != 1:
            hint = "Write one action a step: - click: Sign in"
            raise file.error(place, "is no step: one action with what it acts on", hint)
        ((action, value),) = cast("dict[str, object]", one).items()
        yield _step(file, (*place, str(action)), str(action), value)


def _step(file: YamlFile, place: tuple[str | int, ...], action: str, value: object) -> Step:
    if action not in ACTIONS:
        raise file.error(place, "is no action", near(action, ACTIONS))
    if action in PLAIN:
        if isinstance(value, (dict, list)):
            raise file.error(place, "takes a plain text")
        return Step(action, text="" if value is None else str(value))
    if not isinstance(value, dict):
        if action not in SHORT or value in ("", None):
            raise file.error(
                place, "does not say what it acts on", f"See {action} in docs/test_runner.md"
            )
        value = {SHORT[action]: str(value)}
    shaped = file.checked(SHAPES[action], cast("object", value), place)
    if isinstance(shaped, Target):
        _one_way(file, place, shaped)
    return Step(action, shaped)


def _one_way(file: YamlFile, place: tuple[str | int, ...], target: Target) -> None:
    ways = [way for way in ("any", *LOCATORS) if getattr(target, way)]
    if len(ways) != 1 and not (isinstance(target, Pressed) and not ways):
        hint = f"Name exactly one of {', '.join(LOCATORS)}"
        raise file.error(place, f"has {len(ways)} ways to find it", hint)


def filled_in(text: str) -> str:
    """Return a text with `${NAME}` taken from the environment; such a value is a secret from then.

    Raises SettingsError for a variable that is not set.
    """
    return VARIABLE.sub(lambda found: resolve(f"env:{found[1]}"), text)
