"""How a launcher asks an image whether its node is well."""

from __future__ import annotations

_ASK = """\
for endpoint in "$@"; do
  exec 3<>"/dev/tcp/127.0.0.1/${endpoint%%/*}" || exit 1
  printf 'GET /%s HTTP/1.0\\r\\nUser-Agent: probe\\r\\n\\r\\n' "${endpoint#*/}" >&3
  read -r _ code _ <&3
  [ "$code" = 200 ] || { echo "$endpoint answers $code"; exit 1; }
done
"""
"""In bash alone: a Python for each probe costs more than the cluster. The dashboard of older Rays
(2.45) fails without a User-Agent."""


def probe(*, gcs: bool) -> list[str]:
    """The command that ends with 0 where a node, and with ``gcs`` the head's store, answers."""
    endpoints = ["8265/api/gcs_healthz"] if gcs else []
    return ["bash", "-c", _ASK, "probe", *endpoints, "52365/api/local_raylet_healthz"]
