"""One value held against what is expected of it: `200`, `{at_least: 3}`, `{matches: ^a}`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from golive_runner.rest.fill import Values, filled
from golive_runner.yaml_file import unknown

LONGEST = 200


class Missing:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Matcher:
    """Every test has to hold: pairs of a word of OPERATORS and what it is given."""

    tests: tuple[tuple[str, object], ...]

    def wrong(self, value: object, values: Values) -> list[str]:
        """Return what does not hold, as sentences without their subject."""
        return [
            said
            for word, given in self.tests
            if (said := _wrong(word, value, filled(given, values)))
        ]


def parsed(value: object) -> Matcher:
    """Return a matcher as the document writes it: a plain value has to be equal."""
    if not isinstance(value, dict):
        return Matcher((("equals", value),))
    tests = cast("dict[str, object]", value)
    for word, given in tests.items():
        if word not in OPERATORS:
            raise unknown(word, OPERATORS)
        _check(word, given)
    return Matcher(tuple(tests.items()))


Expected = Annotated[Matcher, PlainValidator(parsed)]


def _check(word: str, given: object) -> None:
    """Refuse what an operator cannot take, before anything is sent."""
    needed = OPERATORS[word].takes
    if isinstance(given, str) and "{" in given and needed is not bool:
        return
    if word == "length" and isinstance(given, dict):
        parsed(cast("object", given))
    elif not isinstance(given, needed) or (
        isinstance(given, bool) and needed not in (bool, object)
    ):
        raise _refused(word, f"takes {NOUNS[needed]}")
    if word == "matches":
        _compiled(cast("str", given))
    if word == "type" and given not in TYPES:
        raise _refused(word, f"takes one of {', '.join(TYPES)}")


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise _refused("matches", f"is no regular expression: {error}") from error


def _refused(word: str, what: str) -> PydanticCustomError:
    return PydanticCustomError("operator", "is wrong: {word} {what}", {"word": word, "what": what})


def _wrong(word: str, value: object, given: object) -> str:
    operator = OPERATORS[word]
    if value is MISSING and word not in ("present", "absent"):
        return "is missing"
    try:
        holds = operator.holds(value, given)
    except re.error as error:
        return f"cannot be matched with {told(given)}: {error}"
    except TypeError:
        return f"is {told(value)}, which cannot be compared with {told(given)}"
    return "" if holds else f"is {told(value)}, expected {operator.says.format(told(given))}"


def told(value: object) -> str:
    """Return a value as JSON, cut at LONGEST characters."""
    if value is MISSING:
        return "missing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


@dataclass(frozen=True, slots=True)
class Operator:
    """What a word of a matcher tests, how it says so, and the types that it takes."""

    holds: Callable[[Any, Any], bool]
    says: str
    takes: Any = object


def same(one: object, other: object) -> bool:
    """Tell whether two JSON values are equal: true is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("Mapping[str, object]", one), cast("Mapping[str, object]", other)
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(one, list) and isinstance(other, list):
        pair = cast("list[object]", one), cast("list[object]", other)
        return len(pair[0]) == len(pair[1]) and all(same(*two) for two in zip(*pair, strict=True))
    return one == other


def _contains(value: object, given: object) -> bool:
    if isinstance(value, str):
        return str(given) in value
    if isinstance(value, list):
        return any(same(one, given) for one in cast("list[object]", value))
    if isinstance(value, dict):
        return given in cast("dict[object, object]", value)
    raise TypeError


def _matches(value: str, given: str) -> bool:
    return re.search(given, value) is not None


def _has_length(value: object, given: object) -> bool:
    return not parsed(given).wrong(len(cast("Sized", value)), {})


def _is_type(value: object, given: str) -> bool:
    if isinstance(value, bool):
        return given == "boolean"
    return isinstance(value, TYPES[given])


def _one_of(value: object, given: list[object]) -> bool:
    return any(same(value, one) for one in given)


TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "number": (int, float), "integer": int, "boolean": bool, "object": dict,
    "array": list, "null": type(None),
}  # fmt: skip
NUMBER, ORDERED = (int, float), (int, float, str)
NOUNS = {str: "a text", bool: "true or false", list: "a list", NUMBER: "a number",
         ORDERED: "a number or a text"}  # fmt: skip
OPERATORS = {
    "equals": Operator(same, "{}"),
    "not": Operator(lambda value, given: not same(value, given), "anything but {}"),
    "above": Operator(lambda value, given: value > given, "above {}", ORDERED),
    "at_least": Operator(lambda value, given: value >= given, "at least {}", ORDERED),
    "below": Operator(lambda value, given: value < given, "below {}", ORDERED),
    "at_most": Operator(lambda value, given: value <= given, "at most {}", ORDERED),
    "matches": Operator(_matches, "a match of {}", str),
    "contains": Operator(_contains, "it to contain {}"),
    "one_of": Operator(_one_of, "one of {}", list),
    "length": Operator(_has_length, "a length of {}", NUMBER),
    "type": Operator(_is_type, "a value of type {}", str),
    "present": Operator(lambda value, given: (value is not MISSING) is given, "present: {}", bool),
    "absent": Operator(lambda value, given: (value is MISSING) is given, "absent: {}", bool),
}  # fmt: skip
