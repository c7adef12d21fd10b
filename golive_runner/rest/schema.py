"""JSON schemas of a document: read and checked before anything is sent, held against bodies.

A schema may point into files beside the document; nothing is ever fetched for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from golive_core.errors import UsageError
from golive_runner.rest.document import Checks
from golive_runner.rest.matcher import told

MOST_TOLD = 3


@dataclass(frozen=True)
class Schema:
    """A validator of jsonschema, whose errors are told as sentences."""

    validator: Any

    def wrong(self, body: object) -> list[str]:
        """Return where a body breaks the schema."""
        from referencing.exceptions import Unresolvable

        try:
            errors = sorted(self.validator.iter_errors(body), key=_order)
        except (Unresolvable, RecursionError) as error:
            return [f"the schema cannot be followed: {error}"]
        said = [f"{_place(one)} {_short(one)}" for one in errors[:MOST_TOLD]]
        more = len(errors) - MOST_TOLD
        return [*said, f"and {more} more against the schema"] if more > 0 else said


def _order(error: Any) -> list[str]:  # noqa: ANN401 - jsonschema has no types
    return [str(part) for part in error.absolute_path]


def _place(error: Any) -> str:  # noqa: ANN401 - jsonschema has no types
    path = error.absolute_path
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


def _short(error: Any) -> str:  # noqa: ANN401 - jsonschema has no types
    text, value = str(error.message), repr(error.instance)
    return text.replace(value, told(error.instance), 1) if text.startswith(value) else text


def schemas(document: Checks, path: Path) -> list[Schema | None]:
    """Return the schema of each step that names one, else None; raises UsageError."""
    given = (step.expect.schema_ for step in document.steps)
    return [None if one is None else read(one, path) for one in given]


def read(given: object, path: Path) -> Schema:
    """Return the schema that a document at `path` names or holds; raises UsageError."""
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    where = path.parent / given if isinstance(given, str) else path
    schema = _file(where) if isinstance(given, str) else given
    kind: Any = validator_for(cast("Any", schema), default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise UsageError(f"is no JSON schema: {error.message}", where=str(where)) from error
    if isinstance(schema, dict):
        schema = {"$id": where.resolve().as_uri(), **cast("dict[str, object]", schema)}
    beside: Any = _Beside(path.parent.resolve())
    registry: Any = Registry(retrieve=beside)
    return Schema(kind(schema, registry=registry, format_checker=kind.FORMAT_CHECKER))


@dataclass(frozen=True)
class _Beside:
    """Gives the files below a folder as schemas, and nothing else."""

    folder: Path

    def __call__(self, uri: str) -> object:
        from referencing.jsonschema import DRAFT202012

        file = Path(unquote(urlsplit(uri).path)).resolve()
        if urlsplit(uri).scheme != "file" or not file.is_relative_to(self.folder):
            raise LookupError(f"{uri} is not beside the document")
        return DRAFT202012.create_resource(cast("Any", _file(file)))


def _file(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"the schema cannot be read ({error.strerror})", where=str(path)
        ) from error
    except ValueError as error:
        raise UsageError(f"the schema is not valid JSON: {error}", where=str(path)) from error
