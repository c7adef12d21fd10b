"""A YAML document of the runner, whose every error names file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from golive_core.errors import UsageError
from golive_core.toml import near
from golive_runner.yaml_file import YamlFile

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound="BaseModel")
Place = tuple[str | int, ...]
UNKNOWN = "extra_forbidden"


@dataclass(frozen=True)
class Document:
    """What a file says, and at which line (from 1) each of its values stands."""

    path: Path
    said: Mapping[str, Any]
    lines: Mapping[Place, int] = field(default_factory=dict[Place, int])

    def error(self, place: Place, what: str, hint: str = "") -> UsageError:
        """Return an error that names file, line and key."""
        line = next(
            (self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), 0
        )
        key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        where = f"{self.path}:{line}" if line else str(self.path)
        return UsageError(f"{key}: {what}" if key else what, where=where, hint=hint)

    def checked(self, model: type[Model], value: object, place: Place = ()) -> Model:
        """Return a value of the document as `model`; raises UsageError at its line."""
        from pydantic import ValidationError

        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise self._told(error, model, place) from error

    def _told(self, error: ValidationError, model: type[BaseModel], place: Place) -> UsageError:
        one = error.errors(include_url=False, include_input=False)[0]
        inner = tuple(part for part in one["loc"] if isinstance(part, int) or "[" not in part)
        if one["type"] == UNKNOWN:
            names = [field.alias or name for name, field in model.model_fields.items()]
            return self.error((*place, *inner), "is not known", near(str(inner[-1]), names))
        return self.error((*place, *inner), one["msg"][:1].lower() + one["msg"][1:])


def read(path: Path) -> Document:
    """Read a file; raises UsageError where it is missing, too large, or no YAML mapping."""
    file = YamlFile.read(path)
    if not isinstance(file.data, dict):
        hint = "It begins with `journey: NAME` or `checks: NAME`; see docs/test_runner.md"
        raise UsageError("it is no mapping of keys to values", where=str(path), hint=hint)
    return Document(path, cast("Mapping[str, Any]", file.data), dict(_lines(file.root, ())))


def _lines(node: Any, place: Place, depth: int = 0) -> Iterable[tuple[Place, int]]:  # noqa: ANN401 - PyYAML has no types
    import yaml

    yield place, node.start_mark.line + 1
    if depth > 20:  # noqa: PLR2004 - nothing that means something is as deep, and aliases may loop
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*place, str(key.value)), depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for nth, value in enumerate(node.value):
            yield from _lines(value, (*place, nth), depth + 1)
