"""What builds are told of this host's package sources is what this host's pip itself says.

That builds install from all of them, and that nothing of them stays, is in ``test_leaks.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json
from factory.build import host_sources
sources = host_sources()
print(json.dumps([sources.pip_conf(), sources.uv_toml()]))
"""


def told(**environment: str) -> tuple[str, str]:
    """pip's and uv's configuration of a build, in an environment with these variables."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    pip_conf, uv_toml = json.loads(done.stdout)
    return pip_conf, uv_toml


def test_an_index_of_the_environment_reaches_both_installers(tmp_path: Path) -> None:
    pip_conf, uv_toml = told(
        PIP_INDEX_URL="https://index.invalid/simple", XDG_CONFIG_HOME=str(tmp_path)
    )
    assert "index-url = https://index.invalid/simple" in pip_conf.splitlines()
    assert 'index-url = "https://index.invalid/simple"' in uv_toml.splitlines()


@pytest.mark.parametrize("section", ["global", "install"])
def test_pips_own_file_is_read(tmp_path: Path, section: str) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[{section}]\nextra-index-url = https://more.invalid/simple\n")
    pip_conf, uv_toml = told(PIP_CONFIG_FILE=str(file), XDG_CONFIG_HOME=str(tmp_path))
    assert "https://more.invalid/simple" in pip_conf
    assert "https://more.invalid/simple" in uv_toml
