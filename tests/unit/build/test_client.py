"""Several solves in one call: what bake is given, whose its lines are, what a failure means."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from factory.build.client import Asked, Client
from factory.build.solve import Solve, bake_file

NAMES = ("ray-app-aaaa", "ray-rl-bbbb")
PROGRAM = """#!/bin/sh
printf '%s\\n' "$@" >> "$0.calls"
echo "$BUILDX_BAKE_ENTITLEMENTS_FS" > "$0.env"
for argument; do case $argument in
  --metadata-file=*) metadata=${{argument#*=}};;
  --file=*) cp "${{argument#*=}}" "$0.file";;
esac; done
cat <<'EOF'
{said}
EOF
echo '{metadata}' > "$metadata"
exit {code}
"""


def solve(name: str) -> Solve:
    return Solve(
        name=name,
        dockerfile=Path("/scratch", name, "Dockerfile"),
        context=Path("/scratch", name, "context"),
        contexts={"packages": Path("/wheels/${HOME}")},
        variables=("https_proxy",),
        secrets=("id=pip,src=/scratch/pip", "id=own,env=OWN"),
        labels={"key": "%{x}"},
        output=f"type=image,name={name}:1",
    )


class Baked:
    """Two solves, handed to a program that stands in for buildx."""

    def __init__(self, folder: Path, *, said: str = "", code: int = 0) -> None:
        self.program = folder / "buildx"
        metadata = json.dumps({name: {"containerimage.digest": name} for name in NAMES})
        self.program.write_text(PROGRAM.format(said=said, metadata=metadata, code=code))
        self.program.chmod(0o755)
        self.logs: dict[str, list[str]] = {name: [] for name in NAMES}
        asked = [
            Asked(
                solve=solve(name),
                label=name,
                where="Dockerfile",
                hide=lambda text: text.replace("hunter2", "***"),
                log=self.logs[name].append,
            )
            for name in NAMES
        ]
        self.client = Client(buildx=(str(self.program),), builder="mine")
        self.found = self.client.bake(asked)

    def saw(self, what: str) -> str:
        return self.program.with_name(f"buildx.{what}").read_text()


def test_each_gets_the_metadata_of_its_own(tmp_path: Path) -> None:
    baked = Baked(tmp_path)
    assert baked.found == [{"containerimage.digest": name} for name in NAMES]
    assert json.loads(baked.saw("file")) == bake_file([solve(name) for name in NAMES])
    assert baked.saw("calls").splitlines()[:2] == ["bake", "--builder=mine"]


def test_bake_is_not_asked_what_it_may_read(tmp_path: Path) -> None:
    """Since 0.20 it would refuse whatever is outside of the current folder."""
    assert Baked(tmp_path).saw("env") == "0\n"


def test_each_line_goes_to_the_log_of_its_target_without_secrets(tmp_path: Path) -> None:
    said = [
        "#0 building with default",
        "#1 [internal] load local bake definitions",
        "#1 DONE 0.0s",
        f"#2 [{NAMES[0]} stage-1 1/2] RUN one",
        f"#3 [{NAMES[1]} internal] load build context",
        "#2 0.1 hunter2",
        "",
        f"#4 [{NAMES[1]}] exporting to image",
        "#4 DONE 0.1s",
        "#3 DONE 0.0s",
    ]
    logs = Baked(tmp_path, said="\n".join(said)).logs
    assert logs == {
        NAMES[0]: [f"#2 [{NAMES[0]} stage-1 1/2] RUN one", "#2 0.1 ***"],
        NAMES[1]: [said[4], said[7], said[8], said[9]],
    }


def test_if_one_fails_nothing_is_believed_of_any(tmp_path: Path) -> None:
    assert Baked(tmp_path, code=1).found == [None, None]


def test_one_alone_is_no_bake(tmp_path: Path) -> None:
    baked = Baked(tmp_path)
    alone = Asked(solve=solve("x"), label="x", where="", hide=str, log=print)
    assert baked.client.bake([alone]) == [None]


def test_a_bake_file_says_what_the_arguments_say() -> None:
    asked = replace(solve("ray-app-aaaa"), stage="facts")
    target = bake_file([asked])["target"]["ray-app-aaaa"]
    assert target == {
        "context": "/scratch/ray-app-aaaa/context",
        "contexts": {"packages": "/wheels/$${HOME}"},
        "dockerfile": "/scratch/ray-app-aaaa/Dockerfile",
        "args": {"https_proxy": None},
        "secret": ["id=pip,src=/scratch/pip", "id=own,env=OWN"],
        "labels": {"key": "%%{x}"},
        "target": "facts",
        "platforms": ["linux/amd64"],
        "output": ["type=image,name=ray-app-aaaa:1"],
    }
    assert asked.arguments() == [
        "--platform=linux/amd64",
        "--file=/scratch/ray-app-aaaa/Dockerfile",
        "--target=facts",
        "--build-arg", "https_proxy",
        "--build-context", "packages=/wheels/${HOME}",
        "--secret", "id=pip,src=/scratch/pip",
        "--secret", "id=own,env=OWN",
        "--label=key=%{x}",
        "--output=type=image,name=ray-app-aaaa:1",
        "/scratch/ray-app-aaaa/context",
    ]  # fmt: skip  # one option and its value a line
