"""The files that builds read: contained in the project, digested, and copied for a build."""

from factory.context.ignore import LEFT_OUT, Ignore
from factory.context.stage import stage
from factory.context.tree import Contents, Entry, Tree
from factory.refused import contained

__all__ = ["LEFT_OUT", "Contents", "Entry", "Ignore", "Tree", "contained", "stage"]
