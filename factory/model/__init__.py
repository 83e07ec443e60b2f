"""The words of the factory as frozen types: all that crosses from one room to another.

Nothing here does I/O. Digests are written ``sha256:<64 hex digits>``, keys are the bare 64 hex
digits, times are seconds (durations) or ISO 8601 in UTC (instants).
"""

from factory.model.base import Base, Cuda, Device, Torch
from factory.model.cell import Cell, Excluded, When, matches
from factory.model.image import GitSource, Image, Install, Override
from factory.model.lock import (
    BASES_LOCK,
    TEMPLATES,
    asked_digest,
    asked_of,
    lock_header,
    lock_names,
    locks_folder,
)
from factory.model.matrix import Matrix, Project, ScanPolicy, Target
from factory.model.outcome import Finding, Health, Outcome, State
from factory.model.plan import (
    KEY_DIGITS,
    KEY_LABEL,
    MAIN,
    PLATFORM,
    Build,
    Plan,
    PlannedBuild,
    Read,
    Rootfs,
    Step,
    Wheels,
    step_ref,
)
from factory.model.record import (
    NO_DATABASE,
    NO_RUNTIME,
    SUBSTITUTED_BASE,
    Built,
    Check,
    CheckStatus,
    Gate,
    Publication,
    Record,
    Status,
    Verdict,
)
from factory.model.selection import Selection

__all__ = [
    "BASES_LOCK",
    "KEY_DIGITS",
    "KEY_LABEL",
    "MAIN",
    "NO_DATABASE",
    "NO_RUNTIME",
    "PLATFORM",
    "SUBSTITUTED_BASE",
    "TEMPLATES",
    "Base",
    "Build",
    "Built",
    "Cell",
    "Check",
    "CheckStatus",
    "Cuda",
    "Device",
    "Excluded",
    "Finding",
    "Gate",
    "GitSource",
    "Health",
    "Image",
    "Install",
    "Matrix",
    "Outcome",
    "Override",
    "Plan",
    "PlannedBuild",
    "Project",
    "Publication",
    "Read",
    "Record",
    "Rootfs",
    "ScanPolicy",
    "Selection",
    "State",
    "Status",
    "Step",
    "Target",
    "Torch",
    "Verdict",
    "Wheels",
    "When",
    "asked_digest",
    "asked_of",
    "lock_header",
    "lock_names",
    "locks_folder",
    "matches",
    "step_ref",
]
