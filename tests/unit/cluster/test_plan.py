"""What Docker is asked for."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.cluster.plan import KIND, Node, Spec, check_name, place_of
from factory.cluster.plan import SPEC as SPEC_LABEL
from factory.cluster.sizes import Sizes
from factory.errors import ConfigError

NODE = Node(image="ray:1", folder="/work", shm=2**30, ports={8265: 18265})
SPEC = Spec(
    name="local",
    head="a",
    worker="b",
    head_image="h",
    worker_image="w",
    workers=2,
    sizes=Sizes(memory=4 * 2**30, shm=2**30, cpus=2),
    ports={"dashboard": 1, "prometheus": 2, "grafana": 3},
)


def test_a_node_is_removed_at_its_end_and_bound_to_this_machine_alone() -> None:
    argv = NODE.argv()
    assert argv[:4] == ["docker", "run", "--init", "--rm"]
    assert "--publish=127.0.0.1:18265:8265" in argv
    assert f"--shm-size={2**30}" in argv
    assert f"--label={KIND}=node" in argv
    assert argv[-2:] == ["ray:1", "bash"]
    assert not [word for word in argv if word.startswith(("--gpus", "--env", "--name"))]


def test_a_command_is_passed_word_for_word() -> None:
    assert replace(NODE, command=("a b", "$(id)")).argv()[-3:] == ["ray:1", "a b", "$(id)"]


def test_a_terminal_is_asked_for_where_there_is_one() -> None:
    assert "--tty" not in NODE.argv()
    assert {"--interactive", "--tty"} <= set(replace(NODE, terminal=True).argv())
    assert "--tty" not in replace(NODE, terminal=True, detach=True).argv()


def test_what_is_kept_has_a_name_and_no_shell_as_its_life() -> None:
    argv = replace(NODE, keep="mine", terminal=True).argv()
    assert argv[3:6] == ["--name", "mine", "--detach"]
    assert "--rm" not in argv
    assert argv[-3:] == ["bash", "-c", "exec sleep infinity"]


def test_what_is_kept_knows_with_which_flags_it_was_made() -> None:
    made = replace(NODE, keep="mine", settled=("--port 1:2", "--gpus"))
    labels = {KIND: "node", SPEC_LABEL: "--port 1:2, --gpus"}
    assert f"--label={SPEC_LABEL}=--port 1:2, --gpus" in made.argv()
    assert made.unheeded(labels) == ()
    assert NODE.unheeded(labels) == ()
    assert replace(made, settled=("--port 1:3", "--gpus")).unheeded(labels) == ("--port 1:3",)
    assert made.unheeded({}) == made.settled


def test_the_token_is_in_no_argument() -> None:
    argv = replace(NODE, ray=True, gpus=True).argv()
    assert {"--env=RAY_AUTH_MODE=token", "--env=RAY_AUTH_TOKEN", "--gpus=all"} <= set(argv)
    assert argv[-2:] == ["run", "bash"]
    assert argv[-3].startswith("ray start --head")
    assert argv[-3].endswith('&& exec "$@"')


@pytest.mark.parametrize("more", [{"detach": True}, {"keep": "mine"}])
def test_a_ray_that_nobody_sits_at_is_the_containers_life(more: dict[str, object]) -> None:
    assert replace(NODE, ray=True, **more).argv()[-1].endswith(" --block")  # type: ignore[arg-type]  # flags of various types


@given(st.text(st.characters(exclude_characters="\0\n\r")))
def test_any_folder_is_one_field_of_the_mount(folder: str) -> None:
    [mount] = [word for word in replace(NODE, folder=folder).argv() if word.startswith("--mount=")]
    [fields] = csv.reader([mount.removeprefix("--mount=")])
    assert fields == ["type=bind", f"source={folder}", "target=/host"]


def test_a_cluster_is_known_again_by_its_label() -> None:
    assert Spec.of(SPEC.text()) == SPEC
    assert [Spec.of(text) for text in ("", "{}", "[]", '{"name": 1}', '{"sizes": 3}')] == [None] * 5


def test_definitions_are_those_that_a_cluster_needs() -> None:
    assert SPEC.files == ("local.yaml",)
    grown = replace(SPEC, worker_gpus=True, prometheus="p", grafana="g")
    assert grown.files == ("local.yaml", "gpu.yaml", "prometheus.yaml", "grafana.yaml")
    assert replace(SPEC, head_gpus=True).files == ("local.yaml", "gpu-head.yaml")


def test_the_head_works_only_where_nobody_else_does() -> None:
    assert SPEC.variables("t")["HEAD_CPUS"] == "0"
    assert replace(SPEC, workers=0).variables("t")["HEAD_CPUS"] == "2"


def test_the_token_is_in_no_label() -> None:
    variables = SPEC.variables("the-token")
    assert [name for name, value in variables.items() if "the-token" in value] == ["RAY_AUTH_TOKEN"]


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a/b", "a" * 32, "a\n"])
def test_a_name_that_containers_cannot_bear_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        check_name(name)


def test_a_path_on_a_node_is_told_from_one_here() -> None:
    nodes = ("head", "worker-1", "prometheus")
    assert place_of("head:/a:b", nodes) == ("head", "/a:b")
    assert place_of("prometheus:/a", nodes) == ("prometheus", "/a")
    assert place_of("worker-9:/a", nodes) == ("worker-9", "/a")
    assert place_of(r"C:\a", nodes) == ("", r"C:\a")
    assert place_of("a", nodes) == ("", "a")
