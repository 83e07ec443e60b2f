"""Step → Dockerfile text. Templates are trusted code; what is put into them is checked data."""

from factory.render.dockerfile import Renderer

__all__ = ["Renderer"]
