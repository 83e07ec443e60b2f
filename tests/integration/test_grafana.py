"""That Grafana's container is given what Ray writes for it, before it begins.

Grafana itself cannot be had in every place where these tests run: another program serves the files
in its stead, as another user than root. What is tried is our part, not Grafana's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
import yaml

from factory import process
from factory.cluster.local import Local, down
from factory.cluster.plan import Spec
from factory.cluster.sizes import GIB, MIB, Sizes
from factory.engine import Engine
from factory.launching import DEFINITIONS
from tests.integration.registries import free_port
from tests.integration.test_local_cluster import until

pytestmark = pytest.mark.engine
SERVE = 'CMD ["python", "-m", "http.server", "--directory", "/tmp/grafana", "3000"]\n'


@pytest.fixture
def stand_in(ray_image: str, tmp_path: Path) -> Iterator[str]:
    ref = f"factory.invalid/stand-in:{os.getpid()}"
    (tmp_path / "Dockerfile").write_text(f"FROM {ray_image}\n{SERVE}")
    process.run(["docker", "buildx", "build", f"--tag={ref}", "--load", str(tmp_path)])
    yield ref
    Engine.connect().remove_image(ref)


def test_dashboards_are_there_when_it_starts(ray_image: str, stand_in: str, tmp_path: Path) -> None:
    ports = {"dashboard": free_port(), "prometheus": free_port(), "grafana": free_port()}
    spec = Spec(
        name=f"grafana-{os.getpid()}",
        head="it",
        worker="it",
        head_image=ray_image,
        worker_image=ray_image,
        workers=0,
        sizes=Sizes(memory=2 * GIB, shm=600 * MIB, cpus=1),
        ports=ports,
        grafana=stand_in,
    )
    engine = Engine.connect()
    cluster = Local(
        engine=engine,
        spec=spec,
        definitions=DEFINITIONS,
        state=tmp_path / "state",
        lock=tmp_path / "lock",
    )

    def served(path: str) -> Any:
        url = f"http://127.0.0.1:{ports['grafana']}/{path}"
        try:
            with urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except (ConnectionError, TimeoutError):  # it has not begun yet
            return ""
        except URLError as error:  # an answer of another kind is none of these
            if isinstance(error, HTTPError) or not isinstance(error.reason, OSError):
                raise
            return ""

    try:
        there = cluster.up()
        assert [place.node for place in there.places] == ["head", "grafana"]
        dashboard = json.loads(until(lambda: served("dashboards/default_grafana_dashboard.json")))
        provider = yaml.safe_load(served("provisioning/dashboards/default.yml"))
    finally:
        down(engine, spec.name, tmp_path / "state")
    assert dashboard["panels"]
    [found] = provider["providers"]
    assert found["options"]["path"] == "/tmp/grafana/dashboards"
