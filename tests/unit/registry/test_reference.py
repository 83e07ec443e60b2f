"""Names of repositories, and where they lead."""

from __future__ import annotations

import pytest

from factory.registry import base_url, locate, place

HUB_KEY = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    "repository",
    [
        "rayproject/ray",
        "docker.io/rayproject/ray",
        "index.docker.io/rayproject/ray",
        "registry-1.docker.io/rayproject/ray",
    ],
)
def test_docker_hub_has_many_names_and_one_place(repository: str) -> None:
    found = locate(repository)
    assert (found.host, found.name, found.key) == (
        "registry-1.docker.io",
        "rayproject/ray",
        HUB_KEY,
    )
    assert found.url == "https://registry-1.docker.io/v2"
    assert found.login == "docker login"


@pytest.mark.parametrize("repository", ["debian", "docker.io/debian"])
def test_docker_hubs_own_images_are_in_its_library(repository: str) -> None:
    assert locate(repository).name == "library/debian"


@pytest.mark.parametrize(
    ("repository", "host", "name"),
    [
        ("127.0.0.1:5000/hub/rayproject/ray", "127.0.0.1:5000", "hub/rayproject/ray"),
        ("ghcr.io/team/app", "ghcr.io", "team/app"),
        ("localhost/app", "localhost", "app"),
        ("registry:5000/app", "registry:5000", "app"),
        ("[::1]:5000/app", "[::1]:5000", "app"),
    ],
)
def test_other_registries_are_their_own_key(repository: str, host: str, name: str) -> None:
    found = locate(repository)
    assert (found.host, found.name, found.key) == (host, name, host)
    assert found.login == f"docker login {host}"


def test_plain_http_is_for_this_machine_only() -> None:
    for host in ("127.0.0.1:5000", "127.8.0.1", "localhost:1", "localhost", "[::1]:5000"):
        assert base_url(host).startswith("http://")
    for host in ("ghcr.io", "10.0.0.1:5000", "localhost.example:5000", "127.0.0.1.example"):
        assert base_url(host).startswith("https://")


def test_places_are_written_as_references() -> None:
    digest = "sha256:" + "d" * 64
    assert place("r/a", "t") == "r/a:t"
    assert place("r/a", digest) == f"r/a@{digest}"
