"""The xarray engine "irtoolkit": `xr.open_dataset` gives the Dataset that `open_slide` gives."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from irtoolkit.files.infrared import Infrared
from irtoolkit.files.layouts import find_layout
from irtoolkit.files.reader import SlideReader, find_slide, label_counts
from irtoolkit.schema import DIMENSIONS, SlideError


class SlideArray(BackendArray):
    """The counts of a slide, as xarray indexes them before anything is read."""

    def __init__(self, reader: SlideReader) -> None:
        self.reader = reader
        self.shape = reader.shape
        self.dtype = reader.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self.reader.__getitem__
        )


class SlideBackend(BackendEntrypoint):
    """Opens slides with infrared: ``xr.open_dataset(path, engine="irtoolkit", chunks={})``.

    With ``chunks={}`` the chunks are those of `open_slide`; without `chunks` nothing is read until it is asked for.
    """

    description = "Scans of film with an infrared plane: TIFF, DNG, PNG and PPM of scanner programs"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "infrared", "frame")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        infrared: Infrared = None,
        frame: int | None = None,
    ) -> xr.Dataset:
        """Open one slide; errors are those of `open_slide`."""
        layout = find_slide(filename_or_obj, infrared, frame)
        reader = SlideReader(layout)
        counts = xr.Variable(DIMENSIONS, indexing.LazilyIndexedArray(SlideArray(reader)))
        counts.encoding["preferred_chunks"] = dict(zip(DIMENSIONS, reader.chunks, strict=True))
        slide = label_counts(layout, counts)
        return slide.drop_vars([drop_variables] if isinstance(drop_variables, str) else drop_variables or [])

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether this is a file with an infrared plane; reads headers, never raises."""
        try:
            return find_layout(filename_or_obj).infrared is not None
        except (SlideError, OSError, TypeError, ValueError):
            return False
