"""The verify gate: an image is booted as a distributed Ray cluster and put to the test.

``verify`` judges, ``parts`` says what a verdict depends on besides the
image itself, of which ``basis`` is a digest, and
``nvidia_runtime`` whether an image for GPUs can be tried on one. ``facts_of`` says what an image is
that nobody describes, ``clusters_at_once`` how many clusters an engine holds.
"""

from typing import TYPE_CHECKING

from factory.late import loading

if TYPE_CHECKING:
    from factory.verify.budget import clusters_at_once, nodes_of
    from factory.verify.facts import facts_of
    from factory.verify.request import ClusterRequest, Workers, basis, basis_of, parts
    from factory.verify.room import verify
    from factory.verify.runtime import nvidia_runtime
    from factory.verify.smoke.suite import QUICK, SUITES
    from factory.verify.verdict import gate_of

__all__ = [
    "QUICK",
    "SUITES",
    "ClusterRequest",
    "Workers",
    "basis",
    "basis_of",
    "clusters_at_once",
    "facts_of",
    "gate_of",
    "nodes_of",
    "nvidia_runtime",
    "parts",
    "verify",
]
__getattr__ = loading(
    __name__,
    {
        **dict.fromkeys(("ClusterRequest", "Workers", "basis", "basis_of", "parts"), "request"),
        **dict.fromkeys(("QUICK", "SUITES"), "smoke.suite"),
        **dict.fromkeys(("clusters_at_once", "nodes_of"), "budget"),
        "facts_of": "facts",
        "gate_of": "verdict",
        "nvidia_runtime": "runtime",
        "verify": "room",
    },
)
