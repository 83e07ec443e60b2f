"""The verify gate: an image is booted as a distributed Ray cluster and put to the test.

``verify`` judges, ``basis`` says what a verdict depends on besides the image itself.
"""

from factory.verify.request import ClusterRequest, basis
from factory.verify.room import verify

__all__ = ["ClusterRequest", "basis", "verify"]
