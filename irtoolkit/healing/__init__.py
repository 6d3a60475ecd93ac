"""From the mask to the healed picture."""

from irtoolkit.healing.heal import heal
from irtoolkit.healing.inpainting import check_method

__all__ = [
    "check_method",
    "heal",
]
