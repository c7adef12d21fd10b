"""What boto3 raises, as errors of golive_core/errors.py. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from golive_core.errors import (
    GoLiveError,
    SettingsError,
    SourceAuthError,
    SourceDataError,
    SourceError,
    SourceUnreachableError,
)
from golive_core.http.quota import throttle_s
from golive_core.http.retry import SERVER_ERRORS, Trial
from golive_core.http.trouble import throttled
from golive_core.redact import redact

THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "ProvisionedThroughputExceededException", "BandwidthLimitExceeded", "SlowDown",
    "LimitExceededException", "EC2ThrottledException", "PriorRequestNotComplete", "429",
})  # fmt: skip
"""Error codes that say: slower. AWS sends most of them with status 400."""
SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
SKEW_TEXT = re.compile(r"signature (?:expired|not yet current)|time.{0,20}too.{0,10}skew", re.I)
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
UNKNOWN = frozenset({
    "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException",
    "SignatureDoesNotMatch", "InvalidAccessKeyId", "MissingAuthenticationToken", "AuthFailure",
    "MissingAuthenticationTokenException", "IncompleteSignature", "NotAuthorized", "401",
})  # fmt: skip
NAMED = sorted(one for one in UNKNOWN | EXPIRED | SKEWED if not one.isdigit())
ACTION = re.compile(r"perform:? ([\w-]+:\w+)")
TOO_MANY = 429
ALLOW = "Allow"
"""How the mend of a missing right begins: who asks is known and may not do this."""
SIGN_IN = "Check the keys or the profile: aws sts get-caller-identity tells who they belong to"
NTP = "Let this machine follow a time server (NTP): AWS refuses signatures of other times"
SERVER = "AWS is in trouble: try again later"
REACH = "Check the region, endpoint_url and the network, then try again"
DEAD = ("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "SSLError",
        "ConnectionClosedError", "HTTPClientError", "ProxyConnectionError", "ConnectionError",
        "IncompleteReadError", "ResponseStreamingError")  # fmt: skip
BROKEN = ("BrokenOffError", "ResponseParserError")
SIGNED_OUT = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
              "TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError",
              "NoAuthTokenError", "RefreshWithMFAUnsupportedError")  # fmt: skip
WRONG_SETTINGS = ("ProfileNotFound", "NoRegionError", "InvalidRegionError", "ConfigParseError",
                  "ParamValidationError", "UnknownServiceError", "InvalidConfigError")  # fmt: skip


class BrokenOffError(Exception):
    """An answer that lacks its end."""


def trial(error: Exception, attempt: int) -> Trial:
    """Return the attempt for the policies of golive_core.http.retry: every call here only reads."""
    code, status, headers = _told(error)
    if code in THROTTLED:
        return Trial("GET", attempt, TOO_MANY, headers)
    if _is(error, DEAD) or _is(error, BROKEN):
        return Trial("GET", attempt, status, headers, is_broken_off=True)
    return Trial("GET", attempt, status, headers)


def mapped(error: Exception, where: str, action: str) -> GoLiveError:
    """Return the GoLive error for what boto3 raised; `action` is the IAM action of the call."""
    if isinstance(error, GoLiveError):
        error.where = error.where or where
        return error
    text = redact(_said(error) or str(error)).strip() or type(error).__name__
    if _is(error, ("ClientError",)):
        return _refused(error, where, action, text)
    for names, kind, hint in KINDS:
        if _is(error, names):
            return kind(text, where=where, hint=hint)
    return SourceError(f"{type(error).__name__}: {text}", where=where, hint=REACH)


KINDS: tuple[tuple[tuple[str, ...], type[GoLiveError], str], ...] = (
    (SIGNED_OUT, SourceAuthError, f"Sign in (aws sso login) or name keys. {SIGN_IN}"),
    (WRONG_SETTINGS, SettingsError, "Mend region, profile or endpoint_url in golive.toml"),
    (DEAD, SourceUnreachableError, REACH),
    (BROKEN, SourceDataError,
     "Something between here and AWS cuts or changes answers; ask again later"),
)  # fmt: skip


def _refused(error: Exception, where: str, action: str, text: str) -> SourceError:
    """Return the error for an answer of AWS that says no."""
    code, status, headers = _told(error)
    if code in THROTTLED or throttle_s(status, headers) is not None:
        wait = throttle_s(TOO_MANY, headers) if "retry-after" in headers else 60.0
        return throttled(f"{code}: asked to come back", wait or 0.0, where)
    if kind := _of_identity(code, status, text, action):
        return SourceAuthError(kind[0], where=where, hint=kind[1])
    if status in SERVER_ERRORS:
        return SourceUnreachableError(text, where=where, hint=SERVER)
    return SourceDataError(text, where=where, hint="Check what the source names in golive.toml")


def _of_identity(code: str, status: int, text: str, action: str) -> tuple[str, str] | None:
    """Return what is wrong with who asks, and the mend; None if it is not that."""
    if code in SKEWED or SKEW_TEXT.search(text):
        return f"the clocks differ: {text}", NTP
    if code in EXPIRED:
        return text, "Sign in again, or name fresh keys"
    if code in UNKNOWN or status == 401:  # noqa: PLR2004 - Unauthorized
        return text, SIGN_IN
    if code in DENIED or status == 403:  # noqa: PLR2004 - Forbidden
        found = ACTION.search(text)
        return text, f"{ALLOW} {found[1] if found else action} in the IAM policy"
    return None


def _said(error: Exception) -> str:
    """Return code and message of an error that AWS answered with, empty for any other."""
    answer = cast("dict[str, Any]", getattr(error, "response", None) or {})
    said: Mapping[str, object] = answer.get("Error") or {}
    return ": ".join(str(said[key]) for key in ("Code", "Message") if said.get(key))


def _told(error: Exception) -> tuple[str, int, Mapping[str, str]]:
    """Return code, status and headers (lower case) of an error of AWS."""
    answer = cast("dict[str, Any]", getattr(error, "response", None) or {})
    meta: dict[str, Any] = answer.get("ResponseMetadata") or {}
    given: Mapping[str, str] = meta.get("HTTPHeaders") or {}
    headers = {name.lower(): value for name, value in given.items()}
    said: Mapping[str, object] = answer.get("Error") or {}
    code = str(said.get("Code", "")).rpartition("#")[2]
    if code.isdigit():  # the body was not of the protocol; the name may stand in it all the same
        code = next((one for one in NAMED if one in str(error)), code)
    return code, int(meta.get("HTTPStatusCode", 0)), headers


def _is(error: Exception, names: tuple[str, ...]) -> bool:
    """Tell whether an error is of these classes of botocore, which is not imported for it."""
    return any(kind.__name__ in names for kind in type(error).__mro__)
