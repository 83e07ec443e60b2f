"""The bad-input list: how a project or a call is wrong, and what its user must be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.bad_input.adversarial import ADVERSARIAL
from tests.bad_input.exporting import EXPORTING
from tests.bad_input.family import FAMILY
from tests.bad_input.launching import LAUNCHING
from tests.bad_input.locks import LOCKS
from tests.bad_input.moving import MOVING
from tests.bad_input.promotion import PROMOTION
from tests.bad_input.publishing import PUBLISHING
from tests.bad_input.scanning import SCANNING
from tests.bad_input.spoiling import (
    IMAGE,
    LINE,
    Break,
    Case,
    both,
    end_of,
    fifo,
    folder_for,
    foreign_ledger,
    image,
    ledger,
    link,
    matrix,
    more,
    newer_ledger,
    nothing,
    remove,
    wheel,
    write,
)

UNREACHABLE = {"DOCKER_HOST": "unix:///nonexistent.sock"}
UNFIT = {
    "a newline": "a\\nRUN touch /owned",
    "a carriage return": "a\\rb",
    "a tab": "a\\tb",
    "a NUL": "a\\0b",
    "an escape sequence": "\\e[2Ja",
    "a quote": 'a\\"b',
    "a backslash": "a\\\\b",
    "a dollar sign": "a$b",
    "a backtick": "a`b",
    "a leading dash": "-a",
    "a trailing newline": "a\\n",
    "a non-ASCII letter": "ä",
    "a lone surrogate": "\\ud800",
}

PLACES: dict[str, Callable[[str], Break]] = {
    "an apt package": lambda value: more(f'runtime: {{apt: ["{value}"]}}\n'),
    "an axis value": lambda value: matrix("axes:\n", f'axes:\n  flavour: ["{value}"]\n'),
    "an extra": lambda value: matrix(
        '"2026-11"\n', f'"2026-11"\n  packages: {{extras: ["{value}"]}}\n'
    ),
    "an epoch": lambda value: matrix('"2026-11"', f'"{value}"'),
    "a variable": lambda value: more(f'env: {{A: "{value}"}}\n', IMAGE),
    "a path": lambda value: image("source: app", f'source: "{value}"'),
    "a description": lambda value: image("Adds numbers", f'"{value}"'),
    "an image's name": lambda value: more(f'images: ["{value}"]\n'),
    "a target's name": lambda value: matrix("  local:", f'  "{value}":'),
    "a version of Ray": lambda value: matrix('"2.55.1"', f'"{value}"'),
}

YAML = [
    Case(
        id="no matrix.yaml",
        spoil=remove("matrix.yaml"),
        says=("there is no matrix.yaml in", "FACTORY_ROOT"),
        real=True,
    ),
    Case(
        id="malformed YAML",
        spoil=matrix('["3.11"]', '["3.11"'),
        says=(LINE.format(3, 3), "not valid YAML", "mend the syntax"),
        real=True,
    ),
    Case(id="empty file", spoil=write("matrix.yaml", ""), says=("the file is empty", "docs/")),
    Case(id="only comments", spoil=write("matrix.yaml", "# soon\n"), says=("the file is empty",)),
    Case(
        id="a list instead of keys",
        spoil=write("matrix.yaml", "- axes\n"),
        says=(LINE.format(1, 1), "should be a valid dictionary"),
    ),
    Case(
        id="not UTF-8",
        spoil=write("matrix.yaml", b"axes: \xff\n"),
        says=("matrix.yaml: not UTF-8 at byte 6", "save it as UTF-8"),
        real=True,
    ),
    Case(
        id="a control character in the file",
        spoil=more("images: [\x07demo]\n"),
        says=(LINE.format(13, 10), "U+0007"),
    ),
    Case(
        id="unknown key",
        spoil=more("exlude: []\n"),
        says=(LINE.format(13, 1), "unknown key 'exlude'", "did you mean exclude or include?"),
        real=True,
    ),
    Case(
        id="unknown key further in",
        spoil=matrix("epoch:", "epok: 1\n  epoch:"),
        says=(LINE.format(9, 3), "'epok'", "did you mean epoch?"),
    ),
    Case(
        id="a misspelt axis",
        spoil=matrix("python:", "pyhton:"),
        says=(LINE.format(1, 1), "axes lacks python", "is 'pyhton' meant to be python?"),
    ),
    Case(
        id="several keys missing",
        spoil=write("matrix.yaml", "axes: {python: ['3.11'], ray: ['2.60.0']}\n"),
        says=("lacks base", "lacks targets"),
    ),
    Case(
        id="duplicate key",
        spoil=more("axes: {}\n"),
        says=(LINE.format(13, 1), "duplicate key 'axes'"),
    ),
    Case(
        id="merge key",
        spoil=matrix("axes:\n", "axes:\n  <<: {}\n"),
        says=(LINE.format(2, 3), "merge keys"),
    ),
    Case(
        id="a tag that makes objects",
        spoil=matrix('"2026-11"', "!!python/object/apply:os.getcwd []"),
        says=(LINE.format(9, 10), "is not supported"),
    ),
    Case(
        id="alias bomb",
        spoil=write(
            "matrix.yaml",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
                for old, new in zip("abcdefg", "bcdefgh", strict=True)
            ),
        ),
        says=("nested too deeply, or too large",),
        real=True,
    ),
    Case(
        id="nested too deeply",
        spoil=write("matrix.yaml", "[" * 5000),
        says=("nested too deeply",),
    ),
    Case(
        id="float trap",
        spoil=matrix('["3.11"]', "[3.10]"),
        says=(
            LINE.format(2, 12),
            "3.10 without quotes is the number 3.1",
            'write "3.10"',
        ),
        real=True,
    ),
    Case(
        id="float trap in an exclusion",
        spoil=more("exclude:\n- {where: {python: 3.10}, reason: old}\n"),
        says=(LINE.format(14, 12), "the number 3.1", 'write "3.10"'),
    ),
    Case(
        id="float trap of an axis of the user's",
        spoil=matrix("axes:\n", "axes:\n  cuda: [12.0]\n"),
        says=(LINE.format(2, 10), 'write "12.0"'),
    ),
    Case(
        id="date trap",
        spoil=matrix('"2026-11"', "2026-11-01"),
        says=(LINE.format(9, 3), "is a date", 'write "2026-11-01"'),
    ),
    Case(
        id="half a version",
        spoil=matrix('"2.60.0", "2.55.1"', "2.60"),
        says=(LINE.format(3, 9), "the number 2.6", 'write "2.60"'),
    ),
    Case(
        id="quoted half a version",
        spoil=matrix('"2.60.0", "2.55.1"', '"2.60"'),
        says=(LINE.format(3, 9), 'a full version such as "2.60.0"'),
    ),
    Case(
        id="a value is missing",
        spoil=matrix(' "2026-11"', ""),
        says=(LINE.format(9, 3), "a value is missing"),
    ),
    Case(
        id="unknown device",
        spoil=matrix("axes:\n", "axes:\n  device: [tpu]\n"),
        says=(LINE.format(2, 12), "'cpu' or 'gpu'"),
    ),
    Case(
        id="too many workers",
        spoil=more("verify: {workers: 99}\n"),
        says=(LINE.format(13, 10), "less than or equal to 8"),
    ),
    Case(
        id="a budget that is no number",
        spoil=more("verify: {cold_start: {full: fast}}\n"),
        says=(LINE.format(13, 23), "verify.cold_start.full", "a valid number, not 'fast'"),
        real=True,
    ),
    Case(
        id="a budget of no time",
        spoil=more("verify: {cold_start: {throttled: 0}}\n"),
        says=(LINE.format(13, 23), "verify.cold_start.throttled", "greater than 0, not '0'"),
    ),
    Case(
        id="a negative budget",
        spoil=more("verify: {cold_start: {full: -2.5}}\n"),
        says=(LINE.format(13, 23), "greater than 0, not '-2.5'"),
    ),
    Case(
        id="a budget longer than anybody waits",
        spoil=more("verify: {cold_start: {throttled: .inf}}\n"),
        says=(LINE.format(13, 23), "less than or equal to 600"),
    ),
    Case(
        id="a suite that stands for no other",
        spoil=more("verify: {suite: coldstart}\n"),
        says=(LINE.format(13, 10), "'contract', 'quick' or 'full'"),
    ),
    Case(
        id="kind of a target that is misspelt",
        spoil=matrix("{kind: local}", "{kind: regsitry, registry: example.org}"),
        says=("matrix.yaml:", "targets.local.kind", "not 'regsitry'", "did you mean registry?"),
    ),
    Case(
        id="unknown partial reason",
        spoil=matrix("{kind: local}", "{kind: local, accept: [no database]}"),
        says=(
            LINE.format(12, 33),
            "'no database'",
            "did you mean no Java database or no vulnerability database?",
        ),
    ),
    Case(
        id="a folder in place of matrix.yaml",
        spoil=folder_for("matrix.yaml"),
        says=("matrix.yaml: cannot be read: Is a directory",),
        real=True,
    ),
    Case(
        id="hundreds of mistakes",
        spoil=more("".join(f"wrong{number}: 1\n" for number in range(300))),
        says=("and 290 more mistakes",),
        real=True,
    ),
]

AXES = [
    Case(
        id="unknown axis in exclude",
        spoil=more("exclude:\n- {where: {pyton: '3.11'}, reason: old}\n"),
        says=(LINE.format(14, 12), "unknown axis 'pyton'", "did you mean python?"),
    ),
    Case(
        id="unknown value in exclude",
        spoil=more("exclude:\n- {where: {ray: '2.60.1'}, reason: old}\n"),
        says=(LINE.format(14, 12), "axis ray has no value '2.60.1'", "did you mean 2.60.0"),
    ),
    Case(
        id="unknown axis in include",
        spoil=more("include:\n- {pyton: '3.11'}\n"),
        says=(LINE.format(14, 4), "unknown axis 'pyton'", "did you mean python?"),
    ),
    Case(
        id="axis missing in include",
        spoil=more("include:\n- {python: '3.11'}\n"),
        says=(LINE.format(14, 3), "missing: ray, device, rllib"),
    ),
    Case(
        id="unfit value in include",
        spoil=more("include:\n- {python: '3.11', ray: latest, device: cpu, rllib: false}\n"),
        says=(LINE.format(14, 20), "'latest' cannot be a value of axis ray"),
    ),
    Case(
        id="unknown axis in latest",
        spoil=matrix("latest: {ray:", "latest: {rai:"),
        says=(LINE.format(5, 10), "unknown axis 'rai'", "did you mean ray or"),
    ),
    Case(
        id="latest names no cell",
        spoil=matrix('latest: {ray: "2.60.0"}', 'latest: {ray: "2.61.0"}'),
        says=(LINE.format(5, 10), "no value '2.61.0'"),
    ),
    Case(
        id="latest names two cells",
        spoil=matrix('latest: {ray: "2.60.0"}', "latest: {python: '3.11'}"),
        says=(LINE.format(5, 1), "latest names 2 cells", "name more axes"),
        real=True,
    ),
    Case(
        id="unknown axis in an override",
        spoil=more("overrides: [{when: {pyton: '3.11'}, apt: [git]}]\n", IMAGE),
        says=(f"{IMAGE}:5:", "unknown axis 'pyton'", "did you mean python?"),
    ),
    Case(
        id="an override that matches nothing",
        spoil=more("overrides: [{when: {python: '3.12'}, apt: [git]}]\n", IMAGE),
        says=(f"{IMAGE}:5:", "no cell has python '3.12'", "did you mean 3.11?"),
    ),
    Case(
        id="empty matrix",
        spoil=more("exclude:\n- {where: {python: '3.11'}, reason: old}\n"),
        says=(LINE.format(1, 1), "no cell is left"),
        real=True,
    ),
    Case(
        id="two cells with one tag",
        spoil=more("include:\n- {python: '3.11', ray: '2.60.0', device: cpu, rllib: false}\n"),
        says=(LINE.format(14, 3), "would both be tagged 2.60.0-py311-cpu"),
        real=True,
    ),
    Case(
        id="a value twice",
        spoil=matrix('"2.55.1"', '"2.60.0"'),
        says=(LINE.format(3, 3), "2.60.0 twice"),
    ),
    Case(
        id="too many cells",
        spoil=matrix(
            "axes:\n",
            "axes:\n"
            + "".join(f"  axis{n}: [{', '.join(f'v{v}' for v in range(30))}]\n" for n in range(3)),
        ),
        says=(LINE.format(1, 1), "span 54,000 cells"),
    ),
    Case(
        id="an id too long for a tag",
        spoil=matrix("axes:\n", "axes:\n" + "".join(f"  a{n}: [{'v' * 30}]\n" for n in range(4))),
        says=(LINE.format(1, 1), "more than 115"),
    ),
]

IMAGES = [
    Case(
        id="unknown image",
        spoil=more("images: [dmo]\n"),
        says=(LINE.format(13, 10), "there is no image dmo", "did you mean demo?"),
        real=True,
    ),
    Case(
        id="no images",
        spoil=remove("images/demo"),
        says=("images/: there is no image", "add images/"),
    ),
    Case(
        id="an image's folder with an unfit name",
        spoil=write("images/De mo\n/image.yaml", "description: x\n"),
        says=("cannot be an image's name", "rename the folder"),
        real=True,
    ),
    Case(
        id="unknown key in an image",
        spoil=more("requirments: x\n", IMAGE),
        says=(f"{IMAGE}:5:1: unknown key", "did you mean requirements?"),
        real=True,
    ),
    Case(
        id="a folder in place of image.yaml",
        spoil=folder_for(IMAGE),
        says=(f"{IMAGE}: cannot be read",),
    ),
    Case(
        id="requirements missing",
        spoil=remove("images/demo/requirements.txt"),
        says=(f"{IMAGE}: there is no images/demo/requirements.txt", "create it"),
        real=True,
    ),
    Case(
        id="requirements of an override missing",
        spoil=more("overrides: [{when: {python: '3.11'}, requirements: r.txt}]\n", IMAGE),
        says=(f"{IMAGE}: there is no images/demo/r.txt",),
    ),
    Case(
        id="checks missing",
        spoil=remove("images/demo/checks.py"),
        says=(f"{IMAGE}: there is no images/demo/checks.py",),
    ),
    Case(
        id="code missing",
        spoil=remove("images/demo/app"),
        says=(f"{IMAGE}: there is no images/demo/app",),
    ),
    Case(
        id="a folder in place of requirements",
        spoil=folder_for("images/demo/requirements.txt"),
        says=("requirements.txt is a folder", "name a file"),
    ),
    Case(
        id="a file in place of the code's folder",
        spoil=image("source: app", "source: checks.py"),
        says=("checks.py is no folder", "name a folder"),
    ),
    Case(
        id="a path that leaves",
        spoil=image("source: app", "source: ../../dockerfiles"),
        says=(f"{IMAGE}:2:1: source:", "no part of which starts with a dot"),
        real=True,
    ),
    Case(
        id="an absolute path",
        spoil=image("requirements: requirements.txt", "requirements: /etc/hostname"),
        says=(f"{IMAGE}:3:1: requirements:", "is not a valid path"),
    ),
    Case(
        id="a symlink that leaves",
        spoil=link("images/demo/app", "/etc"),
        says=("leads outside the project", "builds read nothing beyond it"),
        real=True,
    ),
    Case(
        id="a symlink within",
        spoil=link("images/demo/requirements.txt", "checks.py"),
        says=("requirements.txt is a symlink", "name what it leads to"),
    ),
    Case(
        id="a symlink in the code that leaves",
        spoil=link("images/demo/app/secrets", "/etc/passwd"),
        says=("the symlink images/demo/app/secrets leaves the project",),
        real=True,
    ),
    Case(
        id="a symlink to itself",
        spoil=link("images/demo/app/loop", "loop"),
        says=("the symlink images/demo/app/loop leads to itself",),
    ),
    Case(
        id="an image's folder that leaves",
        spoil=both(
            write("../elsewhere/image.yaml", "description: x\n"),
            link("images/other", "../../elsewhere"),
        ),
        says=("images/other leads outside the project",),
    ),
    Case(
        id="a pipe in the code",
        spoil=fifo("images/demo/app/pipe"),
        says=("pipe is neither a file, a folder nor a symlink",),
    ),
]

TEMPLATES = [
    Case(
        id="undefined variable",
        spoil=more("LABEL a={{ imag.name }}\n", "dockerfiles/runtime.Dockerfile.j2"),
        says=(
            end_of("dockerfiles/runtime.Dockerfile.j2"),
            "'imag' is undefined",
            "templates can use",
        ),
        real=True,
    ),
    Case(
        id="template syntax",
        spoil=more("{% if %}\n", "dockerfiles/app.Dockerfile.j2"),
        says=(end_of("dockerfiles/app.Dockerfile.j2"), "template syntax"),
        real=True,
    ),
    Case(
        id="a template that fails",
        spoil=more("{{ 1 // 0 }}\n", "dockerfiles/app.Dockerfile.j2"),
        says=(end_of("dockerfiles/app.Dockerfile.j2"), "ZeroDivisionError"),
    ),
    Case(
        id="a template that includes itself",
        spoil=more('{% include "app.Dockerfile.j2" %}\n', "dockerfiles/app.Dockerfile.j2"),
        says=("dockerfiles/app.Dockerfile.j2:", "RecursionError"),
    ),
    Case(
        id="template missing",
        spoil=remove("dockerfiles/base.Dockerfile.j2"),
        says=("there is no template base.Dockerfile.j2", "add dockerfiles/base.Dockerfile.j2"),
        real=True,
    ),
    Case(
        id="macros missing",
        spoil=remove("dockerfiles/macros.j2"),
        says=("dockerfiles/base.Dockerfile.j2:1: there is no template macros.j2",),
    ),
    Case(
        id="no templates at all",
        spoil=remove("dockerfiles"),
        says=("dockerfiles: there is no template",),
    ),
    Case(
        id="template not UTF-8",
        spoil=write("dockerfiles/macros.j2", b"\xff"),
        says=("dockerfiles/macros.j2: not UTF-8",),
    ),
]

CALLS = [
    Case(
        id="image that matches nothing",
        spoil=nothing,
        args=("plan", "--image=dmo"),
        says=("--image 'dmo' matches no build", "did you mean demo?"),
        real=True,
    ),
    Case(
        id="variant that matches nothing",
        spoil=nothing,
        args=("matrix", "--variant=gpu"),
        says=("--variant 'gpu' matches no build", "did you mean cpu?"),
    ),
    Case(
        id="Python that matches nothing",
        spoil=nothing,
        args=("render", "--python=3.12"),
        says=("--python '3.12' matches no build", "3.11"),
    ),
    Case(
        id="Ray that matches nothing",
        spoil=nothing,
        args=("release", "--ray=2.60"),
        says=("--ray '2.60' matches no build", "2.60.0"),
    ),
    Case(
        id="rllib that matches nothing",
        spoil=nothing,
        args=("build", "--rllib"),
        says=("--rllib 'true' matches no build", "false"),
    ),
    Case(
        id="only that matches nothing",
        spoil=nothing,
        args=("scan", "--only=2.60.0-py311-gpu"),
        says=("matches no cell and no build", "did you mean 2.60.0-py311-cpu"),
        real=True,
    ),
    Case(
        id="skip that matches nothing",
        spoil=nothing,
        args=("verify", "--skip=demo:9*"),
        says=("'demo:9*' matches no cell",),
    ),
    Case(
        id="only with an image's name alone",
        spoil=nothing,
        args=("plan", "--only=demo"),
        says=("'demo' matches no cell", "did you mean `demo:*`, or `--image demo`?"),
    ),
    Case(
        id="only with the beginning of an id",
        spoil=nothing,
        args=("plan", "--only=2.60"),
        says=("'2.60' matches no cell", "did you mean `2.60*`?"),
    ),
    Case(
        id="only without a value, as an empty variable of a script leaves it",
        spoil=nothing,
        args=("release", "--only"),
        says=("--only has no value", "write --only GLOB"),
        real=True,
    ),
    Case(
        id="an image that is described in image.yml",
        spoil=write("images/other/image.yml", "description: O\n"),
        args=("plan",),
        says=("images/other/image.yml: an image is described in image.yaml", "rename it"),
    ),
    Case(
        id="a selector full of control characters",
        spoil=nothing,
        args=("plan", "--only=\x1b[2J\n"),
        says=(r"'\x1b[2J\n' matches no cell",),
    ),
    Case(
        id="selectors that contradict each other",
        spoil=nothing,
        args=("publish", "--only=*2.60.0*", "--ray=2.55.1"),
        says=("together they match nothing", "drop one"),
        real=True,
    ),
    Case(
        id="an image by name, and a selector",
        spoil=nothing,
        args=("verify", "--ref=my/ray:1", "--only=demo:*"),
        says=("--ref and the selection flags exclude each other", "leave one or the other out"),
    ),
    Case(
        id="a name that no image can have",
        spoil=nothing,
        args=("verify", "--ref=-my ray"),
        says=("--ref '-my ray' is no image's name", "rayproject/ray"),
    ),
    Case(
        id="pulling nothing in particular",
        spoil=nothing,
        args=("verify", "--pull"),
        says=("--pull goes with --ref", "--ref REF --pull"),
    ),
    Case(
        id="an image by name, and a suite that there is not",
        spoil=nothing,
        args=("verify", "--ref=my/ray:1", "--suite=qick"),
        says=("there is no suite 'qick'", "did you mean quick?"),
    ),
    Case(
        id="rllib with no-rllib",
        spoil=nothing,
        args=("plan", "--rllib", "--no-rllib"),
        says=("--rllib and --no-rllib exclude each other", "keep one"),
        real=True,
    ),
    Case(
        id="unknown format",
        spoil=nothing,
        args=("plan", "--format=xml"),
        says=("--format 'xml' is not known", "use text or json"),
    ),
    Case(
        id="unknown format of a run",
        spoil=nothing,
        args=("release", "--format=xml"),
        says=("--format 'xml' is not known",),
    ),
    Case(
        id="a wrong project in JSON",
        spoil=remove("matrix.yaml"),
        args=("plan", "--format=json"),
        says=("there is no matrix.yaml",),
        real=True,
    ),
    Case(
        id="FACTORY_JOBS is no number",
        spoil=nothing,
        env={"FACTORY_JOBS": "zero"},
        says=("FACTORY_JOBS is 'zero'", "such as 2"),
        real=True,
    ),
    Case(
        id="FACTORY_JOBS is 0",
        spoil=nothing,
        env={"FACTORY_JOBS": "0"},
        says=("FACTORY_JOBS is '0'",),
    ),
    Case(
        id="FACTORY_JOBS has more digits than Python converts",
        spoil=nothing,
        env={"FACTORY_JOBS": "9" * 5000},
        says=("FACTORY_JOBS is",),
    ),
    Case(
        id="FACTORY_CLUSTERS is no number",
        spoil=nothing,
        env={"FACTORY_CLUSTERS": "all"},
        says=("FACTORY_CLUSTERS is 'all'", "how many clusters", "such as 2"),
    ),
    Case(
        id="FACTORY_REGISTRY is no address",
        spoil=nothing,
        env={"FACTORY_REGISTRY": "-o $(id)"},
        says=("FACTORY_REGISTRY is '-o $(id)'", "127.0.0.1:5000"),
    ),
    Case(
        id="FACTORY_ROOT is nowhere",
        spoil=nothing,
        env={"FACTORY_ROOT": "/nonexistent"},
        says=("there is no matrix.yaml in /nonexistent", "FACTORY_ROOT"),
        real=True,
    ),
    Case(
        id="FACTORY_ROOT is a file",
        spoil=nothing,
        env={"FACTORY_ROOT": __file__},
        says=("matrix.yaml: cannot be read: Not a directory",),
    ),
]

MACHINE = [
    Case(
        id="engine down",
        spoil=nothing,
        args=("build",),
        env=UNREACHABLE,
        says=("/nonexistent.sock", "invoke doctor"),
        code=7,
        real=True,
    ),
    Case(
        id="engine down for a release in JSON",
        spoil=nothing,
        args=("release", "--format=json"),
        env=UNREACHABLE,
        says=("/nonexistent.sock",),
        code=7,
        real=True,
    ),
    Case(
        id="engine down for clean",
        spoil=nothing,
        args=("clean",),
        env=UNREACHABLE,
        says=("/nonexistent.sock",),
        code=7,
    ),
    Case(
        id="DOCKER_HOST is no address",
        spoil=nothing,
        args=("build",),
        env={"DOCKER_HOST": "nonsense://"},
        says=("DOCKER_HOST",),
        code=7,
    ),
    Case(
        id="a Ray without a wheel for this Python",
        spoil=both(matrix('"3.11"', '"3.14"'), matrix('"2.55.1"', '"2.54.0"')),
        says=("Ray 2.54.0 has no wheel for Python 3.14", "take Ray 2.55 or newer"),
        real=True,
    ),
    Case(
        id="a Ray that left this Python behind",
        spoil=matrix('"3.11"', '"3.9"'),
        says=("Ray 2.60.0 has no wheel for Python 3.9", "take Ray 2.51 or older"),
    ),
    Case(
        id="a Python that no suite has",
        spoil=matrix('"3.11"', '"3.10"'),
        says=("no Debian suite has a Python 3.10", "3.11, 3.13", "`base: {source: registry}`"),
        real=True,
    ),
    Case(
        id="a wheel that is missing",
        spoil=matrix('"2026-11"\n', '"2026-11"\n  packages: {wheel: wheels/ray.whl}\n'),
        says=("matrix.yaml: there is no wheels/ray.whl",),
    ),
    Case(
        id="a wheel of another version",
        spoil=both(
            wheel("wheels/ray-2.55.1-cp311-cp311-manylinux2014_x86_64.whl"),
            matrix(
                '"2026-11"\n',
                '"2026-11"\n'
                "  packages: {wheel: wheels/ray-2.55.1-cp311-cp311-manylinux2014_x86_64.whl}\n",
            ),
        ),
        says=("is not Ray 2.60.0 for Python 3.11", "name the version"),
    ),
    Case(
        id="a wheel at the root",
        spoil=both(
            wheel("ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl"),
            matrix(
                '"2026-11"\n',
                '"2026-11"\n  packages: {wheel: ray-2.60.0-cp311-cp311-manylinux2014_x86_64.whl}\n',
            ),
        ),
        says=("lies at the project's root", "move it"),
    ),
]

LEDGER = [
    Case(
        id=f"{name}, for {task}",
        spoil=spoil,
        args=(task,),
        says=("ledger", said),
        code=code,
        real=task == "status",
    )
    for name, spoil, said, code in (
        ("a ledger that is none", ledger(b"not a database" * 100), "damaged", 7),
        ("a damaged ledger", ledger(b"SQLite format 3\0" + b"\xff" * 4096), "damaged", 7),
        ("a foreign ledger", foreign_ledger, "another", 2),
        ("a newer ledger", newer_ledger, "newer", 2),
    )
    for task in ("status", "plan")
]

VALUES = [
    Case(id=f"{kind} in {place}", spoil=at(value), says=())
    for place, at in PLACES.items()
    for kind, value in UNFIT.items()
]


def _linked_key(root: Path) -> None:
    (root / "key.pub").symlink_to("/etc/hostname")
    _more("evidence: {trust: [key.pub]}\n")(root)


def _more(text: str) -> Break:
    """Add to ``matrix.yaml``."""
    return lambda root: write("matrix.yaml", (root / "matrix.yaml").read_text() + text)(root)


AUDIT = [
    Case(
        id="audit of no reference",
        spoil=nothing,
        args=("audit", "Not A/Name"),
        says=("'Not A/Name' is no image's name", "as `docker pull` takes it"),
        real=True,
    ),
    Case(
        id="audit of a flag in place of a reference",
        spoil=nothing,
        args=("audit", "--ref=-v"),
        says=("'-v' is no image's name",),
        real=True,
    ),
    Case(
        id="audit where nobody answers",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app:latest"),
        says=("127.0.0.1:1 cannot be reached", "see that it runs"),
        code=6,
        real=True,
    ),
    Case(
        id="audit by a key that is not there",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", "--key=/nonexistent.pub"),
        says=("/nonexistent.pub: this public key cannot be read: there is no such file",),
        real=True,
    ),
    Case(
        id="audit by a key that is none",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", f"--key={__file__}"),
        says=("this is no public key in PEM", "cosign public-key"),
        real=True,
    ),
    Case(
        id="audit by the policy of no target",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", "--policy=locla"),
        says=("there is no target 'locla'", "local"),
        real=True,
    ),
    Case(
        id="audit by a policy and reasons",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", "--policy=local", "--accept=substituted base"),
        says=("--policy and --accept exclude each other",),
    ),
    Case(
        id="audit that accepts what there is not",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", "--accept=no NVIDIA runtim"),
        says=("'no NVIDIA runtim'", "did you mean no NVIDIA runtime?"),
        real=True,
    ),
    Case(
        id="audit with no number of days",
        spoil=nothing,
        args=("audit", "127.0.0.1:1/app", "--max-age=soon"),
        says=("--max-age 'soon' is no number of days",),
    ),
    Case(
        id="a trusted key that leads out of the project",
        spoil=_linked_key,
        args=("audit", "127.0.0.1:1/app", "--policy=local"),
        says=("key.pub: this public key cannot be read: it leads out of the project",),
    ),
    Case(
        id="a signing key that is an address",
        spoil=_more("evidence: {sign: {key: https://keys.example/a}}\n"),
        says=("is not a valid key", "env://"),
    ),
]

CASES = [
    *(*YAML, *AXES, *IMAGES, *FAMILY, *LOCKS, *SCANNING, *MOVING, *PROMOTION),
    *(*LAUNCHING, *EXPORTING),
    *(*PUBLISHING, *AUDIT, *TEMPLATES, *CALLS, *MACHINE, *LEDGER, *VALUES, *ADVERSARIAL),
]
