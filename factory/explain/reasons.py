"""The reason for which a step is made, in one sentence: what the ledger keeps with the image."""

from __future__ import annotations

from factory.explain.chains import differences
from factory.explain.files import Lookup
from factory.model import Chain

FIRST = "first build"
UNKNOWN = "changed since an image whose inputs were not recorded"
ABSENT = "never made here; needed by what stands on it"


def reason_of(key: str, chain: Chain, last: Chain | None, look: Lookup) -> str:
    """Why a step has to be made although it is not known to have been.

    Args:
        key: the step's.
        chain: of a build that needs it.
        last: what that build was last made of; empty if that was not recorded, and ``None`` if it
            was never made.
        look: the texts behind digests.
    """
    if last is None:
        return FIRST
    if any(one.key == key for one in last):
        return ABSENT
    found = differences(chain, last, look) if last else ()
    return found[0].what if found else UNKNOWN
