"""Image → findings → verdict: secrets, misconfiguration and vulnerabilities, judged by a policy."""

from factory.scan.gate import basis, basis_of, current_basis, current_parts, scan

__all__ = ["basis", "basis_of", "current_basis", "current_parts", "scan"]
