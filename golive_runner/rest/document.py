"""The words of a document of REST checks. All that can be wrong in it is told before it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, cast

from jsonpath import JSONPath, JSONPathError
from jsonpath import compile as compile_path
from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from golive_core.toml import near
from golive_runner.rest import fill
from golive_runner.rest.matcher import Expected
from golive_runner.yaml_file import Part, YamlFile

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
BODIES = ("json", "form", "body")
STATUS = re.compile(r"[1-5]xx|[1-5]\d\d")
MOST_RETRIES = 10
CASES = 20
Scalar = str | int | float | bool | None


def _path(text: str) -> str:
    try:
        compile_path(text)
    except JSONPathError as error:
        what = str(error).splitlines()[0]
        raise PydanticCustomError("json_path", "is no JSONPath: {what}", {"what": what}) from error
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError(
            "pattern", "is no regular expression: {what}", {"what": str(error)}
        ) from error
    return text


def _status(value: int | str) -> str:
    if not STATUS.fullmatch(str(value)):
        raise PydanticCustomError("status", "is no status such as 200 or 2xx")
    return str(value)


JsonPath = Annotated[str, AfterValidator(_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Status = Annotated[int | str, AfterValidator(_status)]


def compiled(path: str) -> JSONPath:
    """Return a JSONPath of a checked document; python-jsonpath keeps none of them itself."""
    found = _paths.get(path)
    if found is None:
        found = _paths[path] = cast("JSONPath", compile_path(path))
    return found


_paths: dict[str, JSONPath] = {}


class Expect(Part):
    """What an answer has to be; without a status any below 400 does."""

    status: Status | list[Status] | None = None
    header: dict[str, Expected] = Field(default_factory=dict[str, Expected])
    json_: dict[JsonPath, Expected] = Field(default_factory=dict[str, Expected], alias="json")
    text: Expected | None = None
    schema_: str | dict[str, JsonValue] | None = Field(None, alias="schema")
    faster_than_ms: Annotated[float, Field(gt=0)] | None = None

    def statuses(self) -> tuple[str, ...]:
        """Return the statuses that are right, such as 200 or 2xx; none if any below 400 is."""
        given = self.status if isinstance(self.status, list) else [self.status]
        return tuple(str(one) for one in given if one is not None)


class Capture(Part):
    """Where a value is taken from: a JSONPath, a header or the text, and what of it by a pattern.

    Of a pattern it is the first group, the whole match where it has none.
    """

    json_: JsonPath | None = Field(None, alias="json")
    header: str | None = None
    pattern: Pattern | None = None

    @model_validator(mode="after")
    def _one(self) -> Capture:
        if (self.json_ and self.header) or not (self.json_ or self.header or self.pattern):
            raise PydanticCustomError("capture", "is wrong: name one of json, header, pattern")
        return self


class Basic(Part):
    """User and password of HTTP basic authentication."""

    user: str
    password: str


class Step(Part):
    """One request, what its answer has to be, and what of it later steps need."""

    method: str
    path: str
    name: str = ""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    params: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict[str, Scalar | list[Scalar]]
    )
    basic: Basic | None = None
    json_: JsonValue = Field(None, alias="json")
    form: dict[str, Scalar] | None = None
    body: str | None = None
    expect: Expect = Field(default_factory=Expect.model_construct)
    capture: dict[str, JsonPath | Capture] = Field(default_factory=dict[str, str | Capture])
    follow: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _request(cls, data: object) -> object:
        """Take `get: /path` apart into method and path."""
        if not isinstance(data, dict):
            return data
        step = dict(cast("dict[str, object]", data))
        named = [key for key in step if key in METHODS]
        if len(named) != 1 or not isinstance(step[named[0]], str):
            words = near(next(iter(step), ""), METHODS)
            told = {
                "what": "has two requests" if len(named) > 1 else "has no request",
                "hint": words,
            }
            raise PydanticCustomError("request", "{what}, such as get: /path. {hint}", told)
        if sum(key in step for key in BODIES) > 1:
            raise PydanticCustomError("body", "has two bodies. Keep one of json, form and body")
        path = step.pop(named[0])
        return {**step, "method": named[0].upper(), "path": path}

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """Return the keys of a step."""
        fields = (f.alias or name for name, f in cls.model_fields.items())
        return (*METHODS, *(name for name in fields if name not in ("method", "path")))

    @property
    def has_json(self) -> bool:
        """Tell whether a JSON body is given; it may be null."""
        return "json_" in self.model_fields_set

    @property
    def title(self) -> str:
        """Return the step as a person reads it."""
        return self.name or f"{self.method} {self.path}"

    def used(self) -> set[str]:
        """Return the names that the step needs to be filled."""
        expected = [
            *self.expect.header.values(), *self.expect.json_.values(), self.expect.text,
        ]  # fmt: skip
        texts = [test for one in expected if one for test in one.tests]
        sent = (self.path, self.headers, self.params, self.json_, self.form, self.body)
        basic = (self.basic.user, self.basic.password) if self.basic else ()
        return set(fill.names([*sent, *basic, *texts]))


class Generated(Part):
    """Rows made from a schema, as `golive generate-data` makes them."""

    generate: str
    rows: Annotated[int, Field(gt=0, le=10_000)] = 10
    seed: int = 7
    table: str = ""


class OpenApi(Part):
    """An OpenAPI description whose operations are tested with made-up cases."""

    file: str
    cases: Annotated[int, Field(gt=0, le=10_000)] = CASES
    seed: int = 7
    only: list[str] = Field(default_factory=list[str])
    skip: list[str] = Field(default_factory=list[str])
    without: list[str] = Field(default_factory=list[str])


class Checks(Part):
    """A document: each row is a test, whose steps run in order until one fails."""

    checks: str
    base: str = ""
    rows: list[dict[str, Scalar]] | str | Generated | None = None
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    steps: list[Step] = Field(default_factory=list[Step])
    openapi: str | OpenApi | None = None
    retries: Annotated[int, Field(ge=0, le=MOST_RETRIES)] = 0
    insecure: bool = False
    ca: str = ""
    follow: bool = True
    allow: list[str] = Field(default_factory=list[str])
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_body_mib: Annotated[float, Field(gt=0, le=1024)] = 8.0
    keep: Literal["all", "failed", "none"] = "all"

    @model_validator(mode="after")
    def _something(self) -> Checks:
        if not self.steps and self.openapi is None:
            raise PydanticCustomError("empty", "has nothing to check. Write steps: or openapi:")
        if self.steps and self.openapi is not None:
            raise PydanticCustomError("both", "has steps and openapi. Write two documents")
        return self


def read(path: Path) -> tuple[Checks, YamlFile]:
    """Return a document and its file; raises UsageError with file, line and key."""
    file = YamlFile.read(path)
    return file.load(Checks), file


def check_names(document: Checks, file: YamlFile, columns: Iterable[str]) -> None:
    """Refuse a `{name}` that neither the rows nor an earlier step gives; raises UsageError."""
    known = set(columns)
    for name in fill.names([document.base, document.headers]):
        if name not in known:
            raise file.error(("base",), f"uses {{{name}}}, which no row has", near(name, known))
    for index, step in enumerate(document.steps):
        for name in sorted(step.used() - known):
            raise file.error(
                ("steps", index), f"uses {{{name}}}, which no row has and no earlier step captures",
                near(name, known),
            )  # fmt: skip
        known |= step.capture.keys()
