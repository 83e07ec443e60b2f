"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import ConfigError
from factory.settings import Settings


def test_the_usual_places_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({"HOME": "/home/me"})
    assert settings.root == tmp_path.resolve()
    assert settings.cache == Path("/home/me/.cache/ray-image-factory")
    assert settings.data == Path("/home/me/.local/share/ray-image-factory")
    assert (settings.jobs, settings.registry) == (2, "127.0.0.1:5000")
    assert settings.clusters is None
    assert settings.state == settings.root / ".factory"


def test_variables_move_them(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    settings = Settings.from_environment(
        {
            "FACTORY_ROOT": str(link),
            "XDG_CACHE_HOME": "/c",
            "XDG_DATA_HOME": "/d",
            "FACTORY_JOBS": "16",
            "FACTORY_CLUSTERS": "3",
            "FACTORY_REGISTRY": "registry.example.com:443",
        }
    )
    assert settings.root == tmp_path.resolve(), "containment compares real paths"
    assert settings.cache == Path("/c/ray-image-factory")
    assert settings.data == Path("/d/ray-image-factory")
    assert (settings.jobs, settings.registry) == (16, "registry.example.com:443")
    assert settings.clusters == 3


@pytest.mark.parametrize("said", ["", "0", "-1", "2.5", "two", "٣", "1000", "9" * 5000, "2\n"])
@pytest.mark.parametrize("name", ["FACTORY_JOBS", "FACTORY_CLUSTERS"])
def test_how_many_at_once_is_a_small_positive_number(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environment({name: said})


@pytest.mark.parametrize(
    "registry", ["", "localhost", ":5000", "-x:1", "a b:1", "a:1/b", "a:b", "http://a:1", "a:1\n"]
)
def test_the_registry_is_host_and_port(registry: str) -> None:
    with pytest.raises(ConfigError, match="FACTORY_REGISTRY"):
        Settings.from_environment({"FACTORY_REGISTRY": registry})
