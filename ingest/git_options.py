"""What golive.toml may say about a Git repository, and what an address of one is made of."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from ingest.parse import git_refs

SCHEMES = ("http", "https", "ssh", "git", "file")
SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:(?!//).+")


class GitOptions(BaseModel):
    """Options of `[source.<name>]` with `type = "git"`; without path and url it is `path = "."`.

    `refs` are the prefixes of the refs that count; `copies` also looks for copied files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    url: str | None = None
    user: str | None = None
    token: str | None = None
    refs: tuple[str, ...] = git_refs.PREFIXES
    copies: bool = False

    @model_validator(mode="before")
    @classmethod
    def _one_place(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take a URL that stands under `path` for a URL."""
        options = dict(data)
        if options.get("path") and options.get("url"):
            raise ValueError("give path or url, not both")
        if isinstance(options.get("path"), str) and is_url(options["path"]):
            options["url"] = options.pop("path")
        return options

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        """Refuse what git would take for an option or for the name of a program."""
        named = re.match(r"(\w+)(::|://)", value or "")
        foreign = named and (named[1] not in SCHEMES or named[2] == "::")
        if foreign or (value or "").startswith("-"):
            raise ValueError(f"must begin with one of {', '.join(SCHEMES)}, or be user@host:path")
        return value

    @field_validator("refs")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not all(re.fullmatch(r"refs(/[\w.-]+)+", one) for one in value):
            raise ValueError('must be prefixes such as "refs/heads"')
        return value


def is_url(text: str) -> bool:
    """Tell whether git would take the text for a remote address."""
    return "://" in text or SCP_LIKE.fullmatch(text) is not None


def apart(url: str) -> tuple[str, str, str]:
    """Return the URL without credentials, the user and the password (empty where there is none).

    The user of an SSH address belongs to the address and stays.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        clean = parts._replace(netloc=re.sub(r":[^@]*@", "@", parts.netloc))
        return (clean.geturl() if parts.netloc else url), "", ""
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, unquote(parts.username or ""), unquote(parts.password or "")
