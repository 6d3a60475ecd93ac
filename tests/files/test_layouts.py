import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from irtoolkit.files.layouts import Plane, find_layout
from irtoolkit.files.metadata import describe, profile_name
from irtoolkit.files.reader import open_slide
from irtoolkit.files.sidecars import is_sidecar, sidecar_of
from irtoolkit.schema import LayoutError, NoInfraredError
from irtoolkit.synthetic.scanner_files import LAYOUTS, write_scanner_file

WHERE = {
    "vuescan-rgbi": ("VueScan RGBI", (0,), (0,), 3),
    "vuescan-rgbi-untagged": ("VueScan RGBI", (0,), (0,), 3),
    "silverfast-hdri": ("SilverFast HDRi", (0,), (1,), 0),
    "silverfast-hdri-preview": ("SilverFast HDRi", (0,), (2,), 0),
    "vuescan-dng": ("VueScan DNG", (0, 0), (0, 0), 3),
    "silverfast-dng": ("SilverFast DNG", (0, 0), (2,), 0),
    "sidecar": ("sidecar", (0,), (0,), 0),
    "sidecar-pgm": ("sidecar", (0,), (0,), 0),
    "gray": ("gray pages", (0,), (1,), 0),
}


@pytest.mark.parametrize("layout", WHERE)
def test_each_layout_is_found_where_it_was_put(tmp_path, counts, layout):
    files = write_scanner_file(tmp_path / "a.tif", counts, layout)
    found = find_layout(files[0])
    name, picture, page, sample = WHERE[layout]
    assert found.name == name == found.metadata["layout"]
    assert {plane.page for plane in found.visible} == {picture}
    assert [plane.sample for plane in found.visible] == ([0, 0, 0] if layout == "gray" else [0, 1, 2])
    assert found.infrared == Plane(str(files[-1]), page, sample)
    assert (found.height, found.width, found.bits, found.orientation) == (37, 53, 16, 1)


def _by_tifffile(path, page):
    with tifffile.TiffFile(path) as file:
        found = file.pages[page[0]]
        for branch in page[1:]:
            found = found.pages[branch]
        return found.asarray()


@pytest.mark.parametrize("layout", [name for name in WHERE if name != "sidecar-pgm"])
def test_the_planes_are_those_that_another_reader_sees(tmp_path, counts, layout):
    write_scanner_file(tmp_path / "a.tif", counts, layout)
    found = find_layout(tmp_path / "a.tif")
    for plane, written in zip((*found.visible, found.infrared), counts, strict=True):
        if layout == "gray" and plane is not found.infrared:
            written = counts[1]
        samples = _by_tifffile(plane.path, plane.page)
        np.testing.assert_array_equal(samples if samples.ndim == 2 else samples[..., plane.sample], written)


@pytest.mark.parametrize("layout", ["rgb", "rgba"])
def test_a_picture_without_infrared_is_described_and_refused(tmp_path, counts, layout):
    write_scanner_file(tmp_path / "a.tif", counts, layout)
    found = find_layout(tmp_path / "a.tif")
    assert found.infrared is None
    assert found.name == layout.upper()
    with pytest.raises(
        NoInfraredError, match=r"no infrared channel: .* R, G.* no a_IR\.tif beside it\. .*RGBI or HDRi"
    ):
        open_slide(tmp_path / "a.tif")


def test_alpha_is_infrared_when_a_person_says_so(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "rgba")
    with pytest.raises(NoInfraredError, match="marked as alpha"):
        open_slide(tmp_path / "a.tif")
    assert find_layout(tmp_path / "a.tif", 3).infrared == Plane(str(tmp_path / "a.tif"), (0,), 3)


def test_a_number_is_a_sample_or_else_a_page(tmp_path, counts):
    path = tmp_path / "a.tif"
    write_scanner_file(path, counts, "silverfast-hdri-preview")
    assert find_layout(path, 2).infrared == Plane(str(path), (2,), 0)
    for number in (1, 3, 7):
        with pytest.raises(NoInfraredError, match=rf"infrared={number} .*gray pages \[2\]"):
            find_layout(path, number)


def test_infrared_may_be_named_by_path(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", counts, "sidecar")
    named = (tmp_path / "a_IR.tif").rename(tmp_path / "other.tif")
    assert find_layout(tmp_path / "a.tif").infrared is None
    assert find_layout(tmp_path / "a.tif", named).infrared.path == str(named)
    with pytest.raises(FileNotFoundError, match=r"none\.tif"):
        find_layout(tmp_path / "a.tif", tmp_path / "none.tif")
    with pytest.raises(LayoutError, match=r"must be gray.*found 3 samples per pixel"):
        find_layout(tmp_path / "a.tif", tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a_IR.tif", "a_ir.tiff", "a-ir.TIF", "a.ir.tif", "a-IR.TIFF", "a.IR.tif"])
def test_sidecar_names(tmp_path, counts, name):
    write_scanner_file(tmp_path / "a.tif", counts, "sidecar")
    sidecar = (tmp_path / "a_IR.tif").rename(tmp_path / name)
    assert Path(sidecar_of(tmp_path / "a.tif")).samefile(sidecar)
    assert is_sidecar(sidecar)
    assert not is_sidecar(tmp_path / "a.tif")
    with pytest.raises(LayoutError, match=r"this is the infrared of .*a\.tif; open that"):
        find_layout(sidecar)


def test_a_name_alone_does_not_make_a_sidecar(tmp_path, counts):
    write_scanner_file(tmp_path / "a_IR.tif", counts)
    assert not is_sidecar(tmp_path / "a_IR.tif")
    write_scanner_file(tmp_path / "a.tif", counts)
    assert not is_sidecar(tmp_path / "a_IR.tif")
    assert find_layout(tmp_path / "a_IR.tif").name == "VueScan RGBI"


@pytest.mark.parametrize("layout", ["silverfast-hdri", "sidecar", "sidecar-pgm"])
def test_infrared_of_another_size_is_refused_with_both_sizes(tmp_path, counts, layout):
    write_scanner_file(tmp_path / "a.tif", counts, layout, infrared=counts[3, :31, :47])
    with pytest.raises(LayoutError, match="31 x 47 against 37 x 53"):
        find_layout(tmp_path / "a.tif")


def test_the_deeper_page_counts(tmp_path, counts):
    write_scanner_file(tmp_path / "a.tif", (counts >> 8).astype(np.uint8), "silverfast-hdri", infrared=counts[3])
    assert find_layout(tmp_path / "a.tif").bits == 16


@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
@pytest.mark.parametrize("layout", ["silverfast-hdri-preview", "vuescan-dng"])
def test_byte_orders_and_bigtiff(tmp_path, counts, layout, options):
    write_scanner_file(tmp_path / "a.tif", counts, layout, **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert (file.byteorder, file.is_bigtiff) == (options.get("byteorder", "<"), options.get("bigtiff", False))
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").counts, counts)


def test_metadata_of_silverfast(tmp_path, counts):
    choices = {"dpi": 2400, "film": "Kodak Portra 400", "polarity": "negative", "orientation": 6}
    write_scanner_file(tmp_path / "a.tif", counts, "silverfast-hdri", **choices)
    found = find_layout(tmp_path / "a.tif")
    assert found.metadata == {
        "source": str(tmp_path / "a.tif"),
        "layout": "SilverFast HDRi",
        "bits": 16,
        "scanner": "Plustek OpticFilm 8300i",
        "film": "Kodak Portra 400",
        "software": "SilverFast 9.2.8 e7a170cae6 (Dec 29 2025)",
        "dpi": 2400.0,
        "dpi_note": "",
        "polarity": "negative",
        "orientation": 6,
        "profile": "",
        "gamma": 1.0,
    }
    assert found.orientation == 6


def _resolution(value, unit=2):
    return {282: np.array([value], float), 283: np.array([value], float), 296: np.array([unit])}


def test_resolution_of_the_infrared_page_is_believed_before_a_lie():
    assert describe([_resolution(300)], _resolution(2390.5))["dpi"] == 2390.5
    assert describe([_resolution(1574.8, unit=3)])["dpi"] == pytest.approx(4000, abs=0.1)


def test_resolution_is_guessed_where_none_is_credible():
    guess = describe([_resolution(300), _resolution(72)])
    assert guess["dpi"] == 4000.0
    assert guess["dpi_note"] == "the file states 300, 72 dpi, not credible for film; 4000 assumed"
    assert describe([{}])["dpi_note"] == "the file states none; 4000 assumed"
    assert describe([_resolution(2400, unit=1)])["dpi"] == 4000.0


@pytest.mark.parametrize(
    ("tags", "polarity"),
    [
        (b'Silverfast:Negative="No" Silverfast:FilmBrand="Portra"', "positive"),
        (b'Silverfast:FilmBrand="Portra"', "negative"),
        (b"<Silverfast:FilmBrand>Velvia</Silverfast:FilmBrand>", "positive"),
        (b'Silverfast:FilmBrand="Unheard"', ""),
    ],
)
def test_polarity_is_what_the_file_says_else_what_the_film_is(tags, polarity):
    assert describe([{700: tags}])["polarity"] == polarity


def test_make_is_not_said_twice():
    assert describe([{271: "Nikon", 272: "Nikon LS-50"}])["scanner"] == "Nikon LS-50"


def _profile(tag):
    return bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, len(tag)) + tag


def test_profile_names():
    old = b"desc" + bytes(4) + struct.pack(">I", 6) + b"Slide\0"
    new = b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", 10, 28) + "Slide".encode("utf-16-be")
    assert profile_name(_profile(old)) == profile_name(_profile(new)) == "Slide"
    assert profile_name(b"") == profile_name(bytes(140)) == profile_name(_profile(old)[:150]) == ""


def test_profile_name_reaches_the_slide(tmp_path, counts):
    profile = _profile(b"desc" + bytes(4) + struct.pack(">I", 6) + b"Slide\0")
    write_scanner_file(tmp_path / "a.tif", counts, profile=profile)
    assert open_slide(tmp_path / "a.tif").attrs["profile"] == "Slide"


def test_an_unknown_layout_is_refused(tmp_path, counts):
    with pytest.raises(ValueError, match="layout must be one of"):
        write_scanner_file(tmp_path / "a.tif", counts, "nikon")
    assert set(WHERE) < set(LAYOUTS)
