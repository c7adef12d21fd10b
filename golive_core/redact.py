"""What a secret looks like, and what takes secrets out of text and of values. Nothing else.

Masks that can be taken back, for text that goes to a model, are in `golive_core/masks.py`.

Two ways to know one: it was resolved in this process (`settings.resolve`), or it has the shape
that its issuer gives it. Better one harmless word masked than one key in a log file.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import lru_cache
from typing import cast
from urllib.parse import quote

from golive_core.settings import resolved_secrets

MASK = "***"
SHORTEST = 4
"""A resolved secret of fewer characters is not masked: it would blank out half of every line."""

SHAPES = (
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
    r".*?(?:-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{6,}\.[\w-]*",  # JSON web token
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",  # AWS key ids
    r"\bgh[pousr]_\w{20,}",  # GitHub
    r"\bgithub_pat_\w{20,}",
    r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas)-[\w.=-]{16,}",  # GitLab
    r"\bxox[a-z]-[\w-]{10,}",  # Slack
    r"\bxapp-[\w-]{10,}",
    r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]+",
    r"(?<=/api/webhooks/)\d+/[\w-]+",  # Discord
    r"(?<=webhook\.office\.com/)[\w@/-]+",  # Teams
    r"\b\d{8,10}:AA[\w-]{30,}",  # Telegram bot
    r"\bsk-[\w-]{20,}",  # OpenAI, Anthropic
    r"\b[rs]k_(?:live|test)_\w{16,}",  # Stripe
    r"\bwhsec_[\w+/=]{16,}",
    r"\bAIza[\w-]{30,}",  # Google
    r"\bya29\.[\w-]{20,}",
    r"\bGOCSPX-[\w-]{20,}",
    r"\bnpm_\w{30,}",  # package registries
    r"\bpypi-[\w-]{30,}",
    r"\brubygems_\w{30,}",
    r"\bdckr_(?:pat|oat)_[\w-]{20,}",
    r"\bSG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"\bkey-[0-9a-f]{32}\b",  # Mailgun
    r"\bdo[opr]_v1_[0-9a-f]{32,}",  # DigitalOcean
    r"\bhv[sbr]\.[\w-]{20,}",  # Vault
    r"\bAT(?:ATT|CTT|BB)[\w=.-]{20,}",  # Atlassian
    r"\bsq[upa]_[0-9a-f]{32,}",  # SonarQube
    r"\bhf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"\bdapi[0-9a-f]{32}",  # Databricks
    r"\bglsa_\w{30,}",  # Grafana
    r"\bNRAK-[A-Z0-9]{20,}",  # New Relic
    r"\bshp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}",  # Shopify
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{50,}",
    r"\b(?:AC|SK)[0-9a-f]{32}\b",  # Twilio
    r"\b[0-9a-f]{32}-us\d{1,2}\b",  # Mailchimp
    r"\blin_api_\w{30,}",  # Linear
    r"\b(?:ntn|secret)_[A-Za-z0-9]{30,}",  # Notion
    r"\bgsk_\w{20,}",  # Groq
    r"\bxai-\w{20,}",
    r"\bpplx-\w{20,}",
    r"\br8_\w{30,}",  # Replicate
    r"\bsntry[su]_[\w+/=-]{20,}",  # Sentry
    r"\b\w{14}\.atlasv1\.[\w-]{30,}",  # Terraform Cloud
    r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.]{20,}",  # Doppler
    r"\bpul-[0-9a-f]{32,}",  # Pulumi
    r"\bsbp_[0-9a-f]{32,}",  # Supabase
    r"\bpscale_(?:tkn|oauth|pw)_[\w-]{20,}",
    r"\bnfp_\w{20,}",  # Netlify
    r"\bFlyV1 fm2_[\w+/=,-]{20,}",
    r"\bfigd_[\w-]{20,}",
    r"\bAKCp[A-Za-z0-9]{50,}",  # JFrog
    r"\bsq0(?:atp|csp)-[\w-]{20,}",  # Square
    r"\b1//0[\w-]{30,}",  # Google refresh token
    r"\bphc_\w{30,}",
    r"\b(?:EAA|EAAC)[A-Za-z0-9]{40,}",  # Facebook
    r"(?<=\bpassword )(?!is\b|for\b|was\b|and\b|to\b|or\b)[^\s'\"]*[\d!@#$%^&*][^\s'\"]*"
    r"(?=\s|$)",  # netrc
)
HEADERS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|private-token|job-token|deploy-token|jenkins-crumb|"
    r"x-(?:api-key|auth-token|gitlab-token|vault-token|amz-security-token|goog-api-key|hub-signature(?:-256)?)|"
    r"api-key"
)
NAMES = (
    r"[\w.-]{0,40}?(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key(?:_?id)?|"
    r"account[_-]?key|sharedaccesskey|private[_-]?key|credentials?|client[_-]?secret|pwd)"
)
QUERY = (
    r"code|key|sig|signature|auth|x-amz-(?:signature|credential|security-token)|x-goog-signature"
)
UNMASKED = r"(?:true|false|none|null|\*{3}|(?:env|file):[\w./~-]*|\d{1,9}(?:\.\d+)?(?![\w.]))"
"""What may follow a telling name and is no secret: truths, numbers, references."""

_shapes = re.compile("|".join(SHAPES), re.DOTALL)
_header = rf"""(?im)\b({HEADERS})(['"]?\s*[:=](?!\s*\*{{3}})\s*).+?(?=['"][,\s}})]|['"]?$)"""
_scheme = r"(?i)\b(bearer|basic|digest|token)(\s+)(?=[\w+/=.~-]{0,200}[\d=+/_-])[\w+/=.~-]{12,}"
_user_in_url = (
    r"""(?i)([a-z][\w+.-]{0,20}://)(?:[^\s/@:'"]{0,200}:[^\s'"/]{1,200}|[^\s/@:'"]{8,200})@"""
)
_query = rf"""(?i)([?&;](?:{NAMES}|{QUERY})=)[^&\s'"#;]+"""
_assigned = (
    rf"""(?i)(?<![\w?&])({NAMES})(\\?['"]?\s*(?:=>|[:=])\s*)"""
    rf"""(?:(\\?['"])(?!{UNMASKED}\\?['"])(?:(?!\3).)+?\3|(?!{UNMASKED})[^\s'"&,;}}]+)"""
)
_option = rf"(?i)(--?{NAMES}[= ])(?!-|{UNMASKED})\S+"
_rules = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (_header, rf"\1\2{MASK}"),
        (_scheme, rf"\1\2{MASK}"),
        (_user_in_url, rf"\1{MASK}@"),
        (_query, rf"\1{MASK}"),
        (_assigned, rf"\1\2{MASK}"),
        (_option, rf"\1{MASK}"),
    )
)


def redact(text: str) -> str:
    """Return `text` with every resolved or recognisable secret replaced by three stars."""
    return replaced(text, lambda _: MASK)


def without_resolved(text: str, mask: Callable[[str], str] = lambda _: MASK) -> str:
    """Return `text` without the secrets that this process resolved: cheap, for large texts."""
    for secret in _spellings(resolved_secrets()):
        if secret in text:
            text = text.replace(secret, mask(secret))
    return text


def replaced(text: str, mask: Callable[[str], str]) -> str:
    """Return `text` with each resolved or recognisable secret replaced by what `mask` gives it."""
    text = without_resolved(text, mask)
    text = _shapes.sub(lambda found: mask(found[0]), text)
    for pattern, template in _rules:
        text = pattern.sub(lambda found, kept=template: _inside(found, kept, mask), text)
    return text


def _inside(found: re.Match[str], template: str, mask: Callable[[str], str]) -> str:
    """Return a match with the part masked that its template has stars for."""
    before, _, after = found.expand(template).rpartition(MASK)
    return before + mask(found[0][len(before) : len(found[0]) - len(after)]) + after


def masked(value: object, key: str = "") -> object:
    """Return `value` without secrets, whatever its nesting; under a telling key all of it goes."""
    if isinstance(value, (int, float, bool)) or value is None:
        return value
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {name: masked(inner, str(name)) for name, inner in items}
    if isinstance(value, (list, tuple, set)):
        return [masked(inner, key) for inner in cast("list[object]", value)]
    prefix = f"{key}="
    return redact(prefix + str(value)).removeprefix(prefix)


@lru_cache(maxsize=4)
def _spellings(secrets: frozenset[str]) -> tuple[str, ...]:
    """Return the secrets as they stand, percent-encoded and in Base64, the longest first."""
    found: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            encoded = base64.b64encode(secret.encode()).decode()
            found |= {secret, quote(secret, safe=""), encoded, encoded.rstrip("=")}
    return tuple(sorted(found, key=len, reverse=True))
