"""Jinja2 over the templates of ``dockerfiles/``. Pure: text in, text out."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import jinja2

from factory.errors import ConfigError


class Renderer:
    """Renders templates by name.

    An undefined variable is an error, a string is never rendered as a template, and lines that
    hold only a Jinja2 tag leave no trace in the output.
    """

    def __init__(self, templates: Mapping[str, str], *, folder: str = "dockerfiles") -> None:
        self._folder = folder
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(dict(templates)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701  # Dockerfiles, not HTML; values pass an allow-list
        )

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """Render one template.

        Raises:
            ConfigError: it does not exist, has a syntax error, or uses an undefined variable.
        """
        try:
            return self._environment.get_template(template).render(variables)
        except jinja2.TemplateNotFound as error:
            raise ConfigError(
                f"there is no template {error.name}",
                where=self._folder,
                todo=f"add {self._folder}/{error.name}, or restore it from version control",
            ) from error
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(
                f"template syntax: {error.message}",
                where=f"{self._folder}/{error.name or template}:{error.lineno}",
            ) from error
        except jinja2.TemplateError as error:
            raise ConfigError(
                f"template: {error.message}", where=self._place(error, template)
            ) from error

    def _place(self, error: Exception, template: str) -> str:
        """The innermost template line: Jinja2 rewrites tracebacks so that they name templates."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename.endswith(".j2")
        ]
        place = frames[-1].filename.rpartition("/")[2] if frames else template
        line = f":{frames[-1].lineno}" if frames else ""
        return f"{self._folder}/{place}{line}"
