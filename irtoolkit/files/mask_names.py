"""Masks in a folder of pictures: their names, and how a PNG mask of this program is known."""

from irtoolkit.files.targets import AnyPath

MASK_ENDINGS = {"tiff": "_mask.tif", "png": "_mask.png", "pfm": "_mask.pfm"}
"""Endings of the masks' names by format."""

SOFTWARE = b"Software\0irtoolkit "
"""What a PNG mask of this program has near its start."""

HEADER_END = 33
"""Bytes of a PNG file's signature and first chunk."""


def is_png_mask(path: AnyPath) -> bool:
    """Whether a file is a PNG mask of this program."""
    with open(path, "rb") as file:
        return SOFTWARE in file.read(HEADER_END + 100)
