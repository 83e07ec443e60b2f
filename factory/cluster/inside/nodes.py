"""Prints the nodes of the cluster whose dashboard answers here, as JSON."""

import json
import os
import urllib.request

_ADDRESS = "http://127.0.0.1:8265/api/v0/nodes?limit=1000&detail=true"
_SECONDS = 20


def main():  # type: () -> None
    """Ask, and print ``[{"address", "head", "alive", "resources"}]``."""
    headers = {"Authorization": "Bearer " + os.environ.get("RAY_AUTH_TOKEN", "")}
    request = urllib.request.Request(_ADDRESS, headers=headers)
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # it is ours
        said = json.load(answer)
    nodes = [
        {
            "address": node["node_ip"],
            "head": bool(node["is_head_node"]),
            "alive": node["state"] == "ALIVE",
            "resources": {
                name: amount
                for name, amount in (node["resources_total"] or {}).items()
                if not name.startswith("node:")
            },
        }
        for node in said["data"]["result"]["result"]
    ]
    print(json.dumps(nodes))


if __name__ == "__main__":
    main()
