import dataclasses

import cv2
import numpy as np
import pytest
import tifffile

from irtoolkit.schema import BANDS, SlideError
from irtoolkit.synthetic.rolls import ROLL_LAYOUTS, make_roll
from irtoolkit.synthetic.scanning import FILMS, PAD, SCANNERS, cropped, draw_exposure, scan_infrared
from irtoolkit.synthetic.scene import fit_photo, make_scene
from irtoolkit.synthetic.slides import make_slide

SHAPE = (151, 217)


GREY = np.full((40, 60, 3), 0.3, np.float32)


def log_light(slide, band, name="undamaged", sigma=0.0):
    light = slide[name].sel(band=band).values.astype(np.float32) - np.float32(slide.attrs["offset"])
    return np.log(np.maximum(cv2.GaussianBlur(light, (0, 0), sigma) if sigma else light, 1))


def test_equal_seeds_make_equal_slides_and_other_seeds_others():
    first, second, other = make_slide(3, SHAPE), make_slide(3, SHAPE), make_slide(4, SHAPE)
    assert first.identical(second)
    assert not np.array_equal(first.counts, other.counts)
    assert not np.array_equal(first.transmittance, other.transmittance)


def test_defects_change_neither_scene_nor_noise():
    dirty, clean = make_slide(3, SHAPE, defects=300), make_slide(3, SHAPE, defects=0)
    np.testing.assert_array_equal(dirty.undamaged, clean.undamaged)
    assert dirty.truth.any()


def test_film_and_picture_do_not_move_the_defects():
    slide, negative = make_slide(3, SHAPE), make_slide(3, SHAPE, film="c41", photo=GREY)
    np.testing.assert_array_equal(slide.transmittance, negative.transmittance)


def test_a_slide_holds_what_it_promises():
    slide = make_slide(1, SHAPE)
    assert dict(slide.counts.sizes) == {"band": 4, "y": 151, "x": 217}
    assert tuple(slide.band.values) == BANDS
    assert [slide[name].dtype for name in ("counts", "undamaged", "transmittance", "truth")] == [
        np.uint16,
        np.uint16,
        np.float32,
        bool,
    ]
    np.testing.assert_array_equal(slide.truth, slide.transmittance < 0.94)


def test_a_slide_without_defects_is_undamaged():
    slide = make_slide(5, SHAPE, scanner="plustek", defects=0)
    np.testing.assert_array_equal(slide.counts, slide.undamaged)
    assert not slide.truth.any()
    assert (slide.transmittance == 1).all()


def test_colour_is_untouched_where_the_film_is_clean():
    slide = make_slide(5, SHAPE, scanner="plustek")
    clean = slide.transmittance.values == 1
    np.testing.assert_array_equal(slide.counts.values[:3, clean], slide.undamaged.values[:3, clean])


def test_inside_a_wide_defect_light_is_weakened_by_its_transmittance():
    slide = make_slide(2, (401, 603), photo=GREY, defects=200)
    transmittance = slide.transmittance.values
    near = np.ones((5, 5))
    flat = cv2.dilate(transmittance, near) - cv2.erode(transmittance, near) < 0.02
    core = flat & (transmittance < 0.9)
    assert core.sum() > 100
    gamma = slide.attrs["gamma"]
    for band, expected in (("R", transmittance), ("B", transmittance), ("IR", transmittance ** (1 / gamma))):
        ratio = np.exp(log_light(slide, band, "counts") - log_light(slide, band))
        np.testing.assert_allclose(ratio[core], expected[core], rtol=0.02, atol=0.003)


def test_infrared_lies_where_the_attributes_say():
    slide = make_slide(6, (301, 403), scanner="plustek", photo=GREY, defects=200)
    loss = [log_light(slide, band, sigma=2.0) - log_light(slide, band, "counts", 2.0) for band in ("R", "IR")]
    red, infrared = (np.fft.rfft2(plane - plane.mean()) for plane in loss)
    correlation = np.fft.irfft2(infrared * red.conj(), loss[0].shape)
    peak = np.unravel_index(correlation.argmax(), correlation.shape)
    found = []
    for axis in (0, 1):
        before, top, after = (np.roll(correlation, step, axis)[peak] for step in (1, 0, -1))
        place = peak[axis] + (after - before) / (2 * (2 * top - before - after))
        found.append((place + 50) % correlation.shape[axis] - 50)
    assert 4 < slide.attrs["shift_y"] < 7
    assert found == pytest.approx((slide.attrs["shift_y"], slide.attrs["shift_x"]), abs=0.1)


def test_drift_displaces_row_by_row():
    exposure = draw_exposure(FILMS["e6"], dataclasses.replace(SCANNERS["drifting"], noise=0.0, drift=0.01), 1, 1)
    exposure = dataclasses.replace(exposure, shift_y=2.5, shift_x=0.0, offset=0.0)
    rows = np.arange(101 + 2 * PAD, dtype=np.float32)[:, None] - PAD
    light = np.broadcast_to((rows + 100) / 500, (len(rows), 31 + 2 * PAD)).astype(np.float32)
    seen = scan_infrared(light, exposure).astype(float).mean(axis=1) / 65535 * 500 - 100
    middle, later = 50, 80
    assert np.interp(middle, seen, np.arange(101)) == pytest.approx(middle + 2.5, abs=0.1)
    assert np.interp(later, seen, np.arange(101)) == pytest.approx(later + 2.5 + 0.01 * 30, abs=0.1)


def test_infrared_is_blurred_against_colour():
    slide = make_slide(7, (301, 403), scanner="plustek", photo=GREY, defects=200)
    sharp, dull = (1 - np.exp(log_light(slide, band, "counts") - log_light(slide, band)) for band in ("R", "IR"))
    y, x = round(slide.attrs["shift_y"]), 0
    dull = np.roll(dull, (-y, x), (0, 1))
    errors = [
        np.square(dull - cv2.GaussianBlur(sharp, (0, 0), sigma))[20:-20, 20:-20].mean() for sigma in (1.0, 2.1, 4.0)
    ]
    assert 1.9 <= slide.attrs["blur"] <= 2.4
    assert errors[1] < min(errors[0], errors[2]) / 2


@pytest.mark.parametrize("film", ["e6", "faded-e6", "c41"])
def test_infrared_follows_the_picture_by_the_slopes(film):
    rng = np.random.default_rng(0)
    colours = cv2.resize(rng.uniform(-1.5, 0, (8, 9, 3)), (400, 300), interpolation=cv2.INTER_LINEAR)
    slide = make_slide(8, (301, 403), film=film, defects=0, photo=10**colours)
    planes = [log_light(slide, band, sigma=2.5).ravel() for band in BANDS]
    y, x = (np.linspace(-1, 1, size) ** 2 for size in slide.truth.shape)
    vignette = (y[:, None] + x).ravel()
    slopes = np.linalg.lstsq(np.stack([*planes[:3], vignette, vignette**0], axis=1), planes[3], rcond=None)[0]
    assert slopes[:3].sum() == pytest.approx(slide.attrs["slopes"], abs=0.002)


def test_silver_shows_the_whole_picture_in_infrared():
    slide = make_slide(8, SHAPE, film="silver", defects=0)
    red, infrared = (log_light(slide, band, sigma=1.0).ravel() for band in ("R", "IR"))
    assert 0.6 < slide.attrs["slopes"] < 1
    assert np.polyfit(red, infrared, 1)[0] == pytest.approx(slide.attrs["slopes"], abs=0.02)


def test_kodachrome_shows_much_of_it_and_not_in_proportion():
    slide = make_slide(9, SHAPE, film="kodachrome", defects=0)
    assert 0.1 < slide.attrs["slopes"] < 0.5
    red, infrared = (log_light(slide, band, sigma=1.0).ravel() for band in ("R", "IR"))
    assert np.polyfit(red, infrared, 1)[0] == pytest.approx(slide.attrs["slopes"], rel=0.4)


def test_a_negative_turns_the_picture_round_under_an_orange_mask():
    ramp = np.broadcast_to(np.geomspace(0.01, 1, 300, dtype=np.float32)[None, :, None], (200, 300, 3))
    slide = make_slide(1, (60, 91), film="c41", photo=ramp, defects=0)
    red, green, blue = (log_light(slide, band, sigma=3).mean(axis=0) for band in "RGB")
    assert red[5] > red[45] > red[85]
    assert red.mean() > green.mean() + 0.5 > blue.mean() + 0.8
    positive = make_slide(1, (60, 91), film="e6", photo=ramp, defects=0)
    assert log_light(positive, "G", sigma=3).mean(axis=0)[85] > log_light(positive, "G", sigma=3).mean(axis=0)[5] + 2


def test_dots_are_seen_in_infrared_and_are_no_defects():
    dotted, plain = make_slide(4, SHAPE, scanner="dotted"), make_slide(4, SHAPE, scanner="aligned")
    np.testing.assert_array_equal(dotted.truth, plain.truth)
    np.testing.assert_array_equal(dotted.transmittance, plain.transmittance)
    dips = {band: log_light(plain, band) - log_light(dotted, band) for band in ("R", "IR")}
    number = cv2.connectedComponents((dips["IR"] > 0.045).astype(np.uint8), connectivity=8)[0] - 1
    assert 10_000 < number / (SHAPE[0] * SHAPE[1] / 1e6) < 22_000
    assert 0.05 < np.quantile(dips["IR"], 0.99) < 0.2
    bright = dotted.undamaged.sel(band="R").values > 5000
    share = (dips["R"] * dips["IR"])[bright].sum() / np.square(dips["IR"])[bright].sum()
    assert 0.35 < share < 0.65


def test_grain_and_noise_are_those_of_real_scans():
    slide = make_slide(3, SHAPE, film="c41", scanner="plustek", photo=GREY, defects=0)
    for band in "RGB":
        fine = log_light(slide, band)
        assert 0.03 < (fine - cv2.GaussianBlur(fine, (0, 0), 2)).std() < 0.1
    infrared = log_light(slide, "IR")
    noise = infrared - cv2.GaussianBlur(infrared, (0, 0), 8)
    assert 0.004 < noise.std() < 0.008
    assert (noise[:, 1:] * noise[:, :-1]).mean() > 1.4 * (noise[1:] * noise[:-1]).mean() > 0


def test_defects_on_a_black_picture_are_not_visible():
    light, black = (make_slide(2, SHAPE, photo=np.full((9, 9, 3), value)) for value in (0.3, 1e-5))
    np.testing.assert_array_equal(light.truth, black.truth)
    for slide in (light, black):
        np.testing.assert_array_equal(slide.visibility.values > 0, slide.truth)
    truth = light.truth.values
    assert np.median(light.visibility.values[truth]) > 8
    assert np.quantile(light.visibility.values[truth], 0.02) > 2
    assert np.median(black.visibility.values[truth]) < 3


@pytest.mark.parametrize("shape", [(1, 1), (7, 301), (64, 33)])
@pytest.mark.parametrize("scanner", list(SCANNERS))
def test_any_shape(shape, scanner):
    slide = make_slide(5, shape, scanner=scanner)
    assert slide.counts.shape == (4, *shape)
    assert slide.truth.shape == shape


def test_slides_of_one_roll_share_film_and_scanner():
    one, two, stranger = (make_slide(s, (40, 61), scanner="plustek", roll=r) for s, r in ((1, 9), (2, 9), (2, None)))
    for name in ("slopes", "blur", "offset", "gamma"):
        assert one.attrs[name] == two.attrs[name] != stranger.attrs[name]
    assert 0 < abs(one.attrs["shift_y"] - two.attrs["shift_y"]) < 1


def test_a_photo_fills_the_frame_and_keeps_its_shape():
    photo = np.zeros((30, 80, 3), np.uint8)
    photo[:, 40:] = 255
    light = fit_photo(photo, (90, 90))
    assert light.shape == (90, 90, 3)
    assert light[45, 80, 1] == pytest.approx(1, abs=0.01)
    assert light[45, 10, 1] == pytest.approx(5e-4)
    assert fit_photo(np.full((9, 9, 3), 0.25, np.float32), (20, 31)).mean() == pytest.approx(0.25)


def test_a_painted_scene_has_a_dark_and_a_bright_end():
    scene = make_scene(np.random.default_rng(0), (201, 303))
    assert scene.min() >= 5e-4
    assert np.quantile(scene, 0.01) < 0.01
    assert np.quantile(scene, 0.99) > 0.4


def test_unknown_names_are_refused_with_the_choice():
    with pytest.raises(SlideError, match="film must be one of e6, faded-e6, c41, kodachrome, silver, not 'tape'"):
        make_slide(1, SHAPE, film="tape")
    with pytest.raises(SlideError, match="scanner must be one of aligned, dotted, plustek, drifting, not 'fax'"):
        make_slide(1, SHAPE, scanner="fax")


def test_the_margin_is_cut_off():
    assert cropped(np.zeros((40, 50), np.float32)).shape == (8, 18)


def test_a_roll_takes_every_layout_in_turn_and_leaves_no_truth(tmp_path):
    paths = make_roll(tmp_path / "roll", seed=2, count=7, shape=(40, 61), refused=True)
    assert [path.name for path in paths] == [
        f"slide_{number:02d}.{end}"
        for number, end in enumerate(["tif", "tif", "dng", "dng", "tif", "tif", "tif", "tif"], 1)
    ]
    assert len(ROLL_LAYOUTS) == 6
    assert set((tmp_path / "roll").iterdir()) == {*paths, tmp_path / "roll" / "slide_05_IR.tif"}
    first = make_slide(2001, (40, 61), scanner="plustek", roll=2)
    np.testing.assert_array_equal(tifffile.imread(paths[0]), np.moveaxis(first.counts.values, 0, 2))
    assert tifffile.imread(paths[7]).shape == (40, 61, 3)


def test_a_roll_takes_the_layouts_that_are_named(tmp_path):
    paths = make_roll(tmp_path, count=3, shape=(30, 41), layouts=["sidecar", "vuescan-dng"])
    assert [path.name for path in paths] == ["slide_01.tif", "slide_02.dng", "slide_03.tif"]
    assert set(tmp_path.iterdir()) == {*paths, tmp_path / "slide_01_IR.tif", tmp_path / "slide_03_IR.tif"}


def test_a_roll_is_made_anew_the_same(tmp_path):
    one, two = (make_roll(tmp_path / name, count=2, shape=(30, 41), film="c41")[1] for name in "ab")
    assert one.read_bytes() == two.read_bytes()
