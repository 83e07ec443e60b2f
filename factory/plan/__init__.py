"""Builds → distinct steps with keys, and tags. Pure."""

from factory.plan.steps import make_plan

__all__ = ["make_plan"]
