"""The verify gate: an image is booted as a distributed Ray cluster and put to the test.

``verify`` judges, ``basis`` says what a verdict depends on besides the image itself, and
``nvidia_runtime`` whether an image for GPUs can be tried on one.
"""

from factory.verify.request import ClusterRequest, basis
from factory.verify.room import verify
from factory.verify.runtime import nvidia_runtime
from factory.verify.smoke.suite import LEVELS

__all__ = ["LEVELS", "ClusterRequest", "basis", "nvidia_runtime", "verify"]
