"""Mistakes in what makes a family: devices, upstream bases, parents, git, install scripts."""

from __future__ import annotations

from tests.bad_input.spoiling import IMAGE, LINE, Break, Case, both, image, matrix, more, write

OTHER = "images/other/image.yaml"
PASSWORD = "hush-hush"
TWO_DEVICES = both(
    matrix("axes:\n", "axes:\n  device: [cpu, gpu]\n"),
    matrix('latest: {ray: "2.60.0"}', "devices: {gpu: {cuda: cuda130}}"),
)


def devices(text: str) -> Break:
    """Line 13, from column 1."""
    return more(f"devices: {{{text}}}\n")


def base(text: str) -> Break:
    """Line 8, from column 3."""
    return matrix("source: packages", text)


def other(text: str) -> Break:
    """A second image; its text begins in line 2."""
    return both(write("images/other/app/main.py", ""), write(OTHER, f"description: x\n{text}"))


def git(url: str, ref: str = "main") -> Break:
    """Line 2 of the image."""
    return image("source: app", f"source: {{git: '{url}', ref: '{ref}'}}")


DEVICES = [
    Case(
        id="gpu cells without a CUDA release",
        spoil=matrix("axes:\n", "axes:\n  device: [gpu]\n"),
        says=(
            "cell 2.60.0-py311-gpu: ",
            "which CUDA device gpu has",
            "add `devices: {gpu: {cuda: cuda130}}`",
        ),
        real=True,
    ),
    Case(
        id="RLlib cells without a torch",
        spoil=matrix("axes:\n", "axes:\n  rllib: [true]\n"),
        says=(
            "cell 2.60.0-py311-cpu-rllib: ",
            "which torch RLlib gets on device cpu",
            'add `torch: {version: "2.13.0+cpu"}` to it under `devices:`',
        ),
        real=True,
    ),
    Case(
        id="RLlib cells without a torch for the GPU",
        spoil=both(TWO_DEVICES, matrix("  device:", "  rllib: [true]\n  device:")),
        args=("plan", "--variant=gpu"),
        says=("which torch RLlib gets on device gpu", 'add `torch: {version: "2.13.0"}`'),
    ),
    Case(
        id="a CUDA torch for a cpu",
        spoil=devices("cpu: {torch: {version: 2.13.0}}"),
        says=(LINE.format(13, 25), "torch 2.13.0 is a CUDA build", 'write "2.13.0+cpu"'),
        real=True,
    ),
    Case(
        id="a torch of a CUDA for a cpu",
        spoil=devices("cpu: {torch: {version: 2.13.0+cu130}}"),
        says=(LINE.format(13, 25), "torch 2.13.0+cu130 is a CUDA build", 'write "2.13.0+cpu"'),
    ),
    Case(
        id="a cpu torch for a gpu",
        spoil=devices("gpu: {cuda: cuda130, torch: {version: 2.13.0+cpu}}"),
        says=(LINE.format(13, 40), "does not fit cuda130", 'write "2.13.0+cu130", or "2.13.0"'),
    ),
    Case(
        id="a torch of another CUDA for a gpu",
        spoil=devices("gpu: {cuda: cuda130, torch: {version: 2.13.0+cu128}}"),
        says=(LINE.format(13, 40), "2.13.0+cu128 does not fit cuda130"),
    ),
    Case(
        id="a torch without a version",
        spoil=devices("cpu: {torch: {index: 'https://w.example/cpu'}}"),
        says=(LINE.format(13, 17), "devices.cpu.torch lacks version"),
    ),
    Case(
        id="a torch in half a version",
        spoil=devices("cpu: {torch: {version: 2.13}}"),
        says=(LINE.format(13, 25), "the number 2.13", 'write "2.13"'),
    ),
    Case(
        id="a CUDA release as NVIDIA writes it",
        spoil=devices("gpu: {cuda: '13.0'}"),
        says=(LINE.format(13, 17), "'13.0' is not a valid cuda release", "such as cuda130"),
        real=True,
    ),
    Case(
        id="half a CUDA release",
        spoil=devices("gpu: {cuda: cuda13}"),
        says=(LINE.format(13, 17), "'cuda13' is not a valid cuda release"),
    ),
    Case(
        id="a gpu without a CUDA release",
        spoil=devices("gpu: {}"),
        says=(LINE.format(13, 11), "devices.gpu lacks cuda", "add `cuda:`"),
    ),
    Case(
        id="a CUDA release for a cpu",
        spoil=devices("cpu: {cuda: cuda130}"),
        says=(LINE.format(13, 17), "unknown key 'cuda'"),
    ),
    Case(
        id="a device that there is not",
        spoil=devices("tpu: {}"),
        says=(LINE.format(13, 11), "unknown key 'tpu'", "did you mean gpu or cpu?"),
    ),
    Case(
        id="a folder of torch that is missing",
        spoil=devices("cpu: {torch: {version: 2.13.0+cpu, find_links: wheels}}"),
        says=("matrix.yaml: there is no wheels", "create it"),
        real=True,
    ),
    Case(
        id="a file in place of a folder of torch",
        spoil=devices("cpu: {torch: {version: 2.13.0+cpu, find_links: matrix.yaml}}"),
        says=("matrix.yaml: matrix.yaml is no folder", "name a folder"),
    ),
    Case(
        id="a folder of torch that leaves",
        spoil=devices("cpu: {torch: {version: 2.13.0+cpu, find_links: ../wheels}}"),
        says=(LINE.format(13, 46), "'../wheels' is not a valid path"),
    ),
    Case(
        id="an index with credentials",
        spoil=devices(
            f"cpu: {{torch: {{version: 2.13.0+cpu, index: 'https://me:{PASSWORD}@w.example'}}}}"
        ),
        says=(LINE.format(13, 46), "is not a valid index", "without a user"),
        hides=(PASSWORD,),
        real=True,
    ),
]

BASES = [
    Case(
        id="a source of bases that there is not",
        spoil=base("source: dockerhub"),
        says=(LINE.format(8, 3), "'registry', 'packages' or 'auto'", "not 'dockerhub'"),
        real=True,
    ),
    Case(
        id="a mirror with a scheme",
        spoil=base("source: registry\n  mirror: https://mirror.example"),
        says=(LINE.format(9, 3), "'https://mirror.example' is not a valid mirror", "host[:port]"),
        real=True,
    ),
    Case(
        id="a mirror with credentials",
        spoil=base(f"source: registry\n  mirror: me:{PASSWORD}@mirror.example"),
        says=(LINE.format(9, 3), "is not a valid mirror"),
        hides=(PASSWORD,),
    ),
    Case(
        id="a mirror with a scheme and credentials",
        spoil=base(f"source: auto\n  mirror: https://me:{PASSWORD}@mirror.example/hub"),
        says=(LINE.format(9, 3), "is not a valid mirror"),
        hides=(PASSWORD,),
        real=True,
    ),
]

PARENTS = [
    Case(
        id="an unknown parent",
        spoil=more("parent: dmo\n", IMAGE),
        says=(f"{IMAGE}:5:1: there is no image dmo to be its parent",),
        real=True,
    ),
    Case(
        id="a misspelt parent",
        spoil=other("parent: dmo\n"),
        says=(f"{OTHER}:2:1: there is no image dmo", "did you mean demo?"),
    ),
    Case(
        id="a parent that the matrix leaves out",
        spoil=both(other("parent: demo\n"), more("images: [other]\n")),
        says=(f"{OTHER}:2:1: there is no image demo to be its parent",),
    ),
    Case(
        id="an image on itself",
        spoil=more("parent: demo\n", IMAGE),
        says=(f"{IMAGE}: the parents go in a circle: demo → demo", "drop one of these"),
        real=True,
    ),
    Case(
        id="parents in a circle",
        spoil=both(other("parent: demo\n"), more("parent: other\n", IMAGE)),
        says=("the parents go in a circle: demo → other → demo", "drop one of these"),
    ),
    Case(
        id="an image for cells that there are not",
        spoil=more("where: {device: gpu}\n", IMAGE),
        says=(f"{IMAGE}:5:9: no cell has device 'gpu'", "did you mean cpu?"),
        real=True,
    ),
    Case(
        id="an image for an axis that there is not",
        spoil=more("where: {divice: gpu}\n", IMAGE),
        says=(f"{IMAGE}:5:9: unknown axis 'divice'", "did you mean device?"),
    ),
    Case(
        id="an override for cells that the image is not for",
        spoil=both(
            TWO_DEVICES,
            more("where: {device: gpu}\noverrides: [{when: {device: cpu}, apt: [git]}]\n", IMAGE),
        ),
        says=(f"{IMAGE}:6:14: this override matches no cell",),
        real=True,
    ),
    Case(
        id="an image whose parent is for other cells",
        spoil=both(
            TWO_DEVICES,
            more("where: {device: gpu}\n", IMAGE),
            other("parent: demo\nwhere: {device: cpu}\n"),
        ),
        says=(
            f"{OTHER}: other is made for no cell",
            "none of those that its parent demo is made for",
            "make the `where:` of one of the two wider",
        ),
        real=True,
    ),
    Case(
        id="an override for cells that the parent is not for",
        spoil=both(
            TWO_DEVICES,
            more("where: {device: gpu}\n", IMAGE),
            other("parent: demo\noverrides: [{when: {device: cpu}, apt: [git]}]\n"),
        ),
        says=(f"{OTHER}: override 1 matches no cell that both other and its parent demo",),
    ),
]

GIT = [
    Case(
        id="a git address with credentials",
        spoil=git(f"https://me:{PASSWORD}@code.example/app.git"),
        says=(f"{IMAGE}:2:10: ", "is not a valid git repository", "a token is named by `token:`"),
        hides=(PASSWORD,),
        real=True,
    ),
    Case(
        id="a git address with a token for a user",
        spoil=git(f"https://{PASSWORD}@code.example/app.git"),
        says=(f"{IMAGE}:2:10: ", "is not a valid git repository"),
        hides=(PASSWORD,),
    ),
    Case(
        id="a git address over ssh",
        spoil=git("ssh://git@code.example/app.git"),
        says=(f"{IMAGE}:2:10: ", "is not a valid git repository", "an http(s) address"),
        real=True,
    ),
    Case(
        id="a git address as scp writes it",
        spoil=git("git@code.example:app.git"),
        says=(f"{IMAGE}:2:10: ", "is not a valid git repository"),
    ),
    Case(
        id="a git address without .git",
        spoil=git("https://code.example/app"),
        says=(f"{IMAGE}:2:10: ", "that ends in .git"),
    ),
    Case(
        id="a git ref that climbs",
        spoil=git("https://code.example/app.git", "v1/../../x"),
        says=(f"{IMAGE}:2:47: ", "'v1/../../x' is not a valid git ref"),
        real=True,
    ),
    Case(
        id="a git ref that is an option",
        spoil=git("https://code.example/app.git", "--upload-pack=x"),
        says=(f"{IMAGE}:2:47: ", "is not a valid git ref"),
    ),
    Case(
        id="git without a repository",
        spoil=image("source: app", "source: {ref: main}"),
        says=(f"{IMAGE}:2:", "lacks git"),
    ),
    Case(
        id="a misspelt key of git",
        spoil=image("source: app", "source: {git: 'https://code.example/app.git', reff: main}"),
        says=(f"{IMAGE}:2:", "unknown key 'reff'", "did you mean ref?"),
    ),
    Case(
        id="a token in place of its variable's name",
        spoil=image(
            "source: app", f"source: {{git: 'https://code.example/app.git', token: {PASSWORD}}}"
        ),
        says=(f"{IMAGE}:2:", "is not a valid variable name"),
    ),
]

INSTALL = [
    Case(
        id="a script that is missing",
        spoil=more("install: {script: install.sh}\n", IMAGE),
        says=(f"{IMAGE}: there is no images/demo/install.sh", "create it"),
        real=True,
    ),
    Case(
        id="a folder in place of a script",
        spoil=more("install: {script: app}\n", IMAGE),
        says=(f"{IMAGE}: images/demo/app is a folder", "name a file"),
    ),
    Case(
        id="an installation without a script",
        spoil=more("install: {apt: [gcc]}\n", IMAGE),
        says=(f"{IMAGE}:5:1: install lacks script", "add `script:`"),
    ),
    Case(
        id="a secret's name that is none",
        spoil=both(
            write("images/demo/install.sh", "true\n"),
            more("install: {script: install.sh, secrets: ['MY-KEY']}\n", IMAGE),
        ),
        says=(f"{IMAGE}:5:41: ", "'MY-KEY' is not a valid variable name", "letters, digits and _"),
        real=True,
    ),
]

FAMILY = [*DEVICES, *BASES, *PARENTS, *GIT, *INSTALL]
