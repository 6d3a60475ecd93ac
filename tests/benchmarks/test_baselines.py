import numpy as np
import pytest

from benchmarks import baselines, sane

SHAPE = (161, 241)
DPI = 4000
SQUARE = (slice(60, 68), slice(100, 108))
AROUND = (slice(52, 76), slice(92, 116))
DETECTORS = [pytest.param(detector, id=name) for name, detector in baselines.BASELINES]

needs_sane = pytest.mark.skipif(sane.load_detector() is None, reason="SANE's pieusb backend is not installed")


@pytest.fixture
def clean():
    """Counts of a gentle slope of light, the same in all visible bands, under flat infrared with noise of .1 %."""
    rng = np.random.default_rng(2)
    light = np.broadcast_to(np.linspace(20000, 20400, SHAPE[1]), (4, *SHAPE)).copy()
    light[3] = 40000
    return np.round(light * rng.normal(1, 0.001, light.shape)).astype(np.uint16)


@pytest.fixture
def damaged(clean):
    """The same with a square of 8 by 8 pixels that lets 15 to 45 % of the infrared through."""
    clean[3][SQUARE] = np.linspace(6000, 18000, 64).reshape(8, 8)
    return clean


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_dark_square_is_found_and_little_else(detector, damaged):
    mask = detector(damaged, DPI)
    assert mask[SQUARE].all()
    mask[AROUND] = False
    assert mask.mean() < 0.001


@pytest.mark.parametrize("level", [0, 40000, 65535])
@pytest.mark.parametrize("detector", DETECTORS)
def test_infrared_of_one_value_gives_a_mask(detector, level, clean):
    clean[3] = level
    mask = detector(clean, DPI)
    assert (mask.shape, mask.dtype) == (SHAPE, bool)


@pytest.mark.parametrize("detector", DETECTORS)
def test_counts_are_left_as_they_were(detector, damaged):
    before = damaged.copy()
    detector(damaged, DPI)
    np.testing.assert_array_equal(damaged, before)


def test_the_score_is_the_light_that_is_missing():
    counts = np.array([0, 13107, 65535], np.uint16).reshape(1, 1, 3).repeat(4, axis=0)
    np.testing.assert_allclose(baselines.infrared_score(counts), [[1, 0.8, 0]])


def test_the_sweep_stops_before_it_marks_three_in_a_thousand():
    infrared = np.full((100, 100), 1000, np.uint16)
    infrared[50, 20:40], infrared[60, 20:50], infrared[0] = 300, 600, 0
    mask = baselines.detect_by_coverage(np.stack([infrared] * 4), DPI)
    np.testing.assert_array_equal(mask, infrared <= 300)


def test_the_gate_finds_the_slope_of_infrared_on_red():
    red = np.random.default_rng(1).uniform(20000, 60000, (64, 96))
    counts = np.round(np.stack([red, red, red, 20000 * (red / 20000) ** 0.1])).astype(np.uint16)
    ratio, level = baselines.calibrate_gate(counts, 500)
    assert ratio == pytest.approx(0.1, abs=0.001)
    assert level == pytest.approx(4096 * np.log2(20001), abs=2)


def test_negpy_takes_out_a_ghost_and_gives_up_on_a_mirror(damaged):
    shade = np.random.default_rng(3).uniform(0.5, 1, SHAPE)
    faint, strong = damaged.copy(), damaged.copy()
    faint[:3], strong[:3] = damaged[:3] * shade, damaged[:3] * shade
    faint[3], strong[3] = damaged[3] * shade**0.1, damaged[3] * shade**0.7
    mask = baselines.detect_like_negpy(faint, DPI)
    assert mask[SQUARE].all()
    assert mask.sum() <= 100
    assert not baselines.detect_like_negpy(strong, DPI).any()


def test_sane_marks_a_speck_and_nothing_else(damaged):
    damaged[3, 30:33, 50:53] = 30000
    expected = np.zeros(SHAPE, bool)
    expected[SQUARE] = expected[30:33, 50:53] = True
    np.testing.assert_array_equal(sane.detect_like_sane(damaged, DPI), expected)


def test_sane_grows_a_mark_to_a_diamond():
    mark = np.zeros((15, 17), bool)
    mark[7, 8] = True
    rows, columns = np.indices(mark.shape)
    np.testing.assert_array_equal(sane.grow_like_sane(mark, 4000), abs(rows - 7) + abs(columns - 8) <= 5)


def test_entropy_splits_where_both_sides_are_most_even():
    assert sane.threshold_entropy((np.array([1, 1, 1, 0, 1, 1, 1]), np.arange(7.0))) == 2
    assert sane.threshold_entropy((np.array([90, 1, 1, 1, 1]), np.arange(5.0))) == 0


def test_a_mean_near_the_border_is_of_the_pixels_inside():
    plane = np.arange(12.0).reshape(3, 4)
    assert sane.box_mean(plane, 3)[0, 0] == (0 + 1 + 4 + 5) / 4
    assert sane.box_mean(plane, 3)[1, 1] == plane[:3, :3].mean()


@needs_sane
def test_sane_rewritten_marks_what_sane_marks(damaged):
    detect = sane.load_detector()
    damaged[3, 30:33, 50:53] = 30000
    np.testing.assert_array_equal(sane.detect_like_sane(damaged, DPI), detect(damaged, DPI))


@needs_sane
def test_sane_is_repeatable_and_close_on_a_scan(plustek_slide):
    detect, counts = sane.load_detector(), plustek_slide.counts.values
    mask = detect(counts, 2400)
    np.testing.assert_array_equal(mask, detect(counts, 2400))
    assert (mask != sane.detect_like_sane(counts, 2400)).sum() < 0.02 * mask.sum()


@needs_sane
def test_sane_refuses_a_slide_smaller_than_its_window(damaged):
    with pytest.raises(ValueError, match="89 pixels at 4000 dpi"):
        sane.load_detector()(damaged[:, :89], DPI)
    assert not sane.load_detector()(np.full((4, 90, 91), 7, np.uint16), DPI).any()
