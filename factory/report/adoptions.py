"""What became of an image that somebody made by hand: for people, and as a document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from factory.model import Adoption, Publication, Verdict
from factory.report.differences import difference_document, difference_text
from factory.report.documents import verdict_document
from factory.report.files import files_document, files_text
from factory.report.tables import columns
from factory.report.words import verdict_words

_MEBIBYTE = 2**20


def adoption_text(
    adoption: Adoption, verdicts: Sequence[Verdict], publications: Sequence[Publication]
) -> str:
    """What differs, what the gates said, and where it is published."""
    layers = [(f"{one.size / _MEBIBYTE:.1f} MiB", one.made_by) for one in adoption.layers]
    parts = [difference_text(adoption.build_id, adoption.ref, adoption.difference)]
    parts += [columns(["LAYER", "MADE BY"], layers)] if layers else []
    parts += [files_text(adoption.files)] if adoption.files else []
    parts.append("\n".join(f"{one.gate}: {verdict_words(one)}" for one in verdicts))
    places = [
        (one.repository, tag) for one in publications for tag in (one.immutable, *one.floating)
    ]
    parts.append("\n".join(f"published: {repository}:{tag}" for repository, tag in places))
    return "\n\n".join(part for part in parts if part)


def adoption_document(
    adoption: Adoption, verdicts: Sequence[Verdict], publications: Sequence[Publication]
) -> dict[str, Any]:
    """Its shape is described in ``docs/json.md``."""
    found = difference_document(adoption.build_id, adoption.ref, adoption.difference)
    return {
        "build": adoption.build_id,
        "ref": adoption.ref,
        "config_digest": adoption.config_digest,
        "own_digest": adoption.own_digest,
        "difference": found,
        "layers": [{"made_by": one.made_by, "bytes": one.size} for one in adoption.layers],
        "files": files_document(adoption.files) if adoption.files else None,
        "verdicts": {one.gate.value: verdict_document(one) for one in verdicts},
        "published": [
            {
                "target": one.target,
                "repository": one.repository,
                "immutable": one.immutable,
                "floating": list(one.floating),
                "manifest_digest": one.manifest_digest,
            }
            for one in publications
        ],
    }
