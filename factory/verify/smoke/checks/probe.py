"""The endpoints by which launchers tell whether a node is well. Needs Python alone."""

from __future__ import annotations

import http.client

GCS = "8265/api/gcs_healthz"
"""Of the head, as port and path."""

RAYLET = "52365/api/local_raylet_healthz"
"""Of every node."""

_WORD = "success"
_SECONDS = 10.0


def complaint(endpoint: str) -> str:
    """Why a probe of this node would not be content, as KubeRay's: it wants 200, and a word in the
    answer; empty if it would."""
    port, _, path = endpoint.partition("/")
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_SECONDS)
    try:
        connection.request("GET", f"/{path}", headers={"User-Agent": "probe"})
        answer = connection.getresponse()
        status, body = answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f":{endpoint} does not answer: {error}"
    finally:
        connection.close()
    if status == 200 and _WORD in body:
        return ""
    return f":{endpoint} answers {status} {body[:80]!r}, not 200 {_WORD!r}"
