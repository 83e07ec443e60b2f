"""Reading what a registry asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.registry.challenge import BASIC, BEARER, Challenge, challenge_of

TOKEN = Challenge(
    scheme=BEARER,
    realm="https://auth.docker.io/token",
    service="registry.docker.io",
    scope="repository:rayproject/ray:pull,push",
)
AS_DOCKER_HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:rayproject/ray:pull,push"'
)


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (AS_DOCKER_HUB, TOKEN),
        (AS_DOCKER_HUB.replace("Bearer", "bearer").replace(",s", ", S"), TOKEN),
        (f'Basic realm="x", {AS_DOCKER_HUB},error="invalid_token"', TOKEN),
        (f'{AS_DOCKER_HUB}, Negotiate, Digest realm="y",scope="z"', TOKEN),
        ('Basic realm="Registry, Realm of Basic x=y"', "Registry, Realm of Basic x=y"),
        ('Basic realm="say \\"hello\\""', 'say "hello"'),
        ("basic realm=plain", "plain"),
        ("Basic", ""),
        ('Bearer service="no realm", Basic realm="x"', "x"),
        ('Negotiate, NTLM, Digest realm="y"', None),
        ('Bearer service="no realm"', None),
        ('realm="no scheme"', None),
        ("", None),
    ],
)
def test_the_way_in_is_found(header: str, challenge: Challenge | str | None) -> None:
    if isinstance(challenge, str):
        challenge = Challenge(scheme=BASIC, realm=challenge)
    assert challenge_of(header) == challenge


@given(st.text())
def test_whatever_is_sent_is_read_or_left(header: str) -> None:
    found = challenge_of(header)
    assert found is None or found.scheme in (BASIC, BEARER)
