"""How exports and adoptions may be asked for wrongly, and what the user is told."""

from __future__ import annotations

from tests.bad_input.spoiling import Case, matrix, nothing

CELL = "2.60.0-py311-cpu"

EXPORTING = [
    Case(
        id="a file for a cell that was never published",
        args=("export.compose", "--cell", CELL),
        spoil=nothing,
        says=(f"demo:{CELL} was never published at `local` from here", "invoke release --image"),
        code=6,
        real=True,
    ),
    Case(
        id="a file for a cell that there is not",
        args=("export.kuberay", "--cell", "2.60.0-py311-gpu"),
        spoil=nothing,
        says=("'2.60.0-py311-gpu' is no cell of matrix.yaml", f"did you mean {CELL}"),
    ),
    Case(
        id="a file for a cohort that there is not",
        args=("export.compose", "--cohort", "gpu-head"),
        spoil=nothing,
        says=("--cohort 'gpu-head' is not in matrix.yaml", "there is none"),
    ),
    Case(
        id="a file for images at a target that there is not",
        args=("export.compose", "--target", "locl"),
        spoil=nothing,
        says=("--target 'locl' is not in matrix.yaml", "did you mean local?"),
    ),
    Case(
        id="a file for an image that there is not",
        args=("export.compose", "--image", "dmo"),
        spoil=nothing,
        says=("--image 'dmo' matches no image", "did you mean demo?"),
    ),
    Case(
        id="a file for workers with another Ray",
        args=("export.compose", "--head", CELL, "--worker", "2.55.1-py311-cpu"),
        spoil=nothing,
        says=(
            "2.55.1-py311-cpu cannot join",
            "Ray is 2.60.0 on the head and 2.55.1 on the workers",
        ),
    ),
    Case(
        id="a file for a cell and for a cohort",
        args=("export.compose", "--cell", CELL, "--cohort", "gpu-head"),
        spoil=nothing,
        says=("exclude each other", "say --cell for one image everywhere"),
    ),
    Case(
        id="a file without a cell, and no latest of two",
        args=("export.compose",),
        spoil=matrix('latest: {ray: "2.60.0"}\n', ""),
        says=("which cell?", "--cell 2.60.0-py311-cpu"),
    ),
    Case(
        id="a file for no workers",
        args=("export.compose", "--workers", "0"),
        spoil=nothing,
        says=("--workers 0 is too few", "say 1 or more"),
    ),
    Case(
        id="a file for nodes with too little memory",
        args=("export.kuberay", "--memory", "1"),
        spoil=nothing,
        says=("--memory 1 is too little for a Ray node",),
    ),
    Case(
        id="a cluster whose name is none",
        args=("export.compose", "--name", "My Ray"),
        spoil=nothing,
        says=("'My Ray' is no name of a cluster", "small letters"),
    ),
    Case(
        id="an unknown provider",
        args=("export.ray-up", "--provider", "asw"),
        spoil=nothing,
        says=("--provider 'asw' is not known", "did you mean aws?"),
    ),
    Case(
        id="a value that a shell would run",
        args=("export.ray-up", "--ssh-user", "$(id)"),
        spoil=nothing,
        says=("--ssh-user '$(id)' has a character that it must not have",),
    ),
    Case(
        id="adopting as no cell",
        args=("adopt", "mine:1"),
        spoil=nothing,
        says=("as which cell's image?", "invoke adopt mine:1 --as CELL"),
    ),
    Case(
        id="adopting as a cell that there is not",
        args=("adopt", "mine:1", "--as", "2.61.0-py311-cpu"),
        spoil=nothing,
        says=("'2.61.0-py311-cpu' matches no cell and no build", "2.60.0-py311-cpu"),
    ),
    Case(
        id="adopting for a target that does not accept it",
        args=("adopt", "mine:1", "--as", CELL, "--publish"),
        spoil=nothing,
        says=("`local` does not accept images that are adopted by hand", "add `adopted by hand`"),
        code=6,
    ),
    Case(
        id="adopting for a target that there is not",
        args=("adopt", "mine:1", "--as", CELL, "--publish", "--target", "prod"),
        spoil=nothing,
        says=("--target 'prod' is not in matrix.yaml",),
    ),
    Case(
        id="adopting at a target without publishing",
        args=("adopt", "mine:1", "--as", CELL, "--target", "local"),
        spoil=nothing,
        says=("--target goes with --publish",),
    ),
]
