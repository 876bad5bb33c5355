"""The site's key: Ed25519 (RFC 8032) signatures over a journal's heads.

A signed head says that this site wrote everything up to that entry. The private key never is in a journal; it stays in
a folder of its own that only its owner may read. `cryptography` is imported where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from microcell.errors import JournalError, MissingCapabilityError
from microcell.records.chain import Head, Signature

FOLDER_VARIABLE = "MICROCELL_KEYS"
"""Environment variable that names the folder of the site's key."""

PRIVATE_NAME = "site.key"
_OTHERS = 0o077


class Signer(Protocol):
    """What signs heads."""

    @property
    def key_id(self) -> str:
        """Names the key."""

    def sign(self, head: Head) -> Signature:
        """Sign a head."""


def keys_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the site's key is: `$MICROCELL_KEYS`, else `microcell/keys` in the user's configuration folder."""
    if named := environment.get(FOLDER_VARIABLE):
        return Path(named)
    configuration = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "microcell" / "keys"


def message(head: Head) -> bytes:
    """What is signed; it begins with its purpose, so that no signature of another purpose can pass for it."""
    return f"microcell journal head 1\n{head.sequence}\n{head.hash}\n".encode()


@dataclass(frozen=True, slots=True)
class SiteKey:
    """The site's private key."""

    key_id: str
    _private: Any

    def sign(self, head: Head) -> Signature:
        """Sign a head."""
        return Signature(head, self.key_id, self._private.sign(message(head)).hex())


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A site's public key."""

    key_id: str
    _public: Any

    def fits(self, signature: Signature) -> bool:
        """Whether this key's owner signed that head."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._public.verify(bytes.fromhex(signature.signature), message(signature.head))
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


def new_key(folder: Path, replace: bool = False) -> tuple[Path, Path]:
    """Make a key; its private file (readable by its owner only) and its public one, `<key id>.pub`.

    `JournalError` where there is a key already, unless it is to be replaced: its public file stays, for what it signed.
    """
    ed25519, serialization = _cryptography()
    private_path = folder / PRIVATE_NAME
    if private_path.exists() and not replace:
        raise JournalError(f"{private_path} is there already: keep it, or replace it with --replace")
    private = ed25519.Ed25519PrivateKey.generate()
    plain = serialization.NoEncryption()
    encoded = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    public_path = folder / f"{_key_id(private.public_key())}.pub"
    shown = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(public_path, shown, 0o644)
        _write(private_path, encoded, 0o600)
    except OSError as error:
        raise JournalError(f"no key can be written in {folder} ({error.strerror}): name another folder") from error
    return private_path, public_path


def site_key(folder: Path) -> SiteKey | None:
    """The site's private key, None where there is none; `JournalError` where it is unsafe or no key."""
    path = folder / PRIVATE_NAME
    try:
        encoded, mode = path.read_bytes(), path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"the site's key {path} cannot be read ({error.strerror}): let this user read it") from error
    if mode & _OTHERS:
        raise JournalError(f"the site's key {path} is open to other users: chmod 600 it, or make a new one if it was seen")
    ed25519, serialization = _cryptography()
    try:
        private = serialization.load_pem_private_key(encoded, None)
    except (ValueError, TypeError) as error:
        raise JournalError(f"{path} is no private key in PEM: make one with microcell key new") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise JournalError(f"{path} is no Ed25519 key: make one with microcell key new")
    return SiteKey(_key_id(private.public_key()), private)


def public_key(path: Path) -> PublicKey:
    """Read a public key; `JournalError` where the file holds none."""
    ed25519, serialization = _cryptography()
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise JournalError(f"the public key {path} cannot be read ({error.strerror}): check the path") from error
    except (ValueError, TypeError) as error:
        raise JournalError(f"{path} is no public key in PEM: name the .pub file of the site's key") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise JournalError(f"{path} is no Ed25519 key: name the .pub file of the site's key")
    return PublicKey(_key_id(public), public)


def public_keys(folder: Path) -> tuple[PublicKey, ...]:
    """All public keys of a folder."""
    return tuple(public_key(path) for path in sorted(folder.glob("*.pub")))


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file that never is open to more users than its mode says, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _key_id(public: Any) -> str:
    """The first 16 hex digits of the SHA-256 of a public key's 32 bytes."""
    _, serialization = _cryptography()
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).hexdigest()[:16]


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingCapabilityError("signing journals needs the package cryptography: pip install cryptography") from error
    return ed25519, serialization
