"""What a target is: the verbs of one system outside. Framework; a target is a file beside it.

A target is one class derived from `Target` with a `type`; `golive_actions/find.py` finds it. A
verb is a method marked `reads`, `makes` or `sets`, whose parameters are those of the action and
whose docstring is its help. A verb talks to no server itself: it yields requests and is given the
answers, so that the same lines perform an action and show what it would do. It sends at most one
request whose change people can see, after the lookups that it needs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

from pydantic import BaseModel, ValidationError, field_validator

from golive_core.errors import SettingsError, SourceError
from golive_core.http import Answer, Endpoint, Following, Http, Request, Retry, wrong_status
from golive_core.http.paging import dig
from golive_core.lake import Lake
from golive_core.redact import MASK, masked
from golive_core.settings import Instance, resolve

Kind = Literal["reads", "makes", "sets"]
Json = dict[str, Any]
Flow = Generator[Request, Answer, object]
"""What a verb of a server returns: requests out, answers in, the result at the end."""
Part = Generator[Request, Answer, list[Json]]
Method = TypeVar("Method", bound=Callable[..., object])
JSON = {"content-type": "application/json"}
SECRET_HEADERS = ("authorization", "private-token")
PAGE = 100
"""Entries of a list that are asked for at once."""


@runtime_checkable
class Effect(Protocol):
    """What a verb without a server returns: something to do here."""

    def shown(self) -> Json:
        """Return what would be done, as JSON."""
        ...

    def perform(self) -> Json:
        """Do it and return what was done, as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """What a verb does to the world, and a format of its parameters that names what it does it to.

    The same `sets` twice in a row is the same state once; the same `makes` twice is two things.
    """

    kind: Kind
    subject: str


def reads(method: Method) -> Method:
    """Mark a verb that changes nothing."""
    return _marked(method, Mark("reads", ""))


def makes(subject: str) -> Callable[[Method], Method]:
    """Mark a verb that makes something new or sets something off."""
    return lambda method: _marked(method, Mark("makes", subject))


def sets(subject: str) -> Callable[[Method], Method]:
    """Mark a verb that brings `subject` into a state, whatever state it was in."""
    return lambda method: _marked(method, Mark("sets", subject))


def _marked(method: Method, mark: Mark) -> Method:
    setattr(method, MARKED, mark)
    return method


MARKED = "golive_verb"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action happens: the configured instance, the lake, and golive.toml's folder."""

    instance: Instance
    lake: Lake
    base: Path | None = None

    def secret(self, reference: str) -> str:
        """Return the secret that `env:NAME` or `file:PATH` stands for, empty for none."""
        return resolve(reference, base=self.base) if reference else ""


class Options(BaseModel, extra="ignore"):
    """The options of an instance that every server's target takes; others are the source's."""

    url: str = ""
    user: str = ""
    token: str = ""
    ca: Path | None = None
    verify: bool = True
    proxy: str | None = None
    timeout_s: float = 30.0

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("begin it with https:// or http://")
        return value.rstrip("/")


class Target:
    """One system outside. `url` is where it is unless the instance says otherwise."""

    type: ClassVar[str]
    title: ClassVar[str]
    url: ClassVar[str] = ""
    example: ClassVar[str]
    retry: ClassVar[Retry] = Retry()

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def options(self) -> Options:
        """The options of the instance; raises SettingsError for one that cannot be."""
        return shaped(self.place.instance, Options)

    def root(self) -> str:
        """Return the address that the paths of requests are below."""
        url = self.options.url or self.url
        if not url:
            where = f"[source.{self.place.instance.name}]"
            raise SettingsError("has no url", where=where, hint='Add url = "https://..."')
        return url

    def credentials(self) -> dict[str, str]:
        """Return the headers that say who asks; user and token, or the token alone."""
        options = self.options
        secret = self.place.secret(options.token)
        if options.user:
            return {"authorization": basic(options.user, secret)}
        return {"authorization": f"Bearer {secret}"} if secret else {}

    def headers(self) -> dict[str, str]:
        """Return further headers of every request."""
        return {"accept": "application/json"}

    def http(self) -> Http:
        """Return a client of the server; secrets are resolved now."""
        options = self.options
        base = self.place.base
        http = Http(
            Endpoint(
                self.root(), where=self.place.instance.name,
                headers={**self.headers(), **self.credentials()},
                timeout_s=options.timeout_s, verify=options.verify, proxy=options.proxy,
                ca=(base or Path()) / options.ca if options.ca else None, retry=self.retry,
                home=self.place.lake.root.parent,
            )
        )  # fmt: skip
        http.limits.may_use_reserve = True
        return http

    def shown(self, request: Request) -> Json:
        """Return a request as it would be sent, secrets masked."""
        path = request.path
        url = path if "://" in path else f"{self.root()}/{path.lstrip('/')}"
        query = "&".join(f"{name}={value}" for name, value in request.params.items())
        headers = {**self.headers(), **request.headers}
        if self.options.token:
            headers["authorization"] = MASK
        return {
            "method": request.method,
            "url": masked(f"{url}?{query}" if query else url),
            "headers": {key: MASK if key in SECRET_HEADERS else masked(value, key)
                        for key, value in headers.items()},
            "body": masked(_body(request)),
        }  # fmt: skip


O = TypeVar("O", bound=BaseModel)  # noqa: E741 - one letter, as type variables are


def shaped(instance: Instance, options: type[O]) -> O:
    """Return the options of an instance; raises SettingsError that names those that are wrong."""
    try:
        return options(**instance.options)
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(wrong), where=f"[source.{instance.name}]") from None


def basic(user: str, secret: str) -> str:
    """Return the Authorization header of user and password."""
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


def ask(path: str, **params: str) -> Request:
    """Return a GET."""
    return Request(path, params)


def send(
    path: str, body: object, *, method: str = "POST", accepts: tuple[int, ...] = (),
    headers: Mapping[str, str] = JSON,
) -> Request:  # fmt: skip
    """Return a request that changes something; `accepts` are statuses that the verb judges."""
    content = json.dumps(body, ensure_ascii=False).encode()
    return Request(
        path, method=method, headers=headers, content=content, accepts=frozenset(accepts),
        expect="any",
    )  # fmt: skip


def every(first: Request, following: Following, at: str = "", *, limit: int | None = None) -> Part:
    """Return the objects of a list, page after page; `at` is the key that holds the list."""
    found: list[Json] = []
    request: Request | None = first
    while request and (limit is None or len(found) < limit):
        answer = yield request
        found += objects(answer, at)
        request = following(answer)
    return found[:limit]


def objects(answer: Answer, at: str = "") -> list[Json]:
    """Return the list of objects in an answer, empty if there is none."""
    value = answer.object().get(at) if at else answer.json()
    entries = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", one) for one in entries if isinstance(one, dict)]


def within(thing: Json, *path: str) -> Json:
    """Return the object at a path inside another, an empty one if there is none."""
    found = dig(thing, path)
    return cast("Json", found) if isinstance(found, dict) else {}


def refused(answer: Answer) -> SourceError:
    """Return the error for an answer that a verb looked at and could make nothing of."""
    return wrong_status(answer.status, answer.headers, answer.where, answer.start())


def _body(request: Request) -> object:
    if request.content is None:
        return None
    try:
        return json.loads(request.content)
    except ValueError:
        return request.content.decode("utf-8", "replace")
