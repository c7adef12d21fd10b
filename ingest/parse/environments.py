"""What kind of environment a name stands for. Knows no source."""

from __future__ import annotations

import re

WORDS = {
    "production": ("production", "prod", "prd", "live"),
    "staging": ("staging", "stage", "stg", "preproduction", "preprod", "pre", "uat", "canary"),
    "testing": ("testing", "test", "qa", "ci", "integration", "e2e", "nonprod", "non"),
    "development": ("development", "develop", "dev", "preview", "review", "sandbox", "local"),
}
KINDS = {word: kind for kind, words in WORDS.items() for word in words}


def environment_kind(name: str | None) -> str | None:
    """Return production, staging, testing or development, or null where no word tells.

    The first word that is known counts: `pre-prod` is staging, `Preview - shop-test` development.
    """
    words = re.findall(r"[a-z]+\d[a-z]+|[a-z]+", (name or "").lower())
    return next((KINDS[word] for word in words if word in KINDS), None)
