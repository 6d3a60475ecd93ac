"""The command line."""

from typing import TYPE_CHECKING

from irtoolkit.schema import names_of_door

if TYPE_CHECKING:
    from irtoolkit.cli.program import main
else:
    __getattr__, __dir__ = names_of_door(__name__)
