"""What is said of an image beside it in its registry: attached, signed, found and judged.

``attach_evidence`` has all that is known of an image refer to it, ``Cosign`` signs that.
``carried`` finds what an image carries and checks signatures, ``judge`` tells whether that
satisfies the terms of whoever asks.
"""

from typing import TYPE_CHECKING

from factory.late import loading

if TYPE_CHECKING:
    from factory.evidence.attach import Evidence, Signer, attach_evidence, mark_of
    from factory.evidence.collect import carried, subject_of
    from factory.evidence.cosign import Cosign
    from factory.evidence.keys import PublicKey, read_keys
    from factory.evidence.policy import judge, overlooked
    from factory.evidence.stored import bring
    from factory.evidence.upkeep import keep_up

__all__ = [
    "Cosign",
    "Evidence",
    "PublicKey",
    "Signer",
    "attach_evidence",
    "bring",
    "carried",
    "judge",
    "keep_up",
    "mark_of",
    "overlooked",
    "read_keys",
    "subject_of",
]
__getattr__ = loading(
    __name__,
    {
        "Cosign": "cosign",
        "bring": "stored",
        "keep_up": "upkeep",
        **dict.fromkeys(("Evidence", "Signer", "attach_evidence", "mark_of"), "attach"),
        **dict.fromkeys(("PublicKey", "read_keys"), "keys"),
        **dict.fromkeys(("judge", "overlooked"), "policy"),
        **dict.fromkeys(("carried", "subject_of"), "collect"),
    },
)
