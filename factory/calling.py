"""A call that Invoke cannot make sense of, refused before Invoke does, with what to do about it.

Invoke would print a bare sentence, and exit with the code of a defect. It loads ``tasks.py`` before
it parses what follows its own options, so there its parser is asked first, by what it offers to
everybody: nothing of Invoke is replaced. Its own options alone are parsed earlier still: what is
wrong with a value of theirs, Invoke says itself.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from invoke.exceptions import Exit, ParseError
from invoke.main import program
from invoke.parser import Parser
from invoke.parser.context import ParserContext

from factory.errors import ConfigError

if TYPE_CHECKING:
    from invoke.collection import Collection

_UNKNOWN = re.compile(r"No idea what (['\"].*['\"]) is!", re.DOTALL)
_VALUELESS = re.compile(r"Flag <Argument: (\S+?)[ >].*was not given one!")
_LIST = "`invoke --list` shows all"


def check_call(commands: Collection) -> None:
    """Refuse what was typed after ``invoke``, if Invoke would. Nothing is looked at where another
    program loads the commands, or the shell asks for completions.

    Raises:
        Exit: with the message, and the code of a call that is wrong.
    """
    core = getattr(program, "core", None)
    if not core or core[0].args["complete"].value:
        return
    try:
        _check_options(commands, core[0])
        check_words(commands, core.unparsed, program.initial_context)
    except ConfigError as error:
        raise Exit(str(error), error.exit_code) from None


def check_words(
    commands: Collection, words: Sequence[str], initial: ParserContext | None = None
) -> None:
    """Refuse commands with their flags, as they were typed, that Invoke's parser would refuse.

    Args:
        commands: all that there are.
        words: what follows ``invoke`` and its own options, up to a ``--``.
        initial: Invoke's own options, which may follow a command as well.

    Raises:
        ConfigError: it would.
    """
    named, initial = list(_named(commands, words)), initial or ParserContext()
    for one in (*named, initial):
        _check_numbers(one)
    parser = Parser(contexts=named, initial=initial)
    try:
        parser.parse_argv(list(words))
    except ParseError as error:
        raise _explained(commands, error) from None


def _check_numbers(context: ParserContext) -> None:
    """Let flags that take a number refuse any other value: of what ``int`` says, Invoke would make
    a traceback."""
    for argument in context.flags.values():
        if argument.kind is int:
            argument.kind = _number_of(f"invoke {context.name or ''}".strip(), str(argument.name))


def _number_of(where: str, name: str) -> Callable[[str], int]:
    flag = "--" + name.replace("_", "-")

    def number(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise ConfigError(
                f"{flag} {text!r} is no whole number", where=where, todo=f"write it as {flag} 3"
            ) from None

    return number


def _named(commands: Collection, words: Sequence[str]) -> Iterator[ParserContext]:
    """The commands that may be among the words: to make one for Invoke's parser takes as long as to
    parse a call."""
    said = {*words, *(word.partition("=")[2] for word in words)}
    for name, aliases in commands.task_names.items():
        if said & {name, *aliases}:
            task = copy.copy(commands[name])
            task.help = dict(task.help)  # it hands out each text only once, and Invoke wants them
            yield ParserContext(name=name, aliases=aliases, args=task.get_arguments())


def _check_options(commands: Collection, options: ParserContext) -> None:
    """The names that ``--help`` and ``--list`` were given."""
    about, within = options.args["help"].value, options.args["list"].value
    if isinstance(about, str) and about not in commands.task_names:
        raise _no_command(commands, about)
    if isinstance(within, str) and within not in commands.collections:
        raise ConfigError(
            f"there is no group of commands {within!r}",
            where="invoke --list",
            todo=_meant(within, commands.collections, _LIST),
        )


def _explained(commands: Collection, error: ParseError) -> ConfigError:
    context, said = error.context, str(error)
    unknown, valueless = _UNKNOWN.match(said), _VALUELESS.match(said)
    name = (context.name if context else None) or ""
    where = f"invoke {name}".strip()
    usage = f"`invoke --help {name}` shows its flags" if name else "`invoke --help` shows all"
    if context and unknown:
        word = str(ast.literal_eval(unknown[1]))
        return _no_such(commands, context, word, where, usage)
    if valueless:
        flag = "--" + valueless[1].strip("_").replace("_", "-")
        return ConfigError(f"{flag} has no value", where=where, todo=f"write one; {usage}")
    if context and context.missing_positional_args:
        names = " ".join(str(one.name).upper() for one in context.missing_positional_args)
        return ConfigError(f"it needs {names}", where=where, todo=f"write {where} {names}; {usage}")
    return ConfigError(said, where=where, todo=usage)


def _no_such(
    commands: Collection, context: ParserContext, word: str, where: str, usage: str
) -> ConfigError:
    """A word that is neither a flag here, nor a value, nor a command."""
    if word.startswith("-"):
        known = [*context.flag_names()]
        if not context.name and any(word in _flags(commands, one) for one in commands.task_names):
            todo = f"flags follow their command: invoke COMMAND {word}"
        else:
            todo = _meant(word, (one for one in known if one.startswith("--")), usage)
        return ConfigError(f"there is no flag {word}", where=where, todo=todo)
    if not context.name:
        return _no_command(commands, word)
    what = f"{word!r} is no value of a flag, and no other command"
    if "--only" in context.flags:
        select = f"select builds with flags, such as --image {word} or --only GLOB"
        return ConfigError(what, where=where, todo=f"{select}; {usage}")
    return ConfigError(what, where=where, todo=_meant(word, commands.task_names, usage))


def _no_command(commands: Collection, word: str) -> ConfigError:
    group = commands.collections.get(word)
    if group:
        todo = f"it is a group of commands; `invoke --list {word}` shows them"
    else:
        todo = _meant(word, commands.task_names, _LIST)
    return ConfigError(f"there is no command {word!r}", where="invoke", todo=todo)


def _flags(commands: Collection, name: str) -> set[str]:
    return {flag for one in _named(commands, [name]) for flag in one.flag_names()}


def _meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """What may have been meant, and where to look."""
    from factory.matrix import near

    hint = near(word, known)
    return f"{hint} {otherwise}" if hint.startswith("did you mean") else otherwise
