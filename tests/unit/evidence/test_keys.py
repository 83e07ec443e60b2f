"""Public keys of each kind, and cosign called with the flags that it has."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa

from factory.errors import ConfigError, MachineError, PublishError
from factory.evidence.cosign import Cosign
from factory.evidence.keys import PublicKey, public_key, read_keys

ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
Private = (
    ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
)
SIGNED: dict[str, tuple[Private, bytes]] = {
    "ecdsa": (ELLIPTIC, ELLIPTIC.sign(b"x", ec.ECDSA(hashes.SHA256()))),
    "rsa": (RSA, RSA.sign(b"x", padding.PKCS1v15(), hashes.SHA256())),
    "ed25519": (EDWARDS, EDWARDS.sign(b"x")),
}


def pem(private: Private) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form)


def key_of(kind: str) -> PublicKey:
    return public_key(pem(SIGNED[kind][0]), kind)


@pytest.mark.parametrize("kind", SIGNED)
def test_a_signature_is_of_these_bytes_and_of_this_key(kind: str) -> None:
    key, signature = key_of(kind), SIGNED[kind][1]
    assert key.signed(b"x", signature)
    assert not key.signed(b"y", signature)
    assert not key.signed(b"x", b"")
    assert not any(key_of(other).signed(b"x", signature) for other in SIGNED if other != kind)


def test_a_key_is_known_however_it_is_written() -> None:
    text = pem(ELLIPTIC)
    assert public_key(text.replace(b"\n", b"\r\n"), "a").id == public_key(text, "b").id


@pytest.mark.parametrize(
    "text", [b"", b"key", pem(dsa.generate_private_key(1024)), b"-----BEGIN PUBLIC KEY-----"]
)
def test_what_is_no_key_for_this_is_told(text: bytes) -> None:
    with pytest.raises(ConfigError, match="no public key"):
        public_key(text, "k.pub")


def test_keys_are_read_within_the_project_only(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "k.pub").write_bytes(pem(RSA))
    (tmp_path / "out.pub").write_bytes(pem(RSA))
    assert [one.name for one in read_keys(["k.pub"], root)] == ["k.pub"]
    with pytest.raises(ConfigError, match="leads out"):
        read_keys(["../out.pub"], root)


SCRIPT = """#!/bin/bash
echo "$*" >> "$ASKED"
case "$*" in
  *--help*) echo "$HELP" ;;
  public-key*) cat "$PUBLIC" ;;
  *) cat >/dev/null; echo "$SAYS" ;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a program called cosign was asked."""
    (tmp_path / "cosign").write_text(SCRIPT)
    (tmp_path / "cosign").chmod(0o755)
    (tmp_path / "public").write_bytes(pem(ELLIPTIC))
    (tmp_path / "private.key").write_text("secret")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name, value in {"ASKED": "asked", "PUBLIC": "public"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("SAYS", "c2lnbmF0dXJl")
    monkeypatch.setenv("HELP", "--tlog-upload=true")
    return tmp_path / "asked"


def test_only_flags_that_this_cosign_has_are_given(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Cosign("private.key", asked.parent).sign(b"x") == b"signature"
    last = asked.read_text().splitlines()[-1]
    assert last == f"sign-blob --key {asked.parent}/private.key --yes --tlog-upload=false -"
    monkeypatch.setenv("HELP", "--tlog-upload --use-signing-config --new-bundle-format")
    Cosign("private.key", asked.parent).sign(b"x")
    last = asked.read_text().splitlines()[-1]
    assert "--use-signing-config=false --new-bundle-format=false" in last


def test_neither_key_nor_password_is_an_argument(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "a secret key")
    monkeypatch.setenv("COSIGN_PASSWORD", "a password")
    Cosign("env://A_KEY", asked.parent).sign(b"x")
    assert "a secret key" not in asked.read_text()
    assert "a password" not in asked.read_text()
    assert "--key env://A_KEY" in asked.read_text()


def test_an_answer_that_is_no_signature_is_told(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYS", "signed and done!")
    with pytest.raises(PublishError, match="did not answer with a signature"):
        Cosign("private.key", asked.parent).sign(b"x")


def test_where_there_is_no_cosign_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private.key").write_text("secret")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="no cosign"):
        Cosign("private.key", tmp_path).sign(b"x")
