"""Public keys, and whether they signed something."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory.errors import ConfigError

_LARGEST = 64 << 10

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicKey:
    """A key that signatures are checked by.

    Attributes:
        name: what the user calls it.
        id: a digest of it, the same however it is written.
    """

    name: str
    id: str
    key: PublicKeyTypes

    def signed(self, content: bytes, signature: bytes) -> bool:
        """Whether a signature of exactly these bytes is this key's."""
        from cryptography.exceptions import InvalidSignature

        try:
            _check(self.key, content, signature)
        except InvalidSignature:
            return False
        return True


def public_key(text: bytes, name: str) -> PublicKey:
    """A key in PEM, as ``cosign generate-key-pair`` writes one into ``cosign.pub``.

    Raises:
        ConfigError: it is none, or of a kind by which cosign signs nothing.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        key = forms.load_pem_public_key(text)
        wrong = not isinstance(
            key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
        )
    except (ValueError, UnsupportedAlgorithm):
        wrong = True
    if wrong:
        raise ConfigError(
            "this is no public key in PEM that signatures can be checked by",
            where=name,
            todo="name the .pub file of a pair; `cosign public-key --key KEY` prints it",
        )
    plain = key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(name=name, id=f"sha256:{hashlib.sha256(plain).hexdigest()}", key=key)


def read_keys(names: Iterable[str], root: Path | None = None) -> tuple[PublicKey, ...]:
    """The keys in some files.

    Args:
        names: their paths.
        root: what these are relative to, and must not lead out of; anywhere without.

    Raises:
        ConfigError: one of them is none, or cannot be read.
    """
    return tuple(public_key(_text(name, root), name) for name in names)


def _text(name: str, root: Path | None) -> bytes:
    path = (root or Path()) / name
    try:
        outside = root is not None and not path.resolve().is_relative_to(root.resolve())
        if path.is_file() and not outside:  # a pipe would be waited for
            with path.open("rb") as file:
                return file.read(_LARGEST)
        why = "it leads out of the project" if outside else "there is no such file"
    except OSError as error:
        why = error.strerror or str(error)
    raise ConfigError(
        f"this public key cannot be read: {why}",
        where=name,
        todo="name a file that `cosign generate-key-pair` or `cosign public-key` wrote",
    )


def _check(key: PublicKeyTypes, content: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, content, padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, content)
