"""Repositories of a Git host that one instance reads several of: ids, heads, environments, hooks.

What is the same for every such host belongs here, what a host's fields mean in its own parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from golive_core.errors import SourceDataError
from ingest.parse.rows import frame
from ingest.payload import Payload, Tables

KINDS = (
    ("staging", re.compile(r"\b(staging|stage|stg|pre-?prod|pre-?production|uat)\b")),
    ("testing", re.compile(r"\b(test|tests|testing|tst|qa|e2e|integration)\b")),
    ("development", re.compile(r"\b(dev|develop|development|review|preview|sandbox)\b")),
    ("production", re.compile(r"\b(prod|production|prd|live)\b")),
)
"""Words in names of environments; the first that fits counts, so pre-production is staging."""


Hooked = tuple[dict[str, Any], bytes]
"""Context and body of a payload that a webhook stands for."""


def event(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a webhook; raises SourceDataError."""
    try:
        told: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceDataError(f"not JSON ({error})", where="webhook") from error
    if not isinstance(told, dict):
        raise SourceDataError("not a JSON object", where="webhook")
    return cast("dict[str, Any]", told)


def git_source(payload: Payload) -> str:
    """Return the name of the `git` source that reads the same repository, empty for none."""
    named = cast("dict[str, str]", payload.instance.options.get("git_sources") or {})
    return named.get(payload.context["path"], "")


def repository_id(payload: Payload) -> str:
    """Return the id of the payload's repository: the git source's, else instance and path."""
    return git_source(payload) or hosted_id(payload)


def hosted_id(payload: Payload) -> str:
    """Return instance and path, under which a repository's pipelines and requests are known."""
    return f"{payload.instance.name}:{payload.context['path']}"


def own(payload: Payload) -> dict[str, Any]:
    """Return the cells that say whose a row is."""
    return {"project_id": payload.instance.project_id, "source": payload.instance.type}


def heads(
    payload: Payload, found: Iterable[Mapping[str, Any]], *, is_deleted: bool = False
) -> Tables:
    """Return rows of branches by `name`, `sha`, `at` and, where it is told, `default`.

    There are none where a git source reads the repository: it knows more of them.
    """
    rows = [
        {
            "repository_id": repository_id(payload), "branch": one["name"], "kind": "branch",
            "head_sha": one["sha"], "is_default": one.get("default"), "is_deleted": is_deleted,
            "updated_at": one["at"],
        }
        for one in found
    ]  # fmt: skip
    return {} if git_source(payload) else {"core.branches": frame("core.branches", rows)}


def gone_heads(payload: Payload) -> Tables:
    """Return the branches that the last walk did not find any more, as it remembered them."""
    return heads(payload, payload.object().values(), is_deleted=True)


def environment_kind(name: str | None) -> str | None:
    """Return what an environment is for by the words of its name (`prod-eu`, `qa/2`), or None."""
    words = re.sub(r"[_/.\s]+", " ", (name or "").lower())
    return next((kind for kind, known in KINDS if known.search(words)), None)


def part(one: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the object at the end of `names`, an empty one where something is null or absent."""
    found: dict[str, Any] = dict(one)
    for name in names:
        found = found.get(name) or {}
    return found
