"""Writing a plan as a bake file: wired, with this host's package sources as builds see them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from factory import base
from factory.bake import Surroundings, document
from factory.build import PackageSources, host_sources, one_folder
from factory.dockerfile import PROXIES
from factory.model import Plan, Rootfs
from factory.settings import Settings

FILE = "docker-bake.json"


def export(settings: Settings, plan: Plan) -> Path:
    """Write ``.factory/render/docker-bake.json``, and beside it what the file names: the host's
    package sources, for this user's eyes only, since there may be logins in them.

    Bake is to be run in the project's root; paths in the file are relative to that.

    Raises:
        ConfigError: uv's configuration cannot be read.
        BuildError: a root file system cannot be made.
    """
    sources = host_sources()
    folder = settings.state / "render"
    beside = folder / "bake"
    (beside / "nothing").mkdir(parents=True, exist_ok=True)
    beside.chmod(0o700)
    content = document(
        plan,
        Surroundings(
            nothing=_relative(beside / "nothing", settings),
            rootfs=_rootfs(plan, settings, sources),
            packages=_packages(sources, beside),
            secrets=_secrets(sources, beside, settings),
            proxies=tuple(name for name, _ in sources.proxies),
        ),
    )
    file = folder / FILE
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return file


def _relative(path: Path, settings: Settings) -> str:
    return path.relative_to(settings.root).as_posix()


def _rootfs(plan: Plan, settings: Settings, sources: PackageSources) -> dict[Rootfs, str]:
    wanted = {step.rootfs for step in plan.steps.values() if step.rootfs}
    return {
        one: str(
            base.ensure_rootfs(
                one,
                cache=settings.cache,
                sources=sources.apt_sources(one.suite),
                log=lambda _: None,
            )
        )
        for one in wanted
    }


def _packages(sources: PackageSources, beside: Path) -> str | None:
    if not sources.find_links:
        return None
    merged = beside / "wheels"
    if merged.exists():
        shutil.rmtree(merged)  # a wheel may be gone from where it was
    return str(one_folder(sources.find_links, beside))


def _secrets(sources: PackageSources, beside: Path, settings: Settings) -> Mapping[str, str]:
    texts = {
        "pip": sources.pip_conf(),
        "uv": sources.uv_toml(),
        "apt": sources.apt_script(),
        PROXIES: sources.proxy_script(),
    }
    files = {}
    for name, text in texts.items():
        if text is None:
            continue
        file = beside / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        files[name] = _relative(file, settings)
    return files | ({"ca": str(sources.ca)} if sources.ca else {})
