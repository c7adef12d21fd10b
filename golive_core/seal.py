"""Secrets at rest: sealed with AES-256-GCM in `.golive/secrets.json`, named as `sealed:NAME`.

The key is not beside them: `[secrets] key` names it as `env:NAME`, `file:PATH` or `command:LINE`,
a command that prints it (a KMS that decrypts it, a keyring). It is 32 bytes in Base64. Each secret
has a nonce of its own (96 random bits, NIST SP 800-38D) and its name as associated data, so that
two sealed secrets cannot change places. Which key sealed it is known by the first bytes of the
key's SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import secrets
import shlex
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golive_core.errors import GoLiveError, SettingsError, UsageError
from golive_core.lock import alone

FILE = "secrets.json"
KEY_BYTES = 32
NONCE_BYTES = 12
COMMAND_S = 30.0
HINT = 'Name the key: [secrets] key = "env:GOLIVE_SECRETS_KEY"; golive secret key makes one'


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to: secrets sealed anew, and both keys by their ids."""

    secrets: int
    old_key: str
    new_key: str


class Sealed:
    """The sealed secrets of one home, opened with one key."""

    def __init__(self, home: Path, key: bytes) -> None:
        self.path = home / FILE
        self._key = key
        self.key_id = key_id(key)

    def names(self) -> list[str]:
        """Return the names of what is sealed."""
        return names(self.path.parent)

    def put(self, name: str, secret: str) -> None:
        """Seal a secret under a name, in place of what it named before."""
        if not name or not secret:
            raise UsageError("a sealed secret needs a name and a value")
        with self._changing() as boxes:
            boxes[name] = self._seal(name, secret)

    def remove(self, name: str) -> None:
        """Forget a secret; raises UsageError where there is none of that name."""
        with self._changing() as boxes:
            if boxes.pop(name, None) is None:
                raise UsageError(f"no secret is sealed as {name!r}", hint="golive secret list")

    def get(self, name: str) -> str:
        """Return a secret; raises SettingsError where it is unknown, of another key, or damaged."""
        box = _read(self.path).get(name)
        where = f"sealed:{name}"
        if box is None:
            hint = f"Seal it: golive secret set {name}"
            raise SettingsError("no secret is sealed under that name", where=where, hint=hint)
        if box["key"] != self.key_id:
            what = f"it is sealed with key {box['key']}, and {self.key_id} was given"
            raise SettingsError(what, where=where, hint="Give the key that sealed it")
        return self._open(name, box)

    def rotate(self, new_key: bytes) -> Rotated:
        """Seal everything with another key, and prove it before the file changes.

        Each secret is opened with the new key and compared, and the old key must not open it.
        """
        fresh = Sealed(self.path.parent, new_key)
        if fresh.key_id == self.key_id:
            raise UsageError("the new key is the old one", hint="golive secret key makes another")
        with self._changing() as boxes:
            for name in list(boxes):
                secret = self.get(name)
                boxes[name] = fresh._seal(name, secret)
                if fresh._open(name, boxes[name]) != secret or self._opens(name, boxes[name]):
                    raise GoLiveError("a secret was not sealed anew", where=f"sealed:{name}")
            return Rotated(len(boxes), self.key_id, fresh.key_id)

    def _seal(self, name: str, secret: str) -> dict[str, str]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        box = AESGCM(self._key).encrypt(nonce, secret.encode(), name.encode())
        return {"key": self.key_id, "nonce": _text(nonce), "box": _text(box)}

    def _open(self, name: str, box: dict[str, str]) -> str:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            nonce, sealed = _bytes(box["nonce"]), _bytes(box["box"])
            return AESGCM(self._key).decrypt(nonce, sealed, name.encode()).decode()
        except (InvalidTag, ValueError, KeyError) as error:
            hint = f"It was edited, or sealed under another name: golive secret set {name}"
            raise SettingsError(
                "the sealed secret is damaged", where=f"sealed:{name}", hint=hint
            ) from (error)

    def _opens(self, name: str, box: dict[str, str]) -> bool:
        try:
            self._open(name, box)
        except SettingsError:
            return False
        return True

    @contextmanager
    def _changing(self) -> Generator[dict[str, Any]]:
        """Lend what is sealed and write it back whole, or leave the file as it is on an error."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with alone(self.path.parent, "secrets"):
            boxes = _read(self.path)
            yield boxes
            _write(self.path, boxes)


def names(home: Path) -> list[str]:
    """Return the names of what is sealed in a home; needs no key."""
    return sorted(_read(home / FILE))


def sealed(home: Path, reference: str, *, base: Path | None = None) -> Sealed:
    """Return the sealed secrets of a home, with the key that a reference names.

    Raises SettingsError where the key is not named, cannot be had, or is none.
    """
    return Sealed(home, key_of(reference, base=base))


def key_of(reference: str, *, base: Path | None = None) -> bytes:
    """Return the 32 bytes of a key: `env:NAME`, `file:PATH` or `command:LINE`."""
    from golive_core import settings

    if not reference:
        raise SettingsError("no key for sealed secrets is named", where="[secrets]", hint=HINT)
    kind, _, rest = reference.partition(":")
    if kind == "sealed":
        raise SettingsError("a key cannot be sealed with itself", where="[secrets] key", hint=HINT)
    text = _printed(rest) if kind == "command" else settings.resolve(reference, base=base)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        what = f"the key is not {KEY_BYTES} bytes in Base64"
        raise SettingsError(what, where="[secrets] key", hint="golive secret key makes one")
    return key


def new_key() -> str:
    """Return a random key as it is written down: 32 bytes in Base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_id(key: bytes) -> str:
    """Return what a key is known by; says nothing about it."""
    return hashlib.sha256(b"golive key id\x00" + key).hexdigest()[:12]


def _printed(line: str) -> str:
    """Return what a command prints, without its last line break."""
    try:
        done = subprocess.run(  # noqa: S603 - the owner's own line, and no shell
            shlex.split(line), capture_output=True, check=True, timeout=COMMAND_S, text=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        what = f"the command that gives the key failed ({type(error).__name__})"
        raise SettingsError(what, where="[secrets] key", hint="Run it by hand") from error
    return done.stdout.strip()


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise SettingsError(
            "the sealed secrets cannot be read", where=str(path), hint="Restore it from a backup"
        ) from error


def _write(path: Path, boxes: dict[str, Any]) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}")
    with os.fdopen(descriptor, "w") as file:
        json.dump(boxes, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    Path(draft).replace(path)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
