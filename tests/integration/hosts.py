"""Hosts with an engine and an ssh server of their own: privileged containers, on one network."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from factory import process
from factory.build import host_sources

_DOCKERFILE = """\
FROM {base}
USER root
RUN --mount=type=secret,id=list --mount=type=secret,id=ca --mount=type=secret,id=pin \\
    apt() {{ DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dir::Etc::SourceList=/run/secrets/list \\
        -o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=/run/secrets/pin \\
        -o Acquire::https::CAInfo=/run/secrets/ca -o APT::Sandbox::User=root "$@"; }} \\
    && apt update && apt install --yes --no-install-recommends openssh-server rsync iproute2 \\
        iptables procps \\
    && apt install --yes --no-install-recommends --target-release trixie docker.io docker-cli
COPY key.pub /etc/ssh/keys
COPY --chmod=755 begin /begin
RUN groupadd --force docker && usermod --append --groups docker --password '*' ray \\
    && echo 'AuthorizedKeysFile /etc/ssh/keys' > /etc/ssh/sshd_config.d/keys.conf
CMD ["/begin"]
"""
_BEGIN = """\
#!/bin/bash
mkdir -p /run/sshd
dockerd --insecure-registry "$REGISTRY" &> /var/log/dockerd.log &
exec /usr/sbin/sshd -D -e
"""
_PIN = "Package: *\nPin: release n=trixie*\nPin-Priority: 50\n"


def docker(*arguments: str, seconds: float = 600, check: bool = True) -> str:
    """What a command of Docker's prints."""
    done = process.run(["docker", *arguments], timeout=seconds, check=check, shielded=not check)
    return done.stdout.strip()


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Some that are up.

    Attributes:
        network, gateway: what they are on, and this machine's address there.
        names, addresses: of their containers, in one order.
        key: the file with the private key of the user ``ray`` on all of them.
    """

    network: str
    gateway: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    key: Path


def host_image(folder: Path, base: str, name: str) -> None:
    """Build the image of a host: an engine and an ssh server on top of an image that has a user
    ``ray`` and is a Debian 12."""
    sources = host_sources()
    suites = ("bookworm", "trixie")
    listed = [sources.apt_sources(suite) or "" for suite in suites]
    if not all(listed):
        pytest.skip("this machine names no mirror of Debian")
    folder.mkdir()
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")])
    (folder / "begin").write_text(_BEGIN)
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    (folder / "list").write_text("".join(listed))
    (folder / "pin").write_text(_PIN)
    (folder / "ca").write_bytes(sources.ca.read_bytes() if sources.ca else b"")
    files = [f"--secret=id={one},src={folder / one}" for one in ("list", "pin", "ca")]
    (folder / ".dockerignore").write_text("list\npin\nca\nkey\n")
    docker("buildx", "build", "--load", *files, f"--tag={name}", str(folder))


@contextmanager
def hosts(image: str, key: Path, registry_port: int, count: int) -> Iterator[Hosts]:
    """As many hosts, whose engines may pull from a registry on this machine's side of the network
    at a port; and their removal."""
    mark = secrets.token_hex(4)
    network, names = f"factory-hosts-{mark}", [f"factory-host-{mark}-{at}" for at in range(count)]
    docker("network", "create", network)
    try:
        form = "{{(index .IPAM.Config 0).Gateway}}"
        gateway = docker("network", "inspect", "--format", form, network)
        run = ["run", "--detach", "--privileged", "--network", network]
        run += ["--env", f"REGISTRY={gateway}:{registry_port}"]
        for name in names:
            docker(*run, "--volume", f"{name}:/var/lib/docker", "--name", name, image)
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        addresses = tuple(docker("inspect", "--format", form, name) for name in names)
        for name in names:
            _await(name)
        yield Hosts(
            network=network, gateway=gateway, names=tuple(names), addresses=addresses, key=key
        )
    finally:
        docker("rm", "--force", *names, check=False)
        docker("volume", "rm", *names, check=False)
        docker("network", "rm", network, check=False)


def _await(name: str) -> None:
    deadline = time.monotonic() + 180
    while process.run(["docker", "exec", name, "docker", "info"], check=False).code:
        assert time.monotonic() < deadline, docker("exec", name, "tail", "/var/log/dockerd.log")
        time.sleep(0.5)


@contextmanager
def second_door(store: Path, gateway: str, port: int, folder: Path) -> Iterator[str]:
    """A registry with the store of another one, that answers on a network's gateway."""
    program = process.find_tool("docker-registry") or process.find_tool("registry")
    assert program, "`apt-get install docker-registry`, which this test starts"
    config = folder / "registry.yaml"
    config.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {store}}}}}\n"
        f'http: {{addr: "{gateway}:{port}"}}\n'
    )
    pid = process.daemon([program, "serve", str(config)], log=folder / "registry.log")
    try:
        yield f"{gateway}:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
