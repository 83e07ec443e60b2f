"""Being let in: tokens and passwords against a registry that guards its door."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from factory.errors import RegistryError
from factory.registry import Manifest, Registry
from factory.registry.credentials import Credentials
from factory.registry.tokens import Token
from factory.registry.transport import HASTY
from tests.unit.registry.server import ANSWER, BODY, DIGEST, OCI, Answer, Asked, Served, serving

SECRET = "hush-hush-never-told"
ME = Credentials(username="me", secret=SECRET)
WRONG = Credentials(username="me", secret="wrong-but-still-a-secret")
IDENTITY = Credentials(username="", secret=SECRET)
HEAD = "HEAD /v2/team/app/manifests/t"
TOKEN = "GET /token?service=here&scope=repository%3Ateam%2Fapp%3Apull"


@dataclass
class Guarded:
    """A registry and its token service at one address.

    Attributes:
        private: whether anonymous tokens are refused.
        lifetime: seconds, as its tokens say.
        admits: whether its registry takes the tokens.
        challenge: what the registry asks for, in place of a token.
        token_answer: what the token service answers, in place of a token.
    """

    private: bool = False
    lifetime: int | None = 300
    admits: bool = True
    challenge: str = ""
    token_answer: Answer | None = None
    valid: list[str] = field(default_factory=list)
    served: Served = field(default_factory=lambda: Served(host=""))
    issued: int = 0

    def answer(self, asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return self.token_answer or self._issue(asked)
        if self.admits and asked.permit in self.valid:
            return (201, {}, b"") if asked.method == "PUT" else ANSWER
        actions = "pull,push" if asked.method == "PUT" else "pull"
        asks = self.challenge or (
            f'Bearer realm="http://{self.served.host}/token",service="here",'
            f'scope="repository:team/app:{actions}"'
        )
        said = f"you said {asked.permit}".encode()
        return 401, {"WWW-Authenticate": asks}, said

    def _issue(self, asked: Asked) -> Answer:
        by_form = parse_qs(asked.body.decode()).get("refresh_token") == [SECRET]
        known = asked.permit == ME.basic or by_form
        if (asked.permit or asked.body or self.private) and not known:
            return 401, {}, f"no: {asked.permit}".encode()
        self.issued += 1
        self.valid.append(f"Bearer token-{self.issued}")
        token = {"access_token" if by_form else "token": f"token-{self.issued}"}
        return 200, {}, json.dumps(token | {"expires_in": self.lifetime}).encode()

    @property
    def repository(self) -> str:
        return self.served.repository

    @property
    def tokens(self) -> list[Asked]:
        return [one for one in self.served.asked if one.path.startswith("/token")]

    def refusal(self, registry: Registry) -> RegistryError:
        with pytest.raises(RegistryError) as caught:
            registry.get(self.repository, "t")
        assert caught.value.exit_code == 6
        assert caught.value.where == f"{self.repository}:t"
        assert caught.value.todo
        return caught.value


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    found = Guarded()
    with serving(found.answer) as found.served:
        yield found


def registry(credentials: Credentials | None = None) -> Registry:
    return Registry(lambda key: credentials, patience=HASTY)


def test_a_token_is_had_without_an_account_where_none_is_needed(guarded: Guarded) -> None:
    assert registry().head(guarded.repository, "t") == DIGEST
    assert guarded.served.said == [HEAD, TOKEN, HEAD]
    assert [one.permit for one in guarded.served.asked] == ["", "", "Bearer token-1"]


def test_a_token_serves_until_it_expires(guarded: Guarded) -> None:
    asking = registry()
    for tag in ("t", "u", "v"):
        assert asking.head(guarded.repository, tag) == DIGEST
    assert len(guarded.served.asked) == 3 + 2
    assert asking.hasty().head(guarded.repository, "t") == DIGEST
    assert guarded.issued == 1


def test_a_token_that_has_expired_is_not_sent_again(guarded: Guarded) -> None:
    guarded.lifetime = 1
    asking = registry()
    for _ in range(2):
        assert asking.head(guarded.repository, "t") == DIGEST
    assert [one.permit for one in guarded.served.asked if one.said == HEAD] == [
        *("", "Bearer token-1"),
        *("", "Bearer token-2"),
    ]


def test_a_token_that_says_no_lifetime_has_the_least_one(guarded: Guarded) -> None:
    guarded.lifetime = None
    asking = registry()
    for _ in range(2):
        assert asking.head(guarded.repository, "t") == DIGEST
    assert guarded.issued == 1


def test_a_token_that_is_taken_back_is_renewed(guarded: Guarded) -> None:
    asking = registry()
    asking.head(guarded.repository, "t")
    guarded.valid.clear()
    del guarded.served.asked[:]
    assert asking.head(guarded.repository, "t") == DIGEST
    assert guarded.served.said == [HEAD, TOKEN, HEAD]


def test_a_registry_that_takes_no_token_is_asked_no_third_time(guarded: Guarded) -> None:
    guarded.admits = False
    asking = registry()
    assert guarded.refusal(asking).status == 401
    assert len(guarded.served.asked) == 3
    assert guarded.refusal(asking).status == 401
    assert len(guarded.served.asked) == 6


def test_a_password_goes_to_the_token_service_and_not_to_the_registry(guarded: Guarded) -> None:
    guarded.private = True
    assert registry(ME).head(guarded.repository, "t") == DIGEST
    assert [one.permit for one in guarded.served.asked] == ["", ME.basic, "Bearer token-1"]


def test_an_identity_token_goes_in_a_form(guarded: Guarded) -> None:
    guarded.private = True
    assert registry(IDENTITY).head(guarded.repository, "t") == DIGEST
    [asked] = guarded.tokens
    assert asked.said == "POST /token"
    assert parse_qs(asked.body.decode()) == {
        "service": ["here"],
        "scope": ["repository:team/app:pull"],
        "grant_type": ["refresh_token"],
        "client_id": ["ray-image-factory"],
        "refresh_token": [SECRET],
    }
    assert SECRET not in "".join(guarded.served.said)


def test_what_writes_has_a_token_of_its_own(guarded: Guarded) -> None:
    asking = registry()
    asking.head(guarded.repository, "t")
    manifest = Manifest(content=BODY, media_type=OCI)
    for _ in range(2):
        asking.put(guarded.repository, "t", manifest)
    scopes = [parse_qs(urlsplit(one.path).query)["scope"] for one in guarded.tokens]
    assert scopes == [["repository:team/app:pull"], ["repository:team/app:pull,push"]]
    assert guarded.served.asked[-1].body == BODY


def test_threads_that_need_one_token_ask_once(guarded: Guarded) -> None:
    asking = registry()
    found: list[str | None] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(asking.head(guarded.repository, "t"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DIGEST] * 8
    assert guarded.issued == 1


def test_wrong_credentials_are_told_without_them(guarded: Guarded) -> None:
    error = guarded.refusal(registry(WRONG))
    assert error.status == 401
    assert "refused the credentials that Docker keeps for" in error.what
    assert f"docker login {guarded.served.host}" in error.todo
    assert WRONG.secret not in str(error)
    assert WRONG.basic not in str(error)
    assert len(guarded.served.asked) == 2


def test_who_needs_an_account_is_told_how_to_log_in(guarded: Guarded) -> None:
    guarded.private = True
    error = guarded.refusal(registry())
    assert (error.status, "docker login" in error.todo) == (401, True)


@pytest.mark.parametrize(("status", "todo"), [(429, "wait for its limit"), (503, "wait until")])
def test_a_token_service_that_fails_is_told_from_one_that_refuses(
    guarded: Guarded, status: int, todo: str
) -> None:
    guarded.token_answer = (status, {"Retry-After": "3600"}, b"")
    error = guarded.refusal(registry())
    assert error.status == status
    assert todo in error.todo


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", b'{"token": ""}', b'{"token": "a\\r\\nX-Header: b"}'],
)
def test_what_is_no_token_is_not_sent(guarded: Guarded, content: bytes) -> None:
    guarded.token_answer = (200, {}, content)
    assert "did not answer with a token" in guarded.refusal(registry()).what
    assert len(guarded.served.asked) == 2


def test_a_token_service_that_is_not_there_is_named(guarded: Guarded) -> None:
    guarded.challenge = 'Bearer realm="http://127.0.0.1:1/token"'
    error = guarded.refusal(registry(ME))
    assert error.status is None
    assert "token service 127.0.0.1:1 cannot be reached" in error.what
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "realm", ["http://auth.example/token", "auth.example", "https://", "https://x:y/", "http://[/"]
)
def test_a_secret_is_not_sent_where_others_could_read_it(guarded: Guarded, realm: str) -> None:
    guarded.challenge = f'Bearer realm="{realm}"'
    assert "others can read" in guarded.refusal(registry(ME)).what


def test_a_password_is_sent_where_the_registry_itself_asks_for_it(guarded: Guarded) -> None:
    guarded.challenge = 'Basic realm="here"'
    guarded.valid = [ME.basic]
    asking = registry(ME)
    for _ in range(2):
        assert asking.head(guarded.repository, "t") == DIGEST
    assert [one.permit for one in guarded.served.asked] == ["", ME.basic, ME.basic]


@pytest.mark.parametrize("who", [None, IDENTITY])
def test_a_door_that_no_password_is_known_for_is_knocked_at_once_only(
    guarded: Guarded, who: Credentials | None
) -> None:
    guarded.challenge = 'Basic realm="here"'
    error = guarded.refusal(registry(who))
    assert error.status == 401
    assert f"docker login {guarded.served.host}" in error.todo
    assert len(guarded.served.asked) == 1


def test_a_wrong_password_is_sent_once_a_request_and_is_not_in_the_error(
    guarded: Guarded,
) -> None:
    guarded.challenge = 'Basic realm="here"'
    error = guarded.refusal(registry(WRONG))
    assert error.detail == ("you said Basic …",)
    assert WRONG.secret not in str(error)
    assert len(guarded.served.asked) == 2


def test_a_token_is_not_in_the_error(guarded: Guarded) -> None:
    guarded.admits = False
    assert guarded.refusal(registry()).detail == ("you said Bearer …",)


def test_a_password_that_was_changed_is_found_out(guarded: Guarded) -> None:
    guarded.challenge = 'Basic realm="here"'
    keeps = [WRONG]
    asking = Registry(lambda key: keeps[0], patience=HASTY)
    guarded.valid = [WRONG.basic]
    assert asking.head(guarded.repository, "t") == DIGEST
    guarded.valid, keeps[0] = [ME.basic], ME
    assert asking.head(guarded.repository, "t") == DIGEST


def test_credentials_are_asked_for_by_dockers_key_and_only_when_needed(guarded: Guarded) -> None:
    keys: list[str] = []

    def find(key: str) -> None:
        keys.append(key)

    asking = Registry(find, patience=HASTY)
    with serving(lambda asked: ANSWER) as public:
        asking.head(public.repository, "t")
    assert keys == []
    asking.head(guarded.repository, "t")
    assert keys == [guarded.served.host]


def test_what_holds_a_secret_does_not_show_it() -> None:
    assert SECRET not in repr(ME)
    assert SECRET not in repr(Token(text=SECRET, seconds=1))
