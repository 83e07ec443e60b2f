"""Image → findings → verdict: secrets, misconfiguration and vulnerabilities, judged by a policy."""

from typing import TYPE_CHECKING

from factory.late import loading

if TYPE_CHECKING:
    from factory.scan.apart import MOST
    from factory.scan.basis import basis_of, current_basis, current_parts
    from factory.scan.database import fetch, load
    from factory.scan.files import files_above, kept_layers
    from factory.scan.gate import (
        content_of,
        kept_content,
        materials,
        scan,
        scan_again,
        write_findings,
    )

__all__ = [
    "MOST",
    "basis_of",
    "content_of",
    "current_basis",
    "current_parts",
    "fetch",
    "files_above",
    "kept_content",
    "kept_layers",
    "load",
    "materials",
    "scan",
    "scan_again",
    "write_findings",
]
__getattr__ = loading(
    __name__,
    {
        "MOST": "apart",
        **dict.fromkeys(("fetch", "load"), "database"),
        **dict.fromkeys(("files_above", "kept_layers"), "files"),
        **dict.fromkeys(("basis_of", "current_basis", "current_parts"), "basis"),
        **dict.fromkeys(
            ("content_of", "kept_content", "materials", "scan", "scan_again", "write_findings"),
            "gate",
        ),
    },
)
