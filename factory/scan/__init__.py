"""Image → findings → verdict: secrets, misconfiguration and vulnerabilities, judged by a policy."""

from factory.scan.gate import basis, current_basis, scan

__all__ = ["basis", "current_basis", "scan"]
