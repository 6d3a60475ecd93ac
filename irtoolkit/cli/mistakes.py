"""Messages about wrong calls: the option as it is typed, what is wrong with it, and what to do."""

from difflib import get_close_matches
from typing import Any

import click

CLOSE = 0.75
"""Likeness of two names, from 0 to 1, above which one may be meant by the other."""


class Stopped(click.ClickException):
    """A command was stopped by Ctrl-C or another signal; the message is that of the `KeyboardInterrupt`."""


class Checked(click.ParamType[Any]):
    """A type of click, with words for what an option of this type must be."""

    def __init__(self, kind: click.ParamType[Any], words: str) -> None:
        self.kind, self.words, self.name = kind, words, kind.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value of an option; `click.BadParameter` says what it must be."""
        try:
            return self.kind.convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be {self.words}, not {value!r}", param, ctx)


def describe_mistake(error: click.ClickException) -> str:
    """A wrong call in one line.

    >>> describe_mistake(click.NoSuchOption("--limt", possibilities=["--limit", "--quiet"]))
    '--limt: no such option; did you mean --limit?'
    """
    if isinstance(error, click.NoSuchOption):
        near = get_close_matches(error.option_name, error.possibilities or (), cutoff=CLOSE)
        advice = f"did you mean {' or '.join(near)}?" if near else f"see {_help_of(error)}"
        return f"{error.option_name}: no such option; {advice}"
    param = error.param if isinstance(error, click.BadParameter) else None
    if isinstance(error, click.BadParameter) and param is not None:
        name = param.opts[0] if isinstance(param, click.Option) else param.make_metavar(error.ctx)  # type: ignore[arg-type]
        missing = isinstance(error, click.MissingParameter)
        return f"{name} is missing; see {_help_of(error)}" if missing else f"{name} {error.message}"
    return error.format_message()


def _help_of(error: click.UsageError) -> str:
    return f"{error.ctx.command_path if error.ctx else 'irtoolkit'} --help"
