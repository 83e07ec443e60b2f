"""What builds see of this host's package sources, and where it never shows."""

from __future__ import annotations

import configparser
import subprocess
import tomllib
from pathlib import Path

import pytest

from factory import process
from factory.build import PackageSources, host_sources
from factory.build import host as module
from factory.build.sources import hiding
from factory.errors import ConfigError
from factory.process import Completed

SECRET = "https://user:secret@pypi.example/simple"
FULL = PackageSources(
    index=SECRET,
    extra=("https://a.example/simple", 'https://b.example/"odd"\\'),
    find_links=(Path("/wheels"),),
    links=("https://c.example/links",),
    ca=Path("/ca.pem"),
    apt=("https://mirror.example/debian", "https://mirror.example/debian-security"),
)


def test_pips_configuration_is_one_that_pip_reads() -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(FULL.pip_conf())
    settings = dict(parser["global"])
    assert settings["index-url"] == SECRET
    assert settings["extra-index-url"].split() == list(FULL.extra)
    assert settings["find-links"] == "/run/factory/packages https://c.example/links"


def test_uvs_configuration_is_toml_with_the_same_in_it() -> None:
    settings = tomllib.loads(FULL.uv_toml())
    assert settings["index-url"] == SECRET
    assert settings["extra-index-url"] == list(FULL.extra)
    assert settings["find-links"] == ["/run/factory/packages", "https://c.example/links"]
    assert settings["native-tls"] is True


def test_apt_gets_this_hosts_mirror_for_the_bases_suite() -> None:
    assert FULL.apt_sources("trixie") == (
        "deb https://mirror.example/debian trixie main\n"
        "deb https://mirror.example/debian trixie-updates main\n"
        "deb https://mirror.example/debian-security trixie-security main\n"
    )
    assert FULL.apt_sources("sid") == "deb https://mirror.example/debian sid main\n"
    assert PackageSources().apt_sources("trixie") is None


def apt_in(sources: PackageSources, tmp_path: Path, release: str, debian: str) -> dict[str, str]:
    """What apt's script writes in an image with this os-release and debian_version."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(release)
    (tmp_path / "etc" / "debian_version").write_text(debian)
    (tmp_path / "apt").mkdir()
    script = sources.apt_script().replace("/run/factory/apt/", f"{tmp_path}/apt/")
    script = script.replace("/etc/", f"{tmp_path}/etc/")
    process.run(["sh", "-eu"], stdin=script.encode())
    return {path.name: path.read_text() for path in (tmp_path / "apt").iterdir()}


def test_apt_is_turned_to_the_hosts_mirror_where_the_image_is_a_debian(tmp_path: Path) -> None:
    found = apt_in(FULL, tmp_path, "ID=debian\nVERSION_CODENAME=trixie\n", "13.1")
    assert found["sources.list"] == FULL.apt_sources("trixie")
    assert "SourceList" in found["apt.conf"]
    assert "CAInfo" in found["apt.conf"]


def test_unstable_has_no_updates_and_shares_its_code_name_with_testing(tmp_path: Path) -> None:
    found = apt_in(FULL, tmp_path, "ID=debian\nVERSION_CODENAME=forky\n", "forky/sid")
    assert found["sources.list"] == FULL.apt_sources("sid")


def test_an_ubuntu_keeps_its_own_package_sources(tmp_path: Path) -> None:
    found = apt_in(FULL, tmp_path, "ID=ubuntu\nVERSION_CODENAME=jammy\n", "bookworm/sid")
    assert "sources.list" not in found
    assert "SourceList" not in found["apt.conf"]
    assert "CAInfo" in found["apt.conf"]


def test_a_mirrors_password_is_not_expanded_by_the_shell(tmp_path: Path) -> None:
    odd = PackageSources(apt=("https://me:a$HOME`id`@mirror.example/debian", None))
    found = apt_in(odd, tmp_path, "ID=debian\nVERSION_CODENAME=trixie\n", "13.1")
    assert "deb https://me:a$HOME`id`@mirror.example/debian trixie main" in found["sources.list"]


def test_without_a_mirror_of_the_hosts_apt_keeps_the_images_sources(tmp_path: Path) -> None:
    found = apt_in(PackageSources(), tmp_path, "ID=debian\nVERSION_CODENAME=trixie\n", "13.1")
    assert found == {"apt.conf": 'Acquire::Retries "3";\n'}


def test_proxies_are_told_by_a_script_if_there_is_a_login_in_one_of_them() -> None:
    plain = (("no_proxy", "localhost"), ("http_proxy", "http://proxy:3128"))
    assert PackageSources(proxies=plain).proxy_script() is None
    script = PackageSources(
        proxies=(*plain, ("https_proxy", "http://me:it's@proxy"))
    ).proxy_script()
    said = subprocess.run(
        ["sh", "-c", f"{script}\nsh -c 'echo \"$no_proxy $http_proxy $https_proxy\"'"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "localhost http://proxy:3128 http://me:it's@proxy\n"


def test_nothing_set_means_the_public_defaults() -> None:
    assert "index" not in PackageSources().pip_conf()
    assert "find-links" not in PackageSources().uv_toml()


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines of ``pip config list``, to be filled in."""
    lines: list[str] = []

    def run(argv: list[str], **_more: object) -> Completed:
        assert argv[1:] == ["-m", "pip", "config", "list"]
        return Completed(argv=tuple(argv), code=0, stdout="\n".join(lines), stderr="", seconds=0)

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(module, "_apt_mirrors", lambda: None)
    return lines


def test_environment_goes_before_files_and_uv_before_pip(pip: list[str], tmp_path: Path) -> None:
    pip += ["global.index-url='https://pip'", "global.extra-index-url='\\nhttps://e1\\nhttps://e2'"]
    pip += ["user.timeout='60'", f":env:.find-links='{tmp_path} https://links /nonexistent'"]
    found = host_sources({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found.index == "https://pip"
    assert found.extra == ("https://e1", "https://e2")
    assert found.find_links == (tmp_path,)
    assert found.links == ("https://links",)
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text('index-url = "https://uv"\n')
    assert host_sources({"XDG_CONFIG_HOME": str(tmp_path)}).index == "https://uv"
    env = {"XDG_CONFIG_HOME": str(tmp_path), "UV_DEFAULT_INDEX": "https://env"}
    assert host_sources(env).index == "https://env"


def test_an_index_in_a_folder_is_left_out_and_named(pip: list[str], tmp_path: Path) -> None:
    pip += ["global.extra-index-url='file:///srv/simple https://e'"]
    found = host_sources({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found.extra == ("https://e",)
    assert len(found.left_out) == 1
    assert "file:///srv/simple" in found.left_out[0]


def test_proxies_and_certificates_come_from_the_environment(pip: list[str], tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    env = {"XDG_CONFIG_HOME": str(tmp_path), "SSL_CERT_FILE": str(bundle), "NO_PROXY": "x"}
    found = host_sources(env | {"https_proxy": "http://u:p@proxy", "HTTP_PROXY": ""})
    assert found.ca == bundle
    assert dict(found.proxies) == {"https_proxy": "http://u:p@proxy", "NO_PROXY": "x"}


def test_a_uv_configuration_that_cannot_be_read_is_told(pip: list[str], tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text("index-url = [")
    with pytest.raises(ConfigError, match="uv's configuration cannot be read"):
        host_sources({"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"sources.list": "deb http://a/debian bookworm main\n"},
            ("http://a/debian", None),
        ),
        (
            {
                "sources.list.d/debian.sources": "Types: deb\nURIs: http://b/debian\n\n"
                "URIs: http://b/debian-security\n"
            },
            ("http://b/debian", "http://b/debian-security"),
        ),
        (
            {
                "sources.list": "# deb http://no/debian x main\n"
                "deb [arch=amd64 signed-by=/k] http://c/debian x main\n"
            },
            ("http://c/debian", None),
        ),
        (  # a login beside the mirror's address stays there
            {
                "sources.list": "deb http://d/debian x main\n",
                "auth.conf": "machine d login me password hush\n",
                "sources.list.d/auth.conf": "machine d login me password hush\n",
            },
            ("http://d/debian", None),
        ),
        ({"sources.list.d/debian.sources.disabled": "URIs: http://no/debian\n"}, None),
        ({"sources.list": "deb http://archive/ubuntu noble main\n"}, None),
        ({}, None),
    ],
)
def test_the_hosts_debian_mirror_is_found(
    tmp_path: Path, files: dict[str, str], expected: tuple[str, str | None] | None
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert module._apt_mirrors(tmp_path) == expected


def test_uvs_own_files_and_variables_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_pip_settings", lambda: {"trusted-host": "a.example"})
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text(
        'allow-insecure-host = ["b.example"]\n'
        '[[index]]\nname = "ours"\nurl = "https://ours.example/simple"\ndefault = true\n'
        '[[index]]\nurl = "https://more.example/simple"\n'
    )
    found = module.host_sources({"XDG_CONFIG_HOME": str(tmp_path)})
    assert found.index == "https://ours.example/simple"
    assert found.extra == ("https://more.example/simple",)
    assert found.trusted == ("b.example", "a.example")
    assert "trusted-host = b.example a.example" in found.pip_conf()
    assert tomllib.loads(found.uv_toml())["allow-insecure-host"] == ["b.example", "a.example"]


def test_an_index_may_have_a_name_in_uvs_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_pip_settings", dict)
    found = module.host_sources(
        {"UV_INDEX": "x=https://x.example/simple https://y.example/?a=b", "XDG_CONFIG_HOME": "/no"}
    )
    assert found.extra == ("https://x.example/simple", "https://y.example/?a=b")


@pytest.mark.parametrize(
    ("sources", "secrets"),
    [
        (PackageSources(), ()),
        (PackageSources(index="https://pypi.example/simple"), ()),
        (PackageSources(index="https://me:pass@pypi.example/simple"), ("pass",)),
        (PackageSources(extra=("https://token@pypi.example/simple",)), ("token",)),
        (PackageSources(links=("https://pypi.example/links?key=1",)), ("key=1",)),
        (PackageSources(apt=("http://me:a@m/debian", "http://me:b@m/debian-security")), ("a", "b")),
        (PackageSources(apt=("http://me:a@m/debian", None)), ("a",)),
        (PackageSources(proxies=(("https_proxy", "me:pass@proxy:3128"),)), ("pass",)),
        (PackageSources(proxies=(("no_proxy", "localhost,10.0.0.0/8"),)), ()),
    ],
)
def test_what_nobody_may_see_of_the_addresses_is_known(
    sources: PackageSources, secrets: tuple[str, ...]
) -> None:
    assert sources.secrets() == secrets


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("E: Failed to fetch http://me:p%40ss/word@mirror/debian 404", "http://***@mirror/debian"),
        ("the password is p%40ss/word.", "the password is ***."),
        ("decoded p@ss/word", "decoded ***"),
        ("encoded p%2540ss%2Fword", "encoded ***"),
        ("Authorization: Basic eC1hY2Nlc3MtdG9rZW46cCU0MHNzL3dvcmQ=", "Basic ***"),
        ("somebody else's https://bob:hush@host/x", "https://***@host/x"),
        ("#5 RUN apt-get update", "#5 RUN apt-get update"),
    ],
)
def test_a_secret_is_hidden_in_every_form_that_programs_repeat_it_in(said: str, shown: str) -> None:
    assert shown in hiding(["p%40ss/word"])(said)


def test_each_line_of_a_long_secret_is_hidden_and_no_ordinary_word() -> None:
    hide = hiding(["first line\n  second line\nab\n\n", ""])
    assert hide("say first line") == "say ***"
    assert hide("0.1 second line") == "0.1 ***"
    assert hide("about a cab") == "about a cab"


def test_a_secret_within_another_does_not_keep_the_rest_of_it_in_sight() -> None:
    assert hiding(["hush", "hush-hush-more"])("hush-hush-more") == "***"
