"""Signing with cosign: the key stays where it is, in a file, a variable or a vault.

Only bytes are signed by it, offline: nothing is told to a transparency log, whose public one would
learn what is published, and our own client brings the signature to the registry, with the logins
that it has.

https://docs.sigstore.dev/cosign/signing/signing_with_blobs/
"""

from __future__ import annotations

import base64
import os
import re
from functools import cached_property
from pathlib import Path

from factory import process
from factory.errors import ConfigError, MachineError, PublishError
from factory.evidence.keys import PublicKey, public_key

_SECONDS = 60.0
_PASSWORD = "COSIGN_PASSWORD"
_OFFLINE = {"tlog-upload": "false", "use-signing-config": "false", "new-bundle-format": "false"}
"""What keeps cosign to signing; which of these flags a release has, it says itself."""


class Cosign:
    """Signs with one private key. Threads may share it.

    Args:
        key: a path, relative to ``root``, or ``env://VARIABLE``.
    """

    def __init__(self, key: str, root: Path) -> None:
        self._shown = key
        self._key = key if "://" in key else str(root / key)

    def sign(self, content: bytes) -> bytes:
        """A signature of some bytes.

        Raises:
            PublishError: cosign failed: the password is wrong, say.
            MachineError, ConfigError: as ``public``.
        """
        self.public  # noqa: B018  # a key that is not there is told apart from a wrong password
        said = self._run("sign-blob", "--yes", *self._flags, "-", stdin=content)
        try:
            return base64.b64decode(said.strip(), validate=True)
        except ValueError as error:
            raise PublishError(
                "cosign did not answer with a signature",
                where=self._shown,
                todo="use cosign 2.5 or newer; docs/evidence.md tells how it is called",
                detail=said.splitlines()[-5:],
            ) from error

    @cached_property
    def public(self) -> PublicKey:
        """The public half.

        Raises:
            ConfigError: there is no such key.
            MachineError: there is no cosign.
            PublishError: cosign failed.
        """
        variable = self._key.removeprefix("env://")
        there = variable in os.environ if "://" in self._key else Path(self._key).is_file()
        if not there:
            what = "variable" if "://" in self._key else "file"
            raise ConfigError(
                f"there is no such {what} with a key to sign with",
                where=self._shown,
                todo="see `evidence.sign.key` in matrix.yaml; `cosign generate-key-pair` makes one",
            )
        return public_key(self._run("public-key").encode(), self._shown)

    @cached_property
    def _flags(self) -> list[str]:
        done = process.run([_program(), "sign-blob", "--help"], timeout=_SECONDS, check=False)
        known = set(re.findall(r"--([a-z0-9-]+)", done.stdout + done.stderr))
        return [f"--{name}={value}" for name, value in _OFFLINE.items() if name in known]

    def _run(self, verb: str, *arguments: str, stdin: bytes | None = None) -> str:
        # Without a password cosign would ask for one.
        password = {_PASSWORD: os.environ.get(_PASSWORD, "")}
        argv = [_program(), verb, "--key", self._key, *arguments]
        try:
            return process.run(argv, stdin=stdin, env=password, timeout=_SECONDS).stdout
        except process.ProcessFailed as error:
            hint = "" if os.environ.get(_PASSWORD) else " (it is not set)"
            raise PublishError(
                "cosign could not use the key",
                where=self._shown,
                todo=f"see that {_PASSWORD}{hint} is the key's password, then run again",
                detail=error.completed.tail[-3:],
            ) from error


def _program() -> str:
    found = process.find_tool("cosign")
    if found is None:
        raise MachineError(
            "there is no cosign on this machine, and `evidence.sign` asks for it",
            todo="install cosign (on Debian 13: `apt-get install cosign`), or leave out "
            "`evidence.sign` in matrix.yaml",
        )
    return found
