"""A YAML document of the runner whose every error names file, line and key, with a near miss.

Scalars are those of JSON: `no`, `on` and `2026-01-02` are text, a key may stand once, and aliases
may not blow a small file up into a large one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from golive_core.errors import UsageError
from golive_core.toml import near
from golive_runner.texts import text_of

if TYPE_CHECKING:
    import yaml
    from pydantic_core import ErrorDetails

MOST_BYTES = 1 << 20
"""A document that people write is a thousandth of that; a larger one is something else."""
MOST_NODES = 200_000
UNKNOWN = "unknown_key"
QUOTES = 'Put quotes around a text with { or ? inside of {}: {get: "/users/{id}"}'
SCALARS = (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float",
     r"^[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:[eE][-+]?[0-9]+)?$",
     "-+0123456789."),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
)  # fmt: skip
Loc = tuple[int | str, ...]
AnyNode = Any
"""A node of PyYAML; its stubs do not know `id`, the kind of a node."""
Model = TypeVar("Model", bound="Part")


class Part(BaseModel):
    """A mapping of a document: an unknown key is refused, with the known one that is near."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        fields = cls.model_fields
        names = {field.alias or name for name, field in fields.items()}
        for key in cast("dict[object, object]", data):
            if key not in names and key not in fields:
                raise unknown(str(key), cls.words() or names)
        return cast("object", data)

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """Return the keys that a person may write, where they are not the fields' names."""
        return ()


def unknown(key: str, known: Iterable[str]) -> PydanticCustomError:
    """Return the error for a key that nobody reads; its line is found by the key."""
    return PydanticCustomError(
        UNKNOWN, "is not known. {hint}", {"key": key, "hint": near(key, known)}
    )


@dataclass(frozen=True)
class YamlFile:
    """A parsed file: `data` as JSON has it, and the lines of its keys."""

    path: Path
    data: object
    root: AnyNode

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """Read a file; raises UsageError with file and line."""
        import yaml

        text = text_of(path, MOST_BYTES)
        try:
            loader = _loader()(text)
            try:
                root = loader.get_single_node()
                if root is None:
                    raise UsageError("is empty", where=str(path))
                _check(path, root)
                return cls(path, cast("object", loader.construct_document(root)), root)
            finally:
                loader.dispose()
        except RecursionError as error:
            raise UsageError("not valid YAML: nested too deep", where=str(path)) from error
        except (yaml.YAMLError, ValueError) as error:
            mark = cast("Any", getattr(error, "problem_mark", None))
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            what = getattr(error, "problem", None) or str(error).splitlines()[0]
            hint = QUOTES if "got '{'" in what or "got '?'" in what else ""
            raise UsageError(f"not valid YAML: {what}", where=where, hint=hint) from error

    def mapping(self) -> Mapping[str, Any]:
        """Return the document's keys and values; raises UsageError where it has none."""
        if not isinstance(self.data, dict):
            hint = "It begins with `journey: NAME` or `checks: NAME`; see docs/test_runner.md"
            raise UsageError("is no mapping of keys to values", where=str(self.path), hint=hint)
        return cast("Mapping[str, Any]", self.data)

    def load(self, model: type[Model]) -> Model:
        """Return the document as `model`; raises UsageError with file, line and key."""
        return self.checked(model, self.data)

    def checked(self, model: type[Model], value: object, at: Loc = ()) -> Model:
        """Return a value that stands `at` a place as `model`; raises UsageError at its line."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise self._error(error, at) from error

    def error(self, loc: Loc, what: str, hint: str = "") -> UsageError:
        """Return an error about the place `loc`."""
        line, keys = self._place(loc)
        key = ".".join(str(part + 1) if isinstance(part, int) else part for part in keys)
        said = f"{key} {what}" if key else what
        return UsageError(said, where=f"{self.path}:{line}", hint=hint)

    def _error(self, error: ValidationError, at: Loc) -> UsageError:
        first = min(error.errors(), key=lambda one: self._place((*at, *_loc(one)))[0])
        what, _, hint = first["msg"].removeprefix("Value error, ").partition(". ")
        if first["type"] == "missing":
            what = "is missing"
        elif not what.startswith(("is ", "has ")):
            what = f"is wrong: {what[:1].lower()}{what[1:]}"
        return self.error((*at, *_loc(first)), what, hint)

    def _place(self, loc: Loc) -> tuple[int, list[int | str]]:
        """Return line (from 1) and keys of a place; parts that name a model's choice are left."""
        node, line, keys = self.root, self.root.start_mark.line + 1, list[int | str]()
        for part in loc:
            found = _inner(node, part)
            if found:
                line, node = found
                keys.append(part)
        missing = loc[-1:] if loc and (not keys or keys[-1] != loc[-1]) else ()
        return line, [*keys, *(part for part in missing if str(part).isidentifier())]


def _loc(one: ErrorDetails) -> Loc:
    return (
        (*one["loc"], one["ctx"]["key"]) if one["type"] == UNKNOWN and "ctx" in one else one["loc"]
    )


def _inner(node: AnyNode, part: int | str) -> tuple[int, AnyNode] | None:
    """Return line and node of what stands under a key or at an index."""
    value: Any = node.value
    if node.id == "sequence" and isinstance(part, int) and part < len(value):
        return value[part].start_mark.line + 1, value[part]
    if node.id == "mapping":
        for key, inner in value:
            if key.value == str(part):
                return key.start_mark.line + 1, inner
    return None


def _loader() -> type[yaml.SafeLoader]:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in SCALARS:
        Loader.add_implicit_resolver(tag, re.compile(pattern), list(first.replace("\0", "")))
    Loader.add_implicit_resolver(SCALARS[-1][0], re.compile(SCALARS[-1][1]), [""])
    return Loader


def _check(path: Path, root: AnyNode) -> None:
    """Refuse a key that stands twice, a key that is no text, and aliases without end."""
    for count, node in enumerate(_nodes(root)):
        if count > MOST_NODES:
            raise UsageError(f"unfolds to more than {MOST_NODES} values", where=str(path))
        if node.id != "mapping":
            continue
        seen: set[str] = set()
        for key, _ in cast("list[tuple[AnyNode, AnyNode]]", node.value):
            where = f"{path}:{key.start_mark.line + 1}"
            if key.id != "scalar":
                raise UsageError(
                    "a key that is no text", where=where,
                    hint='Put quotes around a value that begins with { or [: "{id}"',
                )  # fmt: skip
            if key.value in seen:
                raise UsageError(f"{key.value} stands there twice", where=where)
            seen.add(key.value)


def _nodes(node: AnyNode) -> Iterator[AnyNode]:
    """Walk the tree, an aliased part as often as it is named."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        value: Any = one.value
        if one.id == "mapping":
            waiting.extend(inner for pair in value for inner in pair)
        elif one.id == "sequence":
            waiting.extend(value)
