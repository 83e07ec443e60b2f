"""Image → findings → verdict: secrets, misconfiguration and vulnerabilities, judged by a policy."""

from factory.scan.gate import basis, current_basis, scan
from factory.scan.policy import ScanPolicy

__all__ = ["ScanPolicy", "basis", "current_basis", "scan"]
