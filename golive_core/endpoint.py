"""What is configured of a language model: where it is, what it may cost, what may leave.

Read from `[model]` of golive.toml by `golive_core/config_file.py`; used by
`golive_agents/client.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A language model behind an OpenAI-compatible endpoint; without `url` and `name` none is used.

    `may_send` is the consent: nothing leaves this machine before it is true, and no picture before
    `may_send_pictures` is true as well, since what a picture shows cannot be masked. `api_key` is a
    reference. A call that could break a budget is refused before it is made; 0 allows nothing.
    Prices are of a million tokens, 0 where the endpoint costs nothing. Answers are used again for
    `cache_days`.
    """

    url: str = ""
    name: str = ""
    api_key: str = ""
    may_send: bool = False
    may_send_pictures: bool = False
    timeout_s: float = 60.0
    retries: int = 2
    answer_tokens: int = 700
    call_tokens: int = 12_000
    day_tokens: int = 300_000
    call_usd: float = 0.10
    day_usd: float = 2.0
    usd_per_million_in: float = 0.0
    usd_per_million_out: float = 0.0
    cache_days: int = 30

    @property
    def is_configured(self) -> bool:
        """Tell whether there is an endpoint and a model to ask."""
        return bool(self.url and self.name)

    def cost_usd(self, tokens_in: int, tokens_out: int) -> float:
        """Return the price of a call, US dollars."""
        per_million = tokens_in * self.usd_per_million_in + tokens_out * self.usd_per_million_out
        return per_million / 1_000_000
