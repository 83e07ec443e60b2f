"""Why something would be made or judged anew: what was recorded and what is there now → sentences
for people. Pure."""

from factory.explain.chains import differences
from factory.explain.files import Lookup, is_lock, manifest, pins
from factory.explain.gates import awaiting, build_foreseen, verdict_foreseen
from factory.explain.reasons import UNKNOWN, reason_of

__all__ = [
    "UNKNOWN",
    "Lookup",
    "awaiting",
    "build_foreseen",
    "differences",
    "is_lock",
    "manifest",
    "pins",
    "reason_of",
    "verdict_foreseen",
]
