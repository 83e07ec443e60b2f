"""A plan → a file for ``docker buildx bake``: the same family, built without us. Pure."""

from factory.bake.document import Surroundings, document

__all__ = ["Surroundings", "document"]
