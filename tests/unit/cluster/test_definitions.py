"""The Compose files of local clusters."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from factory.cluster.plan import CLUSTER, KIND, LOCAL, SPEC, Spec
from tests.conftest import ROOT
from tests.unit.cluster.test_plan import SPEC as SHOWN

NAMES = ("local", "prometheus", "grafana")


def content(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / f"compose/{name}.yaml").read_text("utf-8"))
    return loaded


SERVICES = {service: body for name in NAMES for service, body in content(name)["services"].items()}


@pytest.mark.parametrize("service", SERVICES)
def test_all_that_is_started_can_be_found_again(service: str) -> None:
    labels = SERVICES[service]["labels"]
    assert labels[KIND] == LOCAL
    assert {CLUSTER, SPEC} < set(labels)
    assert content("local")["networks"]["cluster"]["labels"] == labels


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_bound_to_this_machine_alone_and_memory_is_bounded(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service].get("ports", ()))
    assert "mem_limit" in SERVICES[service]


@pytest.mark.parametrize("service", ["head", "worker"])
def test_a_node_wants_a_token_and_is_probed_as_in_the_cluster_that_judges(service: str) -> None:
    assert SERVICES[service]["environment"]["RAY_AUTH_MODE"] == "token"
    judged = content("cluster")["services"][service]["healthcheck"]["test"]
    lines = [line.partition("  #")[0] for line in judged[3].splitlines()]
    ours = SERVICES[service]["healthcheck"]["test"]
    assert ours[3].splitlines() == lines
    assert ours[4:] == judged[4:]


def test_every_variable_is_given_and_none_in_vain() -> None:
    texts = "".join((ROOT / f"compose/{name}.yaml").read_text("utf-8") for name in NAMES)
    texts += "".join((ROOT / f"compose/{name}.yaml").read_text("utf-8") for name in ("gpu",))
    code = "\n".join(line.partition("#")[0] for line in texts.splitlines())
    wanted = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", code))
    given = set(Spec.variables(SHOWN, "t")) - {"DOCKER_DEFAULT_PLATFORM"}
    assert wanted == given
