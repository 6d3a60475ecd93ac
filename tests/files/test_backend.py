import numpy as np
import pytest
import xarray as xr

from irtoolkit.files import page_reader
from irtoolkit.files.backend import SlideBackend
from irtoolkit.files.reader import open_slide
from irtoolkit.schema import NoInfraredError
from irtoolkit.synthetic.scanner_files import write_scanner_file

LAYOUTS = ["vuescan-rgbi", "silverfast-hdri-preview", "vuescan-dng", "silverfast-dng", "sidecar", "gray"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_engine_gives_what_open_slide_gives(tmp_path, counts, layout):
    write_scanner_file(tmp_path / "a.tif", counts, layout)
    expected = open_slide(tmp_path / "a.tif")
    found = xr.open_dataset(tmp_path / "a.tif", engine=SlideBackend, chunks={})
    assert found.counts.chunks == expected.counts.chunks
    assert found.identical(expected)


def test_without_chunks_nothing_is_read_until_it_is_asked_for(tmp_path, counts, monkeypatch):
    write_scanner_file(tmp_path / "a.tif", counts, "silverfast-hdri")
    monkeypatch.setattr(page_reader, "open", None, raising=False)
    found = xr.open_dataset(tmp_path / "a.tif", engine=SlideBackend)
    part = found.counts.sel(band=["IR", "R"]).isel(y=slice(3, 30, 4), x=[5, 2, 9])
    assert part.chunks is None
    with pytest.raises(TypeError):
        part.load()
    monkeypatch.undo()
    np.testing.assert_array_equal(part, counts[[3, 0]][:, 3:30:4][..., [5, 2, 9]])


def test_names_of_variables_and_infrared(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "rgba")
    with pytest.raises(NoInfraredError, match="marked as alpha"):
        xr.open_dataset(tmp_path / "a.tif", engine=SlideBackend)
    found = xr.open_dataset(tmp_path / "a.tif", engine=SlideBackend, infrared=3)
    np.testing.assert_array_equal(found.counts, counts)
    dropped = xr.open_dataset(tmp_path / "a.tif", engine=SlideBackend, infrared=3, drop_variables="counts")
    assert list(dropped.data_vars) == []


def test_guesses_only_slides_with_infrared(tmp_path, counts):
    guess = SlideBackend().guess_can_open
    write_scanner_file(tmp_path / "a.tif", counts)
    write_scanner_file(tmp_path / "b.tif", counts, "rgb")
    (tmp_path / "c.tif").write_bytes(b"II*\0\xff\xff\xff\xff")
    (tmp_path / "d.nc").write_bytes(b"CDF\1")
    assert guess(tmp_path / "a.tif")
    for other in (tmp_path / "b.tif", tmp_path / "c.tif", tmp_path / "d.nc", tmp_path / "none.tif", tmp_path, 5, None):
        assert not guess(other)


def test_the_engine_is_registered():
    assert "irtoolkit" in xr.backends.list_engines()
