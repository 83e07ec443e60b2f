"""RLlib the way of one's notes: an image without it, whose nodes each install it when they boot.

    docker pull IMAGE
    docker compose up --detach        # on each node: pip install …; ray start
    docker compose exec head python job.py

What people write is `pip install "ray[rllib]" torch`, and what PyPI has of torch is built for CUDA:
gigabytes, on nodes without a GPU too. The head comes first: people copy its address to the workers
when it is up, and `ray up` (Ray's ``commands.get_or_create_head_node``, and then the autoscaler on
the head) likewise begins no worker before the head's set-up has run. The same is taken with all
nodes at once. The *careful* way is the quickest that we know: pip is given
every package at its version, torch for CPUs among them, so it looks for no dependency, and it keeps
no cache, which a new node would only fill; its nodes install at the same time. All install from the
package sources that this machine has, folders of wheels included; and the job is run on the head,
past the Jobs API.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tree import Tree
from factory import process
from factory.build import PackageSources
from factory.errors import FactoryError
from factory.registry import Registry

FILE = Path(__file__).with_name("rllib_boot.yaml")
JOB = Path(__file__).with_name("rllib_job.py")
PIP = ("pip", "install", "--no-cache-dir", "--no-deps", "--quiet")
PLAIN = ("pip", "install", "--quiet")
UV = ("uv", "pip", "install", "--no-cache", "--no-deps", "--quiet")
_INSIDE = "/run/sources"
_SECONDS = 1800
_INSTALLED = re.compile(r"installed in (\d+) s")
_THERE = "Already exists"
"""What `docker pull` says of a layer that it need not fetch."""

_NOTHING = 64
"""At most so many bytes has a layer without files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """Seconds from an image in the registry to the result of the job.

    Attributes:
        pull: until the first container is made.
        boot: from there until all nodes have joined.
        install: of that, what the node took that installed the longest.
        job: the rest.
    """

    pull: float
    boot: float
    job: float
    install: float = 0.0

    @property
    def seconds(self) -> float:
        return self.pull + self.boot + self.job


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the job said: how long it waited for nodes, and the steps that each took in training."""

    waited: float
    steps: Mapping[str, int]


def answer(said: str, nodes: int) -> Answer:
    """The job's, once it has run.

    Raises:
        FactoryError: RLlib did not train on so many nodes.
    """
    try:
        found = json.loads(said.strip().splitlines()[-1])
        done = Answer(waited=float(found["waited_seconds"]), steps=dict(found["steps"]))
    except (ValueError, LookupError, TypeError) as error:
        raise FactoryError("the job has no result", detail=said.splitlines()[-10:]) from error
    if len(done.steps) != nodes or not all(steps > 0 for steps in done.steps.values()):
        raise FactoryError(f"RLlib did not train on {nodes} nodes: {dict(done.steps)}")
    return done


def missing(ours: str, base: str) -> list[str]:
    """What a node has to install: what `pip freeze` says of one image, and not of the other.

    Raises:
        FactoryError: there is nothing, or something that no package source has.
    """
    there = set(base.split("\n"))
    wanted = [line for line in ours.split("\n") if line.strip() and line not in there]
    odd = [line for line in wanted if "==" not in line]
    if odd or not wanted:
        raise FactoryError(f"pip cannot be asked to install {odd or 'nothing'}")
    return wanted


@dataclass(frozen=True, kw_only=True)
class Notes:
    """The way of the notes, for one image.

    Attributes:
        ref: the image without RLlib, by digest.
        workers: how many, beside the head.
        requirements: what each node installs.
        sources: where this machine's packages come from.
        flags: more of pip's, where torch comes from elsewhere.
        wheels: a folder of wheels beside those of ``sources``, if torch comes from there.
    """

    tree: Tree
    ref: str
    workers: int
    requirements: Sequence[str]
    sources: PackageSources
    flags: Sequence[str] = ()
    wheels: Path | None = None

    @property
    def _folder(self) -> Path:
        return self.tree.folder / "notes" / "sources"

    def ready(self) -> None:
        """Write what nodes read; no part of what is timed. It may hold credentials, and everybody
        in a node has to read it: so the folder above is for nobody else."""
        self._folder.parent.mkdir(mode=0o700)
        (self._folder / "wheels").mkdir(parents=True)
        folders = [*self.sources.find_links, *([self.wheels] if self.wheels else [])]
        for folder in reversed(folders):
            shutil.copytree(folder, self._folder / "wheels", dirs_exist_ok=True)
        self._write("pip.conf", self.sources.pip_conf())
        self._write("uv.toml", self.sources.uv_toml())
        self._write("job.py", JOB.read_text("utf-8"))
        if self.sources.ca:
            shutil.copy(self.sources.ca, self._folder / "ca.crt")

    def run(self, installer: Sequence[str] = PIP) -> Took:
        """From an image in the registry to the job's result, and all of it removed, in the careful
        way.

        Raises:
            FactoryError: a command failed, the job came to nothing, or part of the image was there.
        """
        return self._ran([*installer, *self.flags], self.requirements, at_once=True)

    def run_plain(self, requirements: Sequence[str], *, at_once: bool) -> Took:
        """Likewise, as people write it: the head first, or all nodes at once.

        Raises:
            FactoryError: as of ``run``.
        """
        return self._ran(PLAIN, requirements, at_once=at_once)

    def _ran(self, command: Sequence[str], requirements: Sequence[str], *, at_once: bool) -> Took:
        self._write("requirements.txt", "\n".join([*requirements, ""]))
        self._write("install.sh", script(command, self.sources))
        mark = f"{self.tree.mark}-notes"
        env = {
            "IMAGE": self.ref,
            "RUN_ID": self.tree.mark,
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "SOURCES": str(self._folder),
            "AT_ONCE": str(at_once).lower(),
        }
        compose = ["docker", "compose", "-f", str(FILE), "-p", mark]
        try:
            return self._run(compose, env)
        except process.ProcessFailed as error:
            logs = process.run([*compose, "logs", "--tail=10"], env=env, check=False)
            detail = [*error.completed.tail, *logs.tail]
            raise FactoryError("the way of the notes broke off", detail=detail) from error
        finally:
            down = [*compose, "down", "--volumes", "--timeout", "0"]
            process.run(down, env=env, timeout=_SECONDS, shielded=True, check=False)

    def _run(self, compose: Sequence[str], env: Mapping[str, str]) -> Took:
        started = time.monotonic()
        said = process.run(["docker", "pull", self.ref], timeout=_SECONDS).stdout
        pulled = time.monotonic()
        see_that_all_was_pulled(said, self._layers())
        up = ["up", "--detach", "--no-build", "--pull", "never", f"--scale=worker={self.workers}"]
        process.run([*compose, *up], env=env, timeout=_SECONDS)
        head = [*compose, "exec", "-T", "head"]
        wait = ["bash", "-c", "until [ -e /tmp/up ]; do sleep 0.2; done"]
        process.run([*head, *wait], env=env, timeout=_SECONDS)
        booted = time.monotonic()
        nodes = self.workers + 1
        job = [*head, "python", f"{_INSIDE}/job.py", str(nodes)]
        said = process.run(job, env=env, timeout=_SECONDS).stdout
        ended = time.monotonic()
        waited = answer(said, nodes).waited
        logs = process.run([*compose, "logs"], env=env).stdout
        return Took(
            pull=pulled - started,
            boot=booted - pulled + waited,
            job=ended - booted - waited,
            install=float(max(map(int, _INSTALLED.findall(logs)), default=0)),
        )

    def _layers(self) -> dict[str, int]:
        repository, _, digest = self.ref.partition("@")
        manifest = json.loads(Registry().require(repository, digest).content)
        return {str(layer["digest"]): int(layer["size"]) for layer in manifest["layers"]}

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, "utf-8")


def as_written(ray: str, requirements: Iterable[str]) -> list[str]:
    """What people ask pip for: Ray's own list for RLlib, and torch as PyPI has it. The versions are
    those of the careful way, without which the two would not be of one thing.

    Raises:
        FactoryError: there is no torch among what the careful way installs.
    """
    found = [one.partition("==")[2] for one in requirements if one.startswith("torch==")]
    if not found:
        raise FactoryError("the image with RLlib has no torch that the other lacks")
    version, _, local = found[0].partition("+")
    other = f",!={version}+{local}" if local else ""
    return [f"ray[rllib]=={ray}", f"torch=={version}{other}"]


def script(command: Iterable[str], sources: PackageSources) -> str:
    """What each node runs first: it installs from where this machine does."""
    lines = [f"export PIP_CONFIG_FILE={_INSIDE}/pip.conf UV_CONFIG_FILE={_INSIDE}/uv.toml"]
    if sources.ca:
        lines += [f"export PIP_CERT={_INSIDE}/ca.crt SSL_CERT_FILE={_INSIDE}/ca.crt"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sources.proxies]
    lines += [f"{shlex.join(command)} --requirement {_INSIDE}/requirements.txt"]
    return "\n".join([*lines, 'echo "installed in $SECONDS s"', ""])


def see_that_all_was_pulled(said: str, layers: Mapping[str, int]) -> None:
    """See that `docker pull` found no layer in the engine, but for those that hold nothing, which
    all images have in common.

    Args:
        layers: the bytes of each, by digest.

    Raises:
        FactoryError: it did.
    """
    there = [line.partition(":")[0] for line in said.splitlines() if _THERE in line]
    found = {digest for digest in layers for it in there if digest.startswith(f"sha256:{it}")}
    if size := sum(layers[digest] for digest in found if layers[digest] > _NOTHING):
        raise FactoryError(f"{size} bytes of layers were in the engine: nothing to compare")
