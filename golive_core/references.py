"""References to secrets: `env:NAME`, `file:PATH`, `sealed:NAME`, resolved at the moment of use.

A secret is never a value in a file of settings; see `golive_core.seal` for sealed ones.
"""

from __future__ import annotations

import re
from pathlib import Path

from golive_core.environment import base_folder, variable
from golive_core.errors import SettingsError

SECRET_WORDS = re.compile(
    r"(^|_)(token|password|passwd|passphrase|secret|api_?key|private_key|access_key)s?$"
)
REFERENCE = re.compile(r"(env|file|sealed):(.+)", re.DOTALL)
_resolved: set[str] = set()


def resolve(reference: str, *, base: Path | None = None) -> str:
    """Return what `env:NAME`, `file:PATH` (from the base folder) or `sealed:NAME` stands for.

    From then on `golive_core.log` masks it. Raises SettingsError if there is none.
    """
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise SettingsError(
            "a secret is given as a value",
            hint='Write "env:NAME", "file:PATH" or "sealed:NAME" instead',
        )
    kind, name = match.groups()
    if kind == "sealed":
        secret = _from_sealed(name, base)
    else:
        secret = _from_variable(name) if kind == "env" else _from_file(base_folder(base) / name)
    _resolved.add(secret)
    return secret


def resolved_secrets() -> frozenset[str]:
    """Return every secret that this process has resolved, for masking."""
    return frozenset(_resolved)


def is_secret_name(key: str) -> bool:
    """Tell whether an option of this name holds a secret: token, password, api_key, ..."""
    return SECRET_WORDS.search(key.lower()) is not None


def _from_sealed(name: str, base: Path | None) -> str:
    from golive_core.seal import sealed
    from golive_core.settings import load

    known = load(base)
    return sealed(known.home, known.secrets.key, base=base).get(name)


def _from_variable(name: str) -> str:
    secret = variable(name).strip()
    if not secret:
        raise SettingsError(
            "the secret is not set", where=f"env:{name}", hint=f"Run: export {name}=..."
        )
    return secret


def _from_file(path: Path) -> str:
    try:
        secret = path.expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret cannot be read ({type(error).__name__})",
            where=f"file:{path}",
            hint="Write it into that file, readable for you alone",
        ) from error
    if not secret:
        raise SettingsError("the secret file is empty", where=f"file:{path}")
    return secret
