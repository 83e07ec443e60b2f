"""Builds → distinct steps with keys, and tags. Pure."""

from factory.plan.assemble import Contents
from factory.plan.filters import filters_of
from factory.plan.groups import release_groups
from factory.plan.locks import unlocked
from factory.plan.needed import is_present, steps_to_build
from factory.plan.steps import Foundations, make_plan
from factory.plan.tags import floating_tags, immutable_tag

__all__ = [
    "Contents",
    "Foundations",
    "filters_of",
    "floating_tags",
    "immutable_tag",
    "is_present",
    "make_plan",
    "release_groups",
    "steps_to_build",
    "unlocked",
]
