"""Image → findings → verdict: secrets, misconfiguration and vulnerabilities, judged by a policy."""

from typing import TYPE_CHECKING

from factory.late import loading

if TYPE_CHECKING:
    from factory.scan.gate import basis, basis_of, current_basis, current_parts, scan

__all__ = ["basis", "basis_of", "current_basis", "current_parts", "scan"]
__getattr__ = loading(__name__, dict.fromkeys(__all__, "gate"))
