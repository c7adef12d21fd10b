"""The one door to language models: any endpoint that speaks OpenAI's protocol, through `openai`.

Nothing is sent unless a model is configured and `may_send` is true. Before that: masks (made by the
caller), the cache, the budgets of a call and of a day. While it answers: a deadline, a bound on the
length, retries with the waits that the server asks for, no redirects. After: the answer is read by
the question's own rules or thrown away, and the call is kept by the ledger in any case. The model
has no tools; what it says is text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from golive_agents.calls import (
    Call,
    Ledger,
    Question,
    Reply,
    Status,
    UnfitAnswerError,
    masked_kinds,
)
from golive_core import settings
from golive_core.endpoint import Model
from golive_core.errors import GoLiveError
from golive_core.redact import redact

if TYPE_CHECKING:
    import openai

Value = TypeVar("Value")
Told = Callable[[str], None]
"""Takes the pieces of an answer as they come; they are not checked yet: do not show them raw."""
CHARS = 3.0
"""Characters of a token, of which estimates make rather too many."""
PICTURE_TOKENS = 1_100
"""Tokens of a picture of up to 768 pixels, rather more than the 765 of
https://platform.openai.com/docs/guides/images-vision#calculating-costs."""
PNG = "data:image/png;base64,"
LONGEST = 40
"""Characters of an answer for each token that it may have, beyond which it is cut off."""


@dataclass(slots=True)
class Heard:
    """What came back so far."""

    text: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_s: float | None = None
    retries: int = 0


class CutError(GoLiveError):
    """An answer that took too long or became too long."""


@dataclass
class Client:
    """Asks one configured model; `ledger` keeps the calls, `clock` gives aware instants.

    Raises SettingsError for a key that cannot be read: it is read first, so that it is masked.
    """

    model: Model
    ledger: Ledger
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _key: str = field(default="none", init=False, repr=False)

    def __post_init__(self) -> None:
        if self.model.api_key and not self.why_not():
            self._key = settings.resolve(self.model.api_key)

    def why_not(self, *, pictures: bool = False) -> str:
        """Return why nothing is asked, with or without pictures; "" where something may be."""
        if not self.model.is_configured:
            return "no model is configured: name one under [model] in golive.toml"
        if not self.model.may_send:
            return "nothing may be sent: set may_send = true under [model] once you agree to it"
        if pictures and not self.model.may_send_pictures:
            return "no picture may be sent: set may_send_pictures = true under [model] for that"
        return ""

    def ask(self, question: Question[Value], on_text: Told | None = None) -> Reply[Value]:
        """Return the value of an answer, or why there is none."""
        if why := self.why_not(pictures=bool(question.pictures)):
            return Reply(None, why)
        call = self._begun(question)
        cached = self.ledger.answer(
            call.request_hash, call.at - timedelta(days=self.model.cache_days)
        )
        if cached is not None:
            return self._read(question, replace(call, answer=cached), "cached")
        if refusal := self._over_budget(question, call.at):
            return self._kept(replace(call, status="refused", reason=refusal))
        return self._asked(question, call, on_text)

    # ---------------------------------------------------------------- before

    def _begun(self, question: Question[Any]) -> Call:
        at = self.clock()
        content = json.dumps(
            [self.model.name, question.sent, question.schema, self.model.answer_tokens]
        )
        request = hashlib.sha256(content.encode()).hexdigest()
        return Call(
            uuid.uuid4().hex, at, question.agent, question.subject,
            question.prompt, self.model.name, urlsplit(self.model.url).hostname or "", request,
            "answered", masks=masked_kinds(question.masks),
        )  # fmt: skip

    def _over_budget(self, question: Question[Any], at: datetime) -> str:
        """Return which budget the call could break, "" for none."""
        model, into = self.model, expected(question)
        tokens, usd = into + model.answer_tokens, model.cost_usd(into, model.answer_tokens)
        spent = self.ledger.spent(at.astimezone(UTC).date())
        limits = (
            ("call_tokens", tokens, model.call_tokens), ("call_usd", usd, model.call_usd),
            ("day_tokens", spent.tokens + tokens, model.day_tokens),
            ("day_usd", spent.usd + usd, model.day_usd),
        )  # fmt: skip
        over = next(((name, n, most) for name, n, most in limits if n > most), None)
        return f"model.{over[0]} allows {over[2]:g}, this needs up to {over[1]:g}" if over else ""

    # ---------------------------------------------------------------- the call

    def _asked(self, question: Question[Value], call: Call, on_text: Told | None) -> Reply[Value]:
        began, heard = time.monotonic(), Heard()
        call = replace(call, sent=question.sent)
        failure = ""
        try:
            for piece in self._stream(question, heard, began):
                if on_text:
                    on_text(piece)
        except CutError as error:
            failure = error.what
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the call is kept
            failure = _told(error)
        call = self._counted(question, call, heard, time.monotonic() - began)
        if failure:
            return self._kept(replace(call, status="failed", reason=failure), question.pictures)
        return self._read(question, call, "answered")

    def _stream(self, question: Question[Any], heard: Heard, began: float) -> Iterator[str]:
        """Yield the pieces of the answer; `heard` is filled as they come."""
        with self._library() as library:
            for chunk in _chunks(library, self.model, question, heard):
                if chunk.usage is not None:
                    heard.tokens_in = chunk.usage.prompt_tokens
                    heard.tokens_out = chunk.usage.completion_tokens
                piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
                if piece and heard.first_s is None:
                    heard.first_s = time.monotonic() - began
                heard.text += piece
                self._bound(heard, began)
                if piece:
                    yield piece

    def _bound(self, heard: Heard, began: float) -> None:
        if time.monotonic() - began > self.model.timeout_s:
            raise CutError(f"it took longer than {self.model.timeout_s:g} s")
        if len(heard.text) > LONGEST * self.model.answer_tokens:
            raise CutError("the answer went on and on")

    def _library(self) -> openai.OpenAI:
        import openai

        # A redirect would take what is sent to a host that nobody agreed to.
        http = openai.DefaultHttpxClient(
            follow_redirects=False, timeout=self.model.timeout_s, trust_env=False
        )
        return openai.OpenAI(
            base_url=self.model.url,
            api_key=self._key,
            max_retries=self.model.retries,
            http_client=http,
        )

    # ---------------------------------------------------------------- after

    def _counted(self, question: Question[Any], call: Call, heard: Heard, took_s: float) -> Call:
        into = heard.tokens_in if heard.tokens_in is not None else expected(question)
        out = heard.tokens_out if heard.tokens_out is not None else estimate(heard.text)
        return replace(
            call, answer=redact(heard.text) or None, tokens_in=into, tokens_out=out,
            cost_usd=self.model.cost_usd(into, out), first_token_s=heard.first_s,
            duration_s=took_s, retries=heard.retries,
        )  # fmt: skip

    def _read(self, question: Question[Value], call: Call, status: Status) -> Reply[Value]:
        """Return what the answer says, if it is fit; it is kept in any case."""
        try:
            value = question.read(call.answer or "")
        except UnfitAnswerError as error:
            why = replace(call, status="rejected", reason=str(error)[:500])
            return self._kept(why, question.pictures)
        call = replace(call, status=status)
        self.ledger.keep(call, question.pictures)
        return Reply(value, "", call)

    def _kept(self, call: Call, pictures: Sequence[bytes] = ()) -> Reply[Any]:
        self.ledger.keep(call, pictures)
        return Reply(None, call.reason or "", call)


def estimate(text: str) -> int:
    """Return about how many tokens a text has, rather more than it has."""
    return math.ceil(len(text) / CHARS)


def expected(question: Question[Any]) -> int:
    """Return about how many tokens a question has, rather more than it has."""
    return estimate(question.sent) + PICTURE_TOKENS * len(question.pictures)


def _with_pictures(question: Question[Any]) -> list[dict[str, Any]]:
    """Return the messages, the pictures as parts of the last."""
    *before, last = map(dict, question.messages)
    parts = [
        {"type": "image_url", "image_url": {"url": f"{PNG}{base64.b64encode(one).decode()}"}}
        for one in question.pictures
    ]
    content = [{"type": "text", "text": last["content"]}, *parts] if parts else last["content"]
    return [*before, {**last, "content": content}]


def _chunks(library: Any, model: Model, question: Question[Any], heard: Heard) -> Iterator[Any]:  # noqa: ANN401 - the library's own
    """Yield the chunks of a stream; a server without structured answers is asked without them."""
    import openai

    shape = {"name": "answer", "schema": question.schema, "strict": True}
    wanted: dict[str, Any] = {
        "model": model.name, "messages": _with_pictures(question), "stream": True,
        "max_tokens": model.answer_tokens, "temperature": 0,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    create = library.chat.completions.with_raw_response.create
    try:
        raw = create(**wanted, response_format={"type": "json_schema", "json_schema": shape})
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        del wanted["stream_options"]
        raw = create(**wanted)
    heard.retries = raw.retries_taken
    yield from raw.parse()


def _told(error: Exception) -> str:
    """Return what went wrong in one line, without secrets."""
    text = redact(" ".join(str(error).split()))[:300]
    return f"{type(error).__name__}: {text}"
