"""An answer held against a step's expectations, and what is captured from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonpath import JSONPathError

from golive_runner.rest.client import Exchange
from golive_runner.rest.document import Capture, Expect, compiled
from golive_runner.rest.fill import Values, shown
from golive_runner.rest.matcher import MISSING, Matcher
from golive_runner.rest.schema import Schema

Json = object


class NoJsonError(ValueError):
    """The body is not JSON; the text says where it breaks."""


def problems(
    expect: Expect, exchange: Exchange, values: Values, schema: Schema | None
) -> list[str]:
    """Return each expectation that does not hold, as a sentence."""
    found = [*_status(expect, exchange), *_headers(expect, exchange, values)]
    if expect.json_ or schema is not None:
        try:
            body = parsed(exchange)
        except NoJsonError as error:
            return [*found, f"the body is not JSON: {error}"]
        for path, matcher in expect.json_.items():
            found += [f"{path} {said}" for said in matcher.wrong(at(path, body), values)]
        found += schema.wrong(body) if schema else []
    if expect.text:
        found += [f"the body {said}" for said in expect.text.wrong(exchange.text(), values)]
    most_s = (expect.faster_than_ms or 0) / 1000
    if most_s and exchange.total_s > most_s:
        said = f"took {1000 * exchange.total_s:.0f} ms, expected less than"
        found.append(f"{said} {expect.faster_than_ms:g} ms")
    return found


def parsed(exchange: Exchange) -> Json:
    """Return the body as JSON; raises NoJsonError."""
    try:
        return json.loads(exchange.body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NoJsonError(str(error) or type(error).__name__) from error


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def at(path: str, body: Json) -> object:
    """Return what stands at a JSONPath: one value, or a list where it may name several."""
    query = compiled(path)
    try:
        found = query.findall(cast("Any", body))
    except JSONPathError:
        return MISSING
    if not query.singular_query():
        return found
    return found[0] if found else MISSING


def _status(expect: Expect, exchange: Exchange) -> Iterator[str]:
    wanted, status = expect.statuses(), str(exchange.status)
    is_right = any(status == one or one == f"{status[0]}xx" for one in wanted)
    if not (is_right if wanted else exchange.status < 400):  # noqa: PLR2004 - the first error status
        yield f"status is {status}, expected {' or '.join(wanted) or 'one below 400'}"


def _headers(expect: Expect, exchange: Exchange, values: Values) -> Iterator[str]:
    for name, matcher in expect.header.items():
        value: object = exchange.header(name)
        if (
            name.lower() == "content-type"
            and isinstance(value, str)
            and not _has_parameter(matcher)
        ):
            value = value.partition(";")[0].strip()
        as_text = Matcher(
            tuple((word, _header_value(word, given)) for word, given in matcher.tests)
        )
        found = MISSING if value is None else value
        yield from (f"header {name} {said}" for said in as_text.wrong(found, values))


def _has_parameter(matcher: Matcher) -> bool:
    return any(";" in str(given) for _, given in matcher.tests)


def _header_value(word: str, given: object) -> object:
    is_number = isinstance(given, (int, float)) and word in ("equals", "not", "contains")
    return shown(given) if is_number else given


def captured(wanted: Mapping[str, str | Capture], exchange: Exchange) -> dict[str, object]:
    """Return the captured values; raises KeyError with a sentence where there is none."""
    return {name: _capture(name, source, exchange) for name, source in wanted.items()}


def _capture(name: str, source: str | Capture, exchange: Exchange) -> object:
    chosen = Capture(json=source) if isinstance(source, str) else source
    found, place = _source(name, chosen, exchange)
    if chosen.pattern and isinstance(found, str):
        match = re.search(chosen.pattern, found)
        place = f"match of {chosen.pattern} in {place}"
        found = match[match.re.groups and 1] if match else None
    if found is MISSING or found is None:
        raise KeyError(f"{name} cannot be captured: there is no {place}")
    return found


def _source(name: str, chosen: Capture, exchange: Exchange) -> tuple[object, str]:
    """Return the value that a capture looks at, and what it is called."""
    if chosen.header:
        return exchange.header(chosen.header), f"header {chosen.header}"
    if not chosen.json_:
        return exchange.text(), "the body"
    try:
        return at(chosen.json_, parsed(exchange)), chosen.json_
    except NoJsonError as error:
        raise KeyError(f"{name} cannot be captured: the body is not JSON: {error}") from error
