"""Where a cluster is and who asks it, from a kubeconfig file: one context of it.

Programs that fetch credentials (`exec`, `auth-provider`) are not run: a file that is read on a
schedule must not start programs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from golive_core.errors import SettingsError
from golive_core.toml import near

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cluster:
    """How one cluster is asked; texts are PEM, empty where the file says nothing."""

    url: str
    ca_pem: str = ""
    verify: bool = True
    token: str = field(default="", repr=False)
    certificate: tuple[str, str] | None = field(default=None, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)


def read(path: Path, context: str = "") -> Cluster:
    """Return the cluster of a context, the current one unless named; raises SettingsError."""
    import yaml

    try:
        found = cast("object", yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        what = f"the kubeconfig cannot be read ({type(error).__name__})"
        raise SettingsError(what, where=str(path), hint="Name a kubeconfig file") from error
    if not isinstance(found, dict):
        raise SettingsError("not a kubeconfig", where=str(path), hint="Name a kubeconfig file")
    return _File(path, cast("Json", found)).cluster(context)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    found: Json

    def cluster(self, context: str) -> Cluster:
        chosen = self._named("contexts", context or str(self.found.get("current-context") or ""))
        place = self._named("clusters", str(chosen.get("cluster") or ""))
        user: Json = self._named("users", str(chosen["user"])) if chosen.get("user") else {}
        if "exec" in user or "auth-provider" in user:
            raise SettingsError(
                f"user {chosen['user']!r} signs in with a program, which is not run here",
                where=str(self.path),
                hint="Name url and token instead; kubectl create token makes one",
            )
        certificate, key = self._text(user, "client-certificate"), self._text(user, "client-key")
        name = str(user.get("username") or "")
        return Cluster(
            str(place.get("server") or ""), self._text(place, "certificate-authority"),
            not place.get("insecure-skip-tls-verify"), self._token(user),
            (certificate, key) if certificate and key else None,
            (name, str(user.get("password") or "")) if name else None,
        )  # fmt: skip

    def _named(self, kind: str, name: str) -> Json:
        entries = cast("list[Json]", self.found.get(kind) or [])
        known = {str(one.get("name")): one for one in entries}
        if name not in known:
            raise SettingsError(
                f"no {kind.removesuffix('s')} is called {name!r}", where=str(self.path),
                hint=near(name, known),
            )  # fmt: skip
        return cast("Json", known[name].get(kind.removesuffix("s")) or {})

    def _text(self, table: Json, key: str) -> str:
        """Return a text that stands in the file in Base64, or in a file beside it."""
        try:
            if data := table.get(f"{key}-data"):
                return base64.b64decode(str(data), validate=True).decode()
            return self._beside(str(table[key])) if table.get(key) else ""
        except (OSError, binascii.Error, UnicodeDecodeError) as error:
            what = f"{key} cannot be read ({type(error).__name__})"
            raise SettingsError(what, where=str(self.path), hint="Mend the kubeconfig") from error

    def _token(self, user: Json) -> str:
        if file := user.get("tokenFile"):
            return self._text({"token": file}, "token").strip()
        return str(user.get("token") or "")

    def _beside(self, name: str) -> str:
        return (self.path.parent / Path(name).expanduser()).read_text()
