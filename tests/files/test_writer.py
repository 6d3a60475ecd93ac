import errno
import os
import pickle
import threading

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
import xarray as xr
from slide_files import MAKER_NOTE, SAVED, bands, raw_tags

from irtoolkit.files import writer
from irtoolkit.files.targets import LEFTOVER, remove_leftovers, temporary
from irtoolkit.files.writer import PixelFile, write_healed, write_mask
from irtoolkit.schema import LayoutError, SlideError


@pytest.mark.parametrize("chunks", [None, (3, 10, 53), (1, 37, 53), (2, 11, 17)])
@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_are_those_given(source, counts, tmp_path, monkeypatch, dtype, compression, chunks):
    monkeypatch.setattr(writer, "STRIP_BYTES", 1700)
    values = counts[:3].astype(dtype)
    path = write_healed(bands(values, chunks), tmp_path / "a.tif", source=source, compression=compression)
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        assert len(page.dataoffsets) > 3
        assert page.dtype == dtype
        np.testing.assert_array_equal(page.asarray(), np.moveaxis(values, 0, -1))


def test_only_r_g_b_in_this_order(source, counts, tmp_path):
    slide = xr.DataArray(counts[::-1], dims=("band", "y", "x"), coords={"band": ["R", "IR", "B", "G"]})
    path = write_healed(slide.transpose("x", "band", "y"), tmp_path / "a.tif", source=source)
    np.testing.assert_array_equal(tifffile.imread(path), np.stack([counts[3], counts[0], counts[1]], axis=-1))


@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("chunks", [None, (10, 17)])
def test_mask(source, counts, tmp_path, chunks, compression):
    mask = counts[3] > 60000
    given = mask if chunks is None else xr.DataArray(da.from_array(mask, chunks=chunks), dims=("y", "x"))
    path = write_mask(given, tmp_path / "new" / "a_mask.tif", source=source, compression=compression)
    before, after = raw_tags(source), raw_tags(path)
    assert {code: after[code] for code in (274, 282, 283, 296)} == {c: before[c] for c in (274, 282, 283, 296)}
    assert after[305][2].startswith(b"irtoolkit ")
    assert not after.keys() & {271, 34665, 34675}
    with tifffile.TiffFile(path) as tiff:
        (page,) = tiff.pages
        assert (page.dtype, int(page.compression)) == (np.uint8, {"none": 1, "deflate": 8}[compression])
        np.testing.assert_array_equal(page.asarray(), np.where(mask, 255, 0))
    assert [entry.name for entry in path.parent.iterdir()] == ["a_mask.tif"]


def test_mask_as_bare_dask_array_and_other_order_of_dimensions(source, counts, tmp_path):
    mask = counts[3] > 60000
    lazy = da.from_array(mask, chunks=(7, 53))
    written = [
        write_mask(lazy, tmp_path / "a.tif", source=source),
        write_mask(xr.DataArray(lazy.T, dims=("x", "y")), tmp_path / "b.tif", source=source),
    ]
    for path in written:
        np.testing.assert_array_equal(tifffile.imread(path) == 255, mask)


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_a_graph_is_computed_once(source, tmp_path, compression):
    calls = []

    def kernel(block, block_info=None):
        calls.append(block_info[0]["chunk-location"])
        return block

    zeros = da.zeros((3, 37, 53), chunks=(3, 5, 53), dtype=np.uint16)
    base = zeros.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16))
    halo = base.map_overlap(lambda block: block + 1, depth=(0, 2, 0), boundary="reflect", dtype=np.uint16)
    lazy = xr.DataArray(halo, dims=("band", "y", "x"), coords={"band": ["R", "G", "B"]})
    path = write_healed(lazy, tmp_path / "a.tif", source=source, compression=compression)
    assert sorted(calls) == [(0, row, 0) for row in range(8)]
    assert (tifffile.imread(path) == 1).all()


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_a_failure_on_the_way_leaves_what_was_there(source, healed, tmp_path, compression):
    def kernel(block, block_info=None):
        if block_info[0]["chunk-location"][1] == 2:
            raise LayoutError("strip 2 is damaged")
        return block

    broken = healed.copy(data=healed.data.map_blocks(kernel, dtype=np.uint16, meta=np.empty((0, 0, 0), np.uint16)))
    out = tmp_path / "out"
    with pytest.raises(LayoutError, match="strip 2 is damaged"):
        write_healed(broken, out / "a.tif", source=source, compression=compression)
    assert list(out.iterdir()) == []
    complete = write_healed(healed, out / "a.tif", source=source, compression=compression).read_bytes()
    with pytest.raises(LayoutError, match="strip 2 is damaged"):
        write_healed(broken, out / "a.tif", source=source, compression=compression)
    assert [entry.name for entry in out.iterdir()] == ["a.tif"]
    assert (out / "a.tif").read_bytes() == complete


@pytest.mark.parametrize("compression", ["none", "deflate"])
@pytest.mark.parametrize("step", ["pixels", "sync"])
def test_a_full_disk_is_said_and_leaves_nothing(source, healed, tmp_path, monkeypatch, step, compression):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    owner, name = {"pixels": (PixelFile, "__setitem__"), "sync": (os, "fsync")}[step]
    monkeypatch.setattr(owner, name, full)
    with pytest.raises(OSError, match=r"the disk is full.*another folder.*a_clean\.tif") as caught:
        write_healed(healed, tmp_path / "out" / "a_clean.tif", source=source, compression=compression)
    assert caught.value.errno == errno.ENOSPC
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupted_runs_own_temporary_file_is_no_obstacle(source, healed, tmp_path):
    leftover = temporary(tmp_path / "a.tif")
    leftover.write_bytes(b"x" * 10**6)
    path = write_healed(healed, tmp_path / "a.tif", source=source)
    np.testing.assert_array_equal(tifffile.imread(path), healed.transpose("y", "x", "band"))
    assert path.stat().st_size < 10**6
    remove_leftovers(tmp_path)
    assert not leftover.exists()


def test_the_scratch_file_has_the_name_of_a_leftover(source, healed, tmp_path, monkeypatch):
    names = []
    store = writer.store
    monkeypatch.setattr(writer, "store", lambda *given: (names.extend(os.listdir(tmp_path / "o")), store(*given)))
    write_healed(healed, tmp_path / "o" / "a.tif", source=source, compression="deflate")
    raw, part = sorted(names, key=len, reverse=True)
    assert raw.removesuffix(".raw.part") == part.removesuffix(".part")
    assert all(LEFTOVER.search(name) for name in names)


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_large_pictures_become_bigtiff(source, healed, tmp_path, monkeypatch, compression):
    monkeypatch.setattr(writer, "CLASSIC_BYTES", 0)
    path = write_healed(healed, tmp_path / "a.tif", source=source, compression=compression)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_bigtiff
        np.testing.assert_array_equal(tiff.pages[0].asarray(), healed.transpose("y", "x", "band"))
        assert tiff.pages[0].tags[34665].value["MakerNote"] == MAKER_NOTE
    again = write_healed(healed, tmp_path / "other" / "a.tif", source=path)
    monkeypatch.undo()
    classic = write_healed(healed, tmp_path / "classic" / "a.tif", source=again)
    assert {c: t for c, t in raw_tags(classic).items() if c in SAVED} == {
        c: t for c, t in raw_tags(source).items() if c in SAVED
    }


def test_blocks_can_be_written_by_other_threads_and_after_pickling(tmp_path, counts):
    path = tmp_path / "pixels"
    path.write_bytes(b"head")
    target = pickle.loads(pickle.dumps(PixelFile(path, 4, (37, 53, 4), np.dtype(">u2"))))
    values = np.moveaxis(counts, 0, -1)
    blocks = [(slice(y, y + 10), slice(x, x + 30)) for y in range(0, 37, 10) for x in range(0, 53, 30)]
    threads = [threading.Thread(target=target.__setitem__, args=(block, values[block])) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"head" + values.astype(">u2").tobytes()


def test_schedulers_give_the_same_file(source, healed, tmp_path):
    written = []
    for scheduler in ("synchronous", "threads"):
        with dask.config.set(scheduler=scheduler):
            path = write_healed(healed, tmp_path / f"{scheduler}.tif", source=source, compression="deflate")
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_what_cannot_be_written_is_refused(source, healed, tmp_path):
    path = tmp_path / "a.tif"
    with pytest.raises(SlideError, match=r"uint8 or uint16 on \(band, y, x\), not float64"):
        write_healed(healed.astype(float), path, source=source)
    with pytest.raises(SlideError, match="the bands R, G, B"):
        write_healed(healed.isel(band=[0, 1]), path, source=source)
    with pytest.raises(SlideError, match=r"not uint16 on \('y', 'x'\)"):
        write_healed(healed.isel(band=0), path, source=source)
    with pytest.raises(SlideError, match=r"a mask is bool on \(y, x\), not uint16"):
        write_mask(healed.isel(band=0), path, source=source)
    with pytest.raises(SlideError, match='"none" or "deflate", not \'lzw\''):
        write_healed(healed, path, source=source, compression="lzw")
    assert not path.exists()
