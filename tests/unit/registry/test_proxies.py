"""Which proxy leads where, by the environment."""

from __future__ import annotations

import pytest

from factory.errors import MachineError
from factory.registry.proxies import Proxy, proxy_for

URL = "https://registry-1.docker.io/v2/"
PROXY = "http://proxy.example:3128"
SECRET = "hush"


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, PROXY),
        ({"HTTPS_PROXY": "proxy.example:3128/"}, PROXY),
        ({"HTTPS_PROXY": "https://proxy.example"}, "https://proxy.example"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128"),
    ],
)
def test_the_variable_of_the_scheme_decides(environment: dict[str, str], url: str) -> None:
    assert proxy_for(URL, environment) == Proxy(url=url)


@pytest.mark.parametrize("environment", [{}, {"HTTPS_PROXY": ""}, {"HTTP_PROXY": PROXY}])
def test_without_it_the_way_is_direct(environment: dict[str, str]) -> None:
    assert proxy_for(URL, environment) is None


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost", "[::1]:5000", "127.8.8.8"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_is_never_behind_a_proxy(scheme: str, host: str) -> None:
    environment = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY}
    assert proxy_for(f"{scheme}://{host}/v2/", environment) is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "exempt"),
    [
        ("docker.io", URL, True),
        (".docker.io", URL, True),
        ("*.docker.io", URL, True),
        ("other.example, docker.io", URL, True),
        ("*", URL, True),
        ("docker.io:443", URL, True),
        ("docker.io:80", URL, False),
        ("ker.io", URL, False),
        ("", URL, False),
        (".", URL, False),
        ("Hub.Example", "https://hub.example/v2/", True),
        ("hub.example:5000", "https://hub.example:5000/v2/", True),
        ("10.0.0.0/8", "https://10.1.2.3:5000/v2/", True),
        ("10.0.0.0/8", "https://11.1.2.3/v2/", False),
        ("10.1.2.3", "https://10.1.2.3/v2/", True),
        ("fd00::/8", "https://[fd00::2]:5000/v2/", True),
        ("10.0.0.0/8", URL, False),
    ],
)
def test_no_proxy_exempts(no_proxy: str, url: str, exempt: bool) -> None:
    environment = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert (proxy_for(url, environment) is None) is exempt


def test_credentials_are_taken_out_of_the_address() -> None:
    found = proxy_for(URL, {"HTTPS_PROXY": f"http://me:{SECRET}%21@proxy.example:3128"})
    assert found == Proxy(url=PROXY, headers=(("Proxy-Authorization", "Basic bWU6aHVzaCE="),))
    assert "bWU6" not in repr(found)


@pytest.mark.parametrize(
    "value",
    [
        f"http://me:{SECRET}/@proxy.example:3128",
        f"http://me:{SECRET}@proxy.example:port",
        f"me:12/{SECRET}@proxy.example:3128",
        f"socks5://me:{SECRET}@proxy.example:1080",
        f"http://me:{SECRET}@",
        f"http://[me:{SECRET}",
    ],
)
def test_what_is_no_proxy_is_told_without_its_secret(value: str) -> None:
    with pytest.raises(MachineError, match="HTTPS_PROXY") as caught:
        proxy_for(URL, {"HTTPS_PROXY": value})
    assert caught.value.exit_code == 7
    assert "http://host:port" in caught.value.todo
    assert SECRET not in str(caught.value)
