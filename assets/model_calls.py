"""The calls to language models in the lake: what was spent, what was answered, what was sent.

Agents get a `LakeLedger` and never write themselves. Each call is a commit of its own: it costs
money, so it must not be lost with the process that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from golive_agents.calls import Call, Spent
from golive_agents.client import Client
from golive_core import settings
from golive_core.artifacts import ArtifactStore
from golive_core.errors import SettingsError
from golive_core.lake import Lake
from golive_core.schema import LLM_CALLS, conform
from golive_core.settings import Settings


@dataclass(frozen=True)
class LakeLedger:
    """A ledger (`golive_agents.calls`) over ops.llm_calls."""

    lake: Lake

    def spent(self, day: date) -> Spent:
        """Return the tokens and US dollars of the calls of a UTC day."""
        rows = self.lake.lookup(LLM_CALLS.name, day=day)
        tokens = sum([*rows["tokens_in"].to_list(), *rows["tokens_out"].to_list()])
        return Spent(tokens, sum(rows["cost_usd"].to_list()))

    def answer(self, request_hash: str, since: datetime) -> str | None:
        """Return the newest answer to the same question since then (aware), None without one."""
        rows = self.lake.lookup(LLM_CALLS.name, request_hash=request_hash, status="answered")
        found = rows.filter(pl.col("at") >= since).sort("at")["answer"]
        return found[-1] if len(found) else None

    def keep(self, call: Call, pictures: Sequence[bytes] = ()) -> None:
        """Write a call, after the pictures that were sent; raises LakeError."""
        if call.sent and pictures:
            store = ArtifactStore(self.lake.root.parent)
            for one in pictures:
                store.put_bytes(one, is_packed=True)
        frame = pl.DataFrame([call.row()], schema_overrides=LLM_CALLS.schema)
        with self.lake.transaction("model call") as txn:
            txn.insert(LLM_CALLS.name, conform(LLM_CALLS, frame))


def client_of(lake: Lake, known: Settings) -> Client:
    """Return the client of the configured model, once every configured secret can be masked.

    A secret that cannot be read is none that a log could hold from here; the model's own key has to
    be there. Raises SettingsError.
    """
    for reference in _references(known):
        try:
            settings.resolve(reference, base=known.base)
        except SettingsError:
            continue
    return Client(known.model, LakeLedger(lake))


def _references(known: Settings) -> list[str]:
    """Return the references to secrets of sources and targets."""
    every = [*known.instances.values(), *known.targets.values()]
    texts = [text for one in every for text in (one.webhook_secret, *one.options.values())]
    return [one for one in texts if isinstance(one, str) and settings.REFERENCE.fullmatch(one)]
