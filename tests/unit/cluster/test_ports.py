"""Ports by name and number."""

from __future__ import annotations

import pytest

from factory.cluster import ports
from factory.errors import ConfigError


def test_names_numbers_and_both_are_understood() -> None:
    assert ports.parse(["dashboard", "prometheus"]) == {8265: 8265, 9090: 9000}
    assert ports.parse(["8080", "18265:dashboard", "7000:7001"]) == {
        8080: 8080,
        8265: 18265,
        7001: 7000,
    }
    assert ports.parse([]) == {}


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "1:2:3", "dashboard:1", "0.0.0.0:80:80"])
def test_what_is_no_port_is_refused_with_the_names(text: str) -> None:
    with pytest.raises(ConfigError, match="is no port") as raised:
        ports.parse([text])
    assert "dashboard, grafana, prometheus, gcs" in raised.value.todo


@pytest.mark.parametrize("texts", [["dashboard", "8265"], ["1:2", "1:3"], ["1:3", "2:3"]])
def test_two_that_want_the_same_are_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigError, match="another --port has"):
        ports.parse(texts)


def test_a_clusters_ports_have_defaults_and_a_number_is_the_dashboards() -> None:
    usual = {"dashboard": 8265, "prometheus": 9000, "grafana": 3000}
    assert ports.of_cluster([]) == usual
    assert ports.of_cluster(["8266", "9001:prometheus"]) == usual | {
        "dashboard": 8266,
        "prometheus": 9001,
    }


@pytest.mark.parametrize("text", ["x", "1:gcs", "0", "70000", "8266:8265"])
def test_what_a_cluster_does_not_show_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no port"):
        ports.of_cluster([text])


def test_a_clusters_ports_are_each_another() -> None:
    with pytest.raises(ConfigError, match="two of the ports are the same"):
        ports.of_cluster(["9000:dashboard"])
