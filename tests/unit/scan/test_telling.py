"""By its path a file is told to be one that people forget in a container, or noise."""

from __future__ import annotations

import pytest

from factory.scan.telling import forgotten, noise


@pytest.mark.parametrize(
    "path",
    [
        "root/.netrc",
        "home/ray/.git-credentials",
        "home/ray/.config/git/credentials",
        "home/ray/.aws/credentials",
        "home/ray/.aws/sso/cache/1.json",
        "home/ray/.bash_history",
        "home/ray/.ssh/id_ed25519",
        "home/ray/.ssh/config",
        "work/id_rsa",
        "root/.docker/config.json",
        "root/.config/gcloud/credentials.db",
        "root/.config/gcloud/legacy_credentials/me/adc.json",
        "root/.kube/config",
        "etc/pip.conf",
        "home/ray/.pypirc",
        "home/ray/.cache/huggingface/token",
        "home/ray/.ray/auth_token",
    ],
)
def test_what_people_forget_is_told(path: str) -> None:
    assert forgotten(path.split("/"))


@pytest.mark.parametrize(
    "path",
    [
        "home/ray/.ssh/known_hosts",
        "home/ray/.ssh/id_ed25519.pub",
        "home/ray/config.json",
        "home/ray/.docker",
        "home/ray/.aws",
        "home/ray/config",
        "home/ray/token",
        "home/ray/netrc",
        "home/ray/lib/credentials",
    ],
)
def test_what_only_looks_like_it_is_not(path: str) -> None:
    assert not forgotten(path.split("/"))


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("home/ray/lib/__pycache__/x.py", "compiled Python"),
        ("home/ray/x.pyc", "compiled Python"),
        ("tmp/x", "temporary files"),
        ("var/tmp/x", "temporary files"),
        ("var/log/dpkg.log", "logs"),
        ("var/lib/apt/lists/x", "lists of apt"),
        ("var/cache/apt/x", "caches"),
        ("home/ray/.cache/pip/x", "caches"),
        ("home/ray/anaconda3/pkgs/x", "caches"),
        ("home/ray/.bash_history", "histories of tools"),
        ("root/.python_history", "histories of tools"),
        ("home/ray/tmp/x", ""),
        ("home/ray/var/log/x", ""),
        ("var/lib/dpkg/status", ""),
        ("home/ray/pkgs/x", ""),
        ("home/ray/my_history", ""),
    ],
)
def test_noise_is_told_by_where_it_is(path: str, what: str) -> None:
    assert noise(path.split("/")) == what
