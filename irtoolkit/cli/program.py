"""The program: it runs a command, and ends with its exit status and one message."""

import sys

import click

from irtoolkit import archive
from irtoolkit.cli.commands import DONE, SOME_REFUSED, WRONG_CALL, commands
from irtoolkit.cli.mistakes import Stopped, describe_mistake
from irtoolkit.schema import SlideError, near

INTERRUPTED = 130
STOPPED = "stopped. Finished slides are safe; run the same command to continue."


def main() -> None:
    """Run the command line; exit status 0 done, 1 some slide refused or failed, 2 wrong call, 130 stopped."""
    try:
        with archive.stopped_by_signals():
            status = commands.main(prog_name="irtoolkit", standalone_mode=False) or DONE
        sys.exit(status)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(WRONG_CALL)
    except (KeyboardInterrupt, click.Abort, Stopped) as error:
        _end(str(error) or STOPPED, INTERRUPTED)
    except (click.ClickException, SlideError) as error:
        _end(describe_mistake(error) if isinstance(error, click.ClickException) else str(error), WRONG_CALL)
    except OSError as error:
        _end(f"{near(error.filename)}: {error.strerror}" if error.filename else str(error), SOME_REFUSED)


def _end(message: str, status: int) -> None:
    archive.print_message(message)
    sys.exit(status)
