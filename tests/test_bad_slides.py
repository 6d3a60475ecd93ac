import numpy as np
import pytest
from cv2 import GaussianBlur, dilate

from irtoolkit.archive.results import measure_row
from irtoolkit.archive.short_list import judge_rows
from irtoolkit.files.reader import open_slide
from irtoolkit.pipeline import clean_slide, fit_roll
from irtoolkit.schema import VISIBLE, ModelError, NotUsableError
from irtoolkit.synthetic.scanner_files import write_scanner_file
from irtoolkit.synthetic.slides import make_slide

SHAPE = (233, 301)
EDGE = 6
Y, X = np.indices(SHAPE)


@pytest.fixture(scope="module")
def good():
    """Counts of a usable dusty slide."""
    slide = make_slide(3, SHAPE, defects=300)
    assert slide.truth.any()
    return slide.counts.values


@pytest.fixture
def clean(tmp_path):
    """Function (counts) that writes a slide, opens and cleans it, and checks what holds for every slide."""

    def run(counts):
        path, *_ = write_scanner_file(tmp_path / "slide.tif", counts)
        cleaned = clean_slide(open_slide(path)).compute()
        assert np.isfinite(cleaned.residual).all()
        assert np.isfinite(cleaned.score).all()
        for name in ("shift_y", "shift_x", "unseen", "blur", "r2", "slopes", "sigma", "coverage"):
            assert np.isfinite(float(cleaned[name])), name
        known = 0 <= float(cleaned.fdr) <= 1
        assert known or (np.isnan(cleaned.fdr) and 0 < cleaned.defects < 20 and cleaned.slopes > 0.1)
        assert cleaned.healed.dtype == counts.dtype
        healed = cleaned.healed.sel(band=list(VISIBLE)).values
        np.testing.assert_array_equal(healed[:, ~cleaned.mask.values], counts[:3, ~cleaned.mask.values])
        return cleaned

    return run


def plain_truth(slide):
    """Damage of visibility 10 and more, without the edge of the slide, of which nothing is known."""
    inside = np.zeros(SHAPE, bool)
    inside[EDGE:-EDGE, EDGE:-EDGE] = True
    return slide.truth.values & (slide.visibility.values >= 10) & inside


def planes(good, visible=None, infrared=None):
    """The good slide with other colour bands, or another infrared."""
    counts = good.copy()
    if visible is not None:
        counts[:3] = visible
    if infrared is not None:
        counts[3] = infrared
    return counts


@pytest.mark.parametrize("feather", [0, 2])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_selection_is_no_infrared(clean, good, feather, inverted):
    ellipse = np.where(((Y - 120) / 70) ** 2 + ((X - 150) / 90) ** 2 < 1, 65535.0, 0.0)
    selection = GaussianBlur(ellipse, (0, 0), feather) if feather else ellipse
    selection = np.rint(65535 - selection if inverted else selection).astype(np.uint16)
    with pytest.raises(NotUsableError, match=r"is a saved selection or mask, not infrared: .*--infrared"):
        clean(planes(good, infrared=selection))


@pytest.mark.parametrize("level", [0, 65_535])
def test_a_slide_all_black_or_all_white_is_refused(clean, level):
    with pytest.raises(NotUsableError, match=f"infrared is constant; scan again with infrared.*\\(all are {level}\\)"):
        clean(np.full((4, *SHAPE), level, np.uint16))


@pytest.mark.parametrize("level", [0, 30_000, 65_535])
def test_constant_infrared_is_refused(clean, good, level):
    with pytest.raises(NotUsableError, match=f"infrared is constant; scan again with infrared.*\\(all are {level}\\)"):
        clean(planes(good, infrared=level))


def test_nearly_black_infrared_is_refused(clean, good):
    with pytest.raises(NotUsableError, match=r"hardly any infrared light .*brightest parts: \d\d? of 65535"):
        clean(planes(good, infrared=good[3] // 1500))


def test_infrared_that_shows_the_picture_is_refused(clean, good):
    with pytest.raises(NotUsableError, match=r"follows the picture with slope (0\.9|1\.0)\d"):
        clean(planes(good, infrared=good[0]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (63, 200), (200, 63)])
def test_a_slide_too_small_to_measure_noise_on_is_refused(clean, good, shape):
    with pytest.raises(NotUsableError, match=rf"at least 64 x 64 pixels, found {shape[0]} x {shape[1]}\)"):
        clean(good[:, : shape[0], : shape[1]])


@pytest.mark.parametrize("shape", [(64, 64), (64, 301), (233, 65)])
def test_a_small_slide_works(clean, good, shape):
    assert (
        float(clean(good[:, 50 : 50 + shape[0], : shape[1]] if shape[0] < 150 else good[:, :, : shape[1]]).coverage)
        < 0.1
    )


def test_a_small_slide_that_colour_and_infrared_hardly_share_is_refused(clean):
    whole = make_slide(5, (300, 421)).counts.values
    counts = whole[:, 100:170, 60:361].copy()
    counts[3] = whole[3, 78:148, 60:361]
    with pytest.raises(NotUsableError, match=r"pixels in both, found 4\d x [23]\d\d\)"):
        clean(counts)


@pytest.mark.parametrize("cell", [1, 8])
def test_a_chequered_slide_of_extremes_is_refused(clean, cell):
    chequered = (((Y // cell + X // cell) % 2) * 65_535).astype(np.uint16)
    with pytest.raises(NotUsableError, match=r"infrared follows the picture"):
        clean(np.stack([chequered] * 4))


def chequered_colour(seed):
    """Counts of a good infrared whose colours are chequered: none of them explains its picture."""
    chequered = (((Y // 8 + X // 8) % 2) * 65_535).astype(np.uint16)
    return planes(make_slide(seed, SHAPE, defects=300).counts.values, visible=chequered)


@pytest.mark.parametrize("seed", [1, 2])
def test_chequered_colour_over_good_infrared_is_not_flooded(clean, seed):
    assert float(clean(chequered_colour(seed)).coverage) < 0.1


@pytest.mark.parametrize("seed", [4, 5])
def test_large_shadows_that_are_marked_under_chequered_colour_are_on_the_short_list(clean, seed):
    row = measure_row(clean(chequered_colour(seed)))
    (judged,) = judge_rows([row | {"status": "done"}], 0.05)
    assert row["coverage"] > 0.1
    assert f"one mark covers {row['largest']:.0%} of the picture" in judged["review"]


@pytest.mark.parametrize("level", [0, 30_000, 65_535])
def test_constant_colour_does_not_hide_the_dust_of_the_infrared(clean, level):
    infrared = np.random.default_rng(1).normal(40_000, 300, SHAPE)
    infrared[100:106, 60:67] *= 0.5
    infrared[30:34, 200:203] *= 0.7
    counts = np.full((4, *SHAPE), level, np.uint16)
    counts[3] = np.rint(infrared)
    mask = clean(counts).mask.values
    assert mask[101:105, 61:66].all()
    assert mask[31:33, 201].all()
    assert mask.sum() < 200


def test_inverted_infrared_marks_nothing(clean, good):
    assert float(clean(planes(good, infrared=65_535 - good[3])).coverage) < 0.001


def test_one_odd_pixel_in_saturated_infrared_is_no_crash(clean, good):
    infrared = np.full(SHAPE, 65_535, np.uint16)
    infrared[50, 60] = 0
    assert clean(planes(good, infrared=infrared)).mask.values.sum() < 100


def test_dead_lines_of_infrared_do_not_flood_the_slide(clean, good):
    """The damage itself may be found between the dead lines; elsewhere hardly anything is marked."""
    infrared = good[3].copy()
    infrared[::2] = 0
    damage = dilate(make_slide(3, SHAPE, defects=300).truth.values.astype(np.uint8), np.ones((7, 7), np.uint8))
    mask = clean(planes(good, infrared=infrared)).mask.values
    assert (mask & (damage == 0)).mean() < 0.01


def test_noise_in_every_plane_is_not_dust(clean):
    noise = np.random.default_rng(2).normal(30_000, 3000, (4, *SHAPE))
    assert int(clean(np.rint(noise).astype(np.uint16)).defects) <= 1


@pytest.mark.parametrize("scanner", ["aligned", "plustek"])
def test_a_picture_of_hard_edges_is_not_flooded(clean, scanner):
    chart = np.full((*SHAPE, 3), 0.05, np.float32)
    chart[(Y // 23 + X // 31) % 2 == 0] = 0.9
    for radius in range(3, 120, 9):
        chart[np.abs(np.hypot(Y - 110, X - 150) - radius) < 2] = 0.01
    chart[:, 250:][(X[:, 250:] // 2) % 2 == 0] = (0.9, 0.02, 0.3)
    counts = make_slide(4, SHAPE, photo=chart, scanner=scanner, defects=0).counts.values
    assert float(clean(counts).coverage) < 0.01


def test_eight_bit_slides_are_cleaned_in_eight_bits(clean):
    slide = make_slide(3, SHAPE, defects=200)
    cleaned = clean((slide.counts.values // 257).astype(np.uint8))
    assert cleaned.healed.dtype == np.uint8
    truth = plain_truth(slide)
    assert truth.any()
    assert cleaned.mask.values[truth].mean() > 0.9
    assert float(cleaned.coverage) < 2 * slide.truth.values.mean()


def test_a_gray_slide_is_cleaned(clean):
    slide = make_slide(3, SHAPE, defects=200)
    cleaned = clean(planes(slide.counts.values, visible=slide.counts.values[:1]))
    assert cleaned.mask.values[plain_truth(slide)].mean() > 0.9
    assert float(cleaned.coverage) < 2 * slide.truth.values.mean()


@pytest.mark.parametrize("film", ["silver", "kodachrome"])
def test_film_under_a_model_of_other_film_is_refused(film):
    colour, other = (make_slide(3, SHAPE, film=name)[["counts"]].drop_attrs() for name in ("e6", film))
    with pytest.raises(
        ModelError, match=r"another film .*Fit it on its own.* \(noise 0\.\d+, that of the model 0\.\d+\)"
    ):
        clean_slide(other, model=fit_roll([colour]))
