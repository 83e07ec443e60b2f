"""Jinja2 over the templates of ``dockerfiles/``. Pure: text in, text out."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from factory.dockerfile import plain
from factory.errors import ConfigError

_COUNTING = ("int", "float", "wordcount")
"""Filters that make numbers of strings, by their characters."""


class Renderer:
    """Renders templates by name.

    An undefined variable is an error, a string is never rendered as a template, and lines that
    hold only a Jinja2 tag leave no trace in the output. Templates compute with what they are given,
    and reach nothing of Python's or of this machine's by it.
    """

    def __init__(self, templates: Mapping[str, str], *, folder: str = "dockerfiles") -> None:
        self._folder = folder
        self._templates = dict(templates)
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FunctionLoader(self._source),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # Dockerfiles, not HTML; values pass an allow-list
        )
        filters = self._environment.filters
        filters |= {name: _counting(filters[name]) for name in _COUNTING}

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """Render one template.

        Raises:
            ConfigError: it does not exist, has a syntax error, uses an undefined variable, or
                fails in another way.
        """
        try:
            return self._environment.get_template(template).render(variables)
        except jinja2.TemplateNotFound as error:
            raise ConfigError(
                f"there is no template {error.name}",
                where=self._place(error, template),
                todo=f"add {self._folder}/{error.name}, or restore it from version control",
            ) from error
        except jinja2.TemplateSyntaxError as error:
            raise ConfigError(
                f"template syntax: {error.message}",
                where=f"{self._folder}/{error.name or template}:{error.lineno}",
                todo="mend the template there",
            ) from error
        except jinja2.UndefinedError as error:
            raise ConfigError(
                f"template: {error.message}",
                where=self._place(error, template),
                todo=f"templates can use: {', '.join(sorted(variables))}",
            ) from error
        except Exception as error:  # a template is code: it can meet any error that code can
            raise ConfigError(
                f"template: {type(error).__name__}: {error}",
                where=self._place(error, template),
                todo="mend the template there",
            ) from error

    def _source(self, name: str) -> tuple[str, str, None] | None:
        """Text and a file name, which is what tracebacks will say."""
        text = self._templates.get(name)
        return None if text is None else (text, f"{self._folder}/{name}", None)

    def _place(self, error: Exception, template: str) -> str:
        """The innermost template line: Jinja2 rewrites tracebacks so that they name templates."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename.rpartition("/")[2] in self._templates
        ]
        if not frames:
            return f"{self._folder}/{template}" if template in self._templates else self._folder
        return f"{self._folder}/{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}"


def _counting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts by what a value was, where it is inert."""

    @functools.wraps(function)
    def count(*given: object, **named: object) -> Any:
        return function(*map(plain, given), **named)

    return count
