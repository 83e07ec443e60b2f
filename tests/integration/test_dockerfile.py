"""BuildKit itself is asked what a Dockerfile reads: a file that matters is one that changes what
comes out when it changes, is added or is gone.

What we derive has to cover all of these. Where a text says exactly what it reads, it may name
nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.context import Contents
from factory.dockerfile import derive
from factory.errors import ConfigError

pytestmark = pytest.mark.engine

MAIN, SHARED, SHELL = "main", "shared", "shell"
FOLDERS = {"": MAIN, SHARED: SHARED}
FILES = {
    f"{MAIN}/a": "a\n",
    f"{MAIN}/b.txt": "b\n",
    f"{MAIN}/b c.txt": "b c\n",
    f"{MAIN}/$d": "dollar\n",
    f"{MAIN}/d/a": "d/a\n",
    f"{MAIN}/d/b.txt": "d/b\n",
    f"{MAIN}/d/e/f.txt": "f\n",
    f"{MAIN}/amd64": "machine\n",
    f"{MAIN}/EOF": "not a heredoc\n",
    f"{SHARED}/a": "shared a\n",
    f"{SHARED}/g/h": "h\n",
}
READ = "while read -r line; do echo $line; done <"  # there is a shell, and nothing else
RUN = f"FROM {SHELL} AS sh\n"

EXACT = {
    "a file": "FROM scratch\nCOPY a /\n",
    "a file under another name": "FROM scratch\nCOPY a b.txt\n",
    "two files": "from scratch\ncopy a d/b.txt /x/\n",
    "a folder": "FROM scratch\nCOPY d/ /x\n",
    "everything": "FROM scratch\nCOPY . /\n",
    "a path with a way up": "FROM scratch\nCOPY d/../../b.txt /\n",
    "a pattern": "FROM scratch\nCOPY *.txt /x/\n",
    "a pattern over folders": "FROM scratch\nCOPY */?.txt /x/\n",
    "a JSON array": 'FROM scratch\nCOPY ["b c.txt", "/x/"]\n',
    "quotes": "FROM scratch\nCOPY 'a' \"b.txt\" /x/\n",
    "an escaped dollar": "FROM scratch\nCOPY \\$d /\n",
    "another escape": "# escape=`\nFROM scratch\nCOPY `$d `\n  # a comment\n\n  a /x/\n",
    "windows' line ends": "FROM scratch\r\nCOPY a \\\r\n  b.txt /x/\r\n",
    "no continuation": "FROM scratch\nENV x=\\\\\nCOPY a /\n",
    "a heredoc": "FROM scratch\nCOPY <<EOF /x/\nCOPY a /\nEOF\nCOPY b.txt /\n",
    "two heredocs": "FROM scratch\nCOPY <<A a <<-'B' /x/\n1\nA\n\t2\n\tB\n",
    "a quoted heredoc": "FROM scratch\nCOPY <<\"E\"O'F' /x/\n$a\nEOF\nCOPY a /\n",
    "an argument": "FROM scratch\nARG f=a\nCOPY $f /\n",
    "an argument before": "ARG f=b.txt\nFROM scratch\nARG f\nCOPY ${f} /\n",
    "an argument that no stage declares": "ARG f=.txt\nFROM scratch\nCOPY a$f /\n",
    "an argument that is set anew": "ARG f=b.txt\nFROM scratch\nARG f=a\nCOPY ${f} /\n",
    "defaults": "FROM scratch\nENV x=\nCOPY ${x:-a} ${y:-b.txt} ${x+d/e/f.txt}${y+nothing} /x/\n",
    "variables of one line": "FROM scratch\nENV x=a\nENV x=b.txt y=$x\nCOPY $y /\n",
    "the old form": "FROM scratch\nENV x b c.txt\nCOPY $x /\n",
    "an inherited argument": "FROM scratch AS s\nARG f=a\nFROM S\nCOPY $f /\n".replace(
        "S\n", "s\n"
    ),
    "the platform": "FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n",
    "a stage by name": "FROM scratch AS One\nCOPY a b.txt /\nFROM scratch\nCOPY --from=ONE / /\n",
    "a stage by number": "FROM scratch\nCOPY a /\nFROM scratch\nCOPY --from=0 a /\n",
    "a context": f"FROM scratch\nCOPY --from={SHARED} a /\n",
    "a context by its full name": "FROM scratch\n"
    f"COPY --from=docker.io/library/{SHARED}:latest a /\n",
    "a context in place of a stage": f"FROM scratch AS {SHARED}\n"
    f"FROM scratch\nCOPY --from={SHARED} g /\n",
    "a stage from a context": f"FROM {SHARED}\n",
    "a last stage that a context replaces": f"FROM scratch AS {SHARED}\n",
    "a trigger": "FROM scratch AS s\nONBUILD COPY a /\nFROM s\nCOPY b.txt /\n",
    "a trigger for others": "FROM scratch\nONBUILD COPY a /\nCOPY b.txt /\n",
    "a trigger's variables": "FROM scratch AS s\nONBUILD ENV x=a\nENV y=b.txt\n"
    "FROM s\nCOPY $x $y /x/\n",
    "a mounted file": f"{RUN}RUN --mount=src=a,target=/m {READ} /m > /x\n",
    "a mount that is written to": f"{RUN}RUN --mount=target=/m,source=d/a,rw {READ} /m > /x\n",
    "a mount by a variable": f"{RUN}ARG f=a\nRUN --mount=src=$f,target=/m {READ} /m > /x\n",
    "a mount of a context": f"{RUN}RUN --mount=from={SHARED},src=a,target=/m {READ} /m > /x\n",
    "a cache from a context": f"{RUN}RUN --mount=type=cache,id=ID,from={SHARED},src=g,target=/m "
    f"{READ} /m/h > /x\n",
    "a script": f"{RUN}RUN --mount=src=a,target=/m <<EOF\n{READ} /m > /x\nCOPY=b.txt\nEOF\n",
}
WIDE = {
    "a variable of nobody's": f"{RUN}COPY $nobody /x/\n",
    "a default that an image could change": f"{RUN}COPY ${{nobody:-a}} /x/\n",
    "words of one argument": "FROM scratch\nARG f=a g=$f\nCOPY ${g:-b.txt} /x/\n",
    "a stage that nobody needs": "FROM scratch AS s\nCOPY a /\nFROM scratch\nCOPY b.txt /\n",
    "a mount of everything": f"{RUN}RUN --mount=target=/m {READ} /m/a > /x\n",
    "a context under another name": f"FROM {SHARED} AS s\nFROM scratch\nCOPY --from=s a /\n",
}


class Bench:
    """A project of two contexts; a third has a shell and what it is linked with."""

    def __init__(self, root: Path, shell: Path) -> None:
        self.root = root
        self._shell = shell

    def fill(self) -> None:
        for folder in FOLDERS.values():
            shutil.rmtree(self.root / folder, ignore_errors=True)
        for name, text in FILES.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def derived(self, text: str) -> tuple[set[str], str]:
        """The files that we say are read, and what a key has of them."""
        contents, files, said = Contents(self.root), set(), []
        try:
            for read in derive(text, {SHARED, SHELL}).reads:
                if read.context != SHELL:
                    folder = FOLDERS[read.context]
                    tree = contents.tree(folder, read.path, where="test")
                    files |= {f"{folder}/{entry.path}" for entry in tree.entries}
                    said.append(f"{read} {tree.digest}")
        except ConfigError as error:
            return set(), f"refused: {error}"
        return files & set(FILES), "\n".join(said)

    def built(self, text: str) -> str:
        """A digest of what BuildKit makes of it."""
        done = self.build(text)
        assert done.returncode == 0, done.stderr
        return _digest(self.root / "out")

    def build(self, text: str) -> subprocess.CompletedProcess[str]:
        """Have BuildKit build it into a folder."""
        out = self.root / "out"
        shutil.rmtree(out, ignore_errors=True)
        flags = [
            *("--builder=default", "--platform=linux/amd64", "--file=-"),
            f"--build-context={SHARED}={self.root / SHARED}",
            f"--build-context={SHELL}={self._shell}",
            f"--output=type=local,dest={out}",
        ]
        return subprocess.run(
            ["docker", "buildx", "build", *flags, str(self.root / MAIN)],
            input=text.replace("id=ID", f"id={self.root.name}-{os.urandom(4).hex()}"),
            env=os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "0"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def _digest(folder: Path) -> str:
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in ("bin", "lib", "lib64"):
            lines.append(f"{path.relative_to(folder)} {path.read_bytes()!r}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This machine's shell with the libraries that it wants."""
    folder = tmp_path_factory.mktemp("shell")
    source = Path("/bin/sh").resolve()
    linked = subprocess.run(["ldd", str(source)], capture_output=True, text=True, check=True).stdout
    wanted = [word for word in linked.split() if word.startswith("/")]
    for path in (*wanted, "/bin/sh"):
        (folder / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(path).resolve(), folder / path[1:])
    return folder


@pytest.fixture
def bench(tmp_path: Path, shell: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path.resolve(), shell)
    bench.fill()
    yield bench
    shutil.rmtree(bench.root / "out", ignore_errors=True)


def check(bench: Bench, text: str, *, alone: int) -> None:
    """Take away what is not read, and add what leaves the key as it is: both must not matter. Then
    change some of what is read, which must."""
    read, key = bench.derived(text)
    before = bench.built(text)
    assert not key.startswith("refused"), key
    for name in FILES:
        path = bench.root / name
        new = path.with_name(f"new-{path.name}")
        new.write_text("new\n")
        if bench.derived(text)[1] != key:
            new.unlink()
        if name not in read:
            path.unlink()
    assert bench.derived(text)[1] == key
    assert bench.built(text) == before, "what is in no key does matter"
    for name in sorted(read)[:alone]:
        bench.fill()
        (bench.root / name).write_text("other\n")
        assert bench.derived(text)[1] != key
        assert bench.built(text) != before, f"{name} does not matter, and is read"


@pytest.mark.parametrize("case", EXACT)
def test_what_is_derived_is_what_matters(case: str, bench: Bench) -> None:
    check(bench, EXACT[case], alone=2)


@pytest.mark.parametrize("case", WIDE)
def test_what_is_derived_covers_what_matters(case: str, bench: Bench) -> None:
    check(bench, WIDE[case], alone=0)


REFUSED = {
    "a heredoc without an end": ("FROM scratch\nCOPY <<A /\n1\n", "unterminated heredoc"),
    "no instruction": ("FROM scratch\nCOPPY a /\n", "unknown instruction"),
    "no image": ("FROM\n", "FROM requires either one or three arguments"),
    "an image and a word": ("FROM scratch a\n", "FROM requires either one or three arguments"),
    "an escape of its own": ("# escape=x\nFROM scratch\n", "invalid escape token"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_we_refuse_buildkit_refuses_too(case: str, bench: Bench) -> None:
    text, says = REFUSED[case]
    with pytest.raises(ConfigError):
        derive(text)
    done = bench.build(text)
    assert done.returncode != 0
    assert says.lower() in done.stderr.lower()
