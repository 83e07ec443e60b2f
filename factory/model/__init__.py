"""The words of the factory as frozen types: all that crosses from one room to another.

Nothing here does I/O. Digests are written ``sha256:<64 hex digits>``, keys are the bare 64 hex
digits, times are seconds (durations) or ISO 8601 in UTC (instants).
"""

from factory.model.matrix import (
    Base,
    Cell,
    Excluded,
    Image,
    Matrix,
    Override,
    Project,
    ScanPolicy,
    Target,
)
from factory.model.outcome import Finding, Health, Outcome, State
from factory.model.plan import (
    KEY_DIGITS,
    KEY_LABEL,
    PLATFORM,
    Build,
    Plan,
    PlannedBuild,
    Rootfs,
    Step,
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

__all__ = [
    "KEY_DIGITS",
    "KEY_LABEL",
    "NO_DATABASE",
    "NO_RUNTIME",
    "PLATFORM",
    "SUBSTITUTED_BASE",
    "Base",
    "Build",
    "Built",
    "Cell",
    "Check",
    "CheckStatus",
    "Excluded",
    "Finding",
    "Gate",
    "Health",
    "Image",
    "Matrix",
    "Outcome",
    "Override",
    "Plan",
    "PlannedBuild",
    "Project",
    "Publication",
    "Record",
    "Rootfs",
    "ScanPolicy",
    "State",
    "Status",
    "Step",
    "Target",
    "Verdict",
    "step_ref",
]
