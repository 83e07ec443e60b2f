"""YAML text → validated cells and images; selection. Pure: text in, values out."""

from factory.matrix.cells import span
from factory.matrix.cohorts import with_images
from factory.matrix.images import check_parents, parse_image
from factory.matrix.schema import json_schema
from factory.matrix.select import among, select
from factory.matrix.spec import parse_matrix
from factory.matrix.targets import KNOWN_PARTIALS
from factory.matrix.validate import near

__all__ = [
    "KNOWN_PARTIALS",
    "among",
    "check_parents",
    "json_schema",
    "near",
    "parse_image",
    "parse_matrix",
    "select",
    "span",
    "with_images",
]
