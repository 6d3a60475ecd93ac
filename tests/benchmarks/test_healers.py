import cv2
import numpy as np
import pytest

from benchmarks import digital_ice, healers, negpy, sane
from benchmarks.baselines import ICE_MARGIN, ICE_RANGE, density_steps, measure_ratios, open_gate
from benchmarks.simulation import Scan

SHAPE = (121, 173)
DPI = 4000
SPECK = (slice(50, 62), slice(70, 82))

needs_sane = pytest.mark.skipif(sane.load_library() is None, reason="SANE's pieusb backend is not installed")


@pytest.fixture
def noisy():
    """Counts of an even film with noise of 1 % in colour and .1 % in the infrared."""
    rng = np.random.default_rng(5)
    spread = np.array([0.01, 0.01, 0.01, 0.001])[:, None, None]
    return np.round(30000 * rng.normal(1, spread, (4, *SHAPE))).astype(np.uint16)


@pytest.fixture
def speckled(noisy):
    """The same under a square that lets half of all light through, and 80 % in a rim of 1 px."""
    dirty = noisy.copy()
    transmittance = np.ones(SHAPE)
    transmittance[49:63, 69:83], transmittance[SPECK] = 0.8, 0.5
    return np.round(dirty * transmittance).astype(np.uint16)


def test_telea_changes_the_mask_alone_and_restores_a_plain(noisy):
    flat, mask = np.full((3, *SHAPE), 41234, np.uint16), np.zeros(SHAPE, bool)
    mask[SPECK] = True
    np.testing.assert_allclose(healers.fill_by_telea(np.where(mask, 9, flat), mask), flat, atol=2)
    filled = healers.fill_by_telea(noisy[:3], mask)
    np.testing.assert_array_equal(filled[:, ~mask], noisy[:3, ~mask])


@pytest.mark.parametrize("gamma", [1.0, 2.2])
def test_division_by_the_truth_restores_all_but_what_is_opaque(gamma):
    undamaged = np.full((4, *SHAPE), 0.4)
    transmittance, truth = np.ones(SHAPE), np.zeros(SHAPE, bool)
    transmittance[SPECK], truth[SPECK] = 0.3, True
    transmittance[50:54, 70:74] = 0.1
    powers = np.array([1.1, 1.2, 1.3, 1.2])[:, None, None] / 1.2
    light = [0.002 + passed * (undamaged - 0.002) for passed in (transmittance**powers, 1)]
    coded = [np.round(65535 * plane ** (1 / gamma)).astype(np.uint16) for plane in light]
    known = {"offset": 0.002 * 65535, "gamma": [1.1, 1.2, 1.3, 1.0]}
    planes = transmittance.astype(np.float32), truth, truth, np.ones(SHAPE, bool)
    scan = Scan(*coded, *planes, DPI, known)
    healed = healers.divide_by_truth(scan, truth, gamma)
    np.testing.assert_allclose(healed, coded[1][:3], atol=6)
    np.testing.assert_array_equal(healed[:, ~truth], coded[0][:3, ~truth])
    filled = healers.fill_by_telea(coded[0][:3], truth)
    np.testing.assert_array_equal(healed[:, 50:54, 70:74], filled[:, 50:54, 70:74])


def test_sane_carries_the_nearest_pixel_and_takes_the_mean():
    visible = np.full((1, 40, 60), 100, np.uint16)
    visible[:, :, 30:] = 900
    mask = np.zeros((40, 60), bool)
    mask[15:24, 20:29] = True
    filled = sane.fill_like_sane(np.where(mask, 0, visible), mask, DPI)
    assert sane.fill_width(DPI) == 7
    np.testing.assert_array_equal(filled[:, ~mask], visible[:, ~mask])
    assert (filled[0, 15:24, 20:25] == 100).all()
    assert filled[0, 19, 28] == (5 * 100 + 2 * 900) // 7
    assert sane.fill_like_sane(visible, np.ones_like(mask), DPI) is visible


@needs_sane
def test_sane_rewritten_fills_as_sane_does_but_for_draws(noisy):
    mask = np.zeros(SHAPE, bool)
    mask[SPECK], mask[100, 20:60], mask[:2, 90:99] = True, True, True
    grown = sane.grow_like_sane(mask, DPI)
    own = sane.fill_like_sane(noisy[:3], grown, DPI).astype(int)
    theirs = sane.fill_with_sane(sane.load_library(), noisy[:3], mask, DPI).astype(int)
    np.testing.assert_array_equal(theirs[:, ~grown], noisy[:3, ~grown])
    assert ((theirs != noisy[:3]).any(axis=0) == grown).mean() > 0.999
    assert np.abs(own - theirs)[:, grown].mean() < noisy[:3].std() / 3


@pytest.mark.parametrize("healer", healers.list_healers(), ids=lambda healer: healer.name)
def test_healers_mend_a_speck_and_leave_what_they_say(healer, speckled, noisy):
    before = speckled.copy()
    found = healer.find(speckled, DPI)
    healed = healer.heal(speckled, found, DPI)
    np.testing.assert_array_equal(speckled, before)
    assert (healed.shape, healed.dtype) == ((3, *SHAPE), np.uint16)
    errors = [np.abs(counts[:3, *SPECK] - noisy[:3, *SPECK].astype(float)).mean() for counts in (healed, speckled)]
    assert errors[0] < 0.12 * errors[1]
    if healer.mask:
        mask = healer.mask(found, DPI)
        np.testing.assert_array_equal(healed[:, ~mask], speckled[:3, ~mask])


def test_digital_ice_only_brightens_and_keeps_what_it_trusts(speckled):
    gate = open_gate(speckled, DPI)
    healed = digital_ice.heal_like_digital_ice(speckled, gate, DPI)
    trusted = gate >= ICE_MARGIN
    assert (healed >= speckled[:3]).all()
    assert 0.5 < trusted.mean() < 1
    np.testing.assert_array_equal(healed[:, trusted], speckled[:3, trusted])
    np.testing.assert_array_equal(digital_ice.heal_like_digital_ice(speckled, gate + np.inf, DPI), speckled[:3])


def test_digital_ice_gives_up_beside_a_run_of_nine_dark_pixels():
    infrared = np.full((40, 50), 30000, np.uint16)
    infrared[20, 10:19] = 4000
    expected = np.zeros(infrared.shape, bool)
    expected[[16, 24], 14] = True
    np.testing.assert_array_equal(digital_ice.give_up(infrared), expected)


def test_digital_ice_leaves_detail_of_the_dust_and_restores_its_level():
    detail = np.array([[-100.0, -100.0, -100.0], [50.0, 50.0, 50.0]]).repeat(5, axis=0)
    low, high = digital_ice.dead_zone(detail)
    assert (low[0, 1], high[0, 1]) == pytest.approx((-123, -84))
    assert (low[-1, 1], high[-1, 1]) == pytest.approx((42, 61.5))
    flat, trust = np.full((31, 33), density_steps(np.array(8000))), np.full((31, 33), 0.5)
    gate = np.full((31, 33), -ICE_RANGE)
    zones, sure = [(0 * flat, 0 * flat)] * 3, [trust] * 3
    rebuilt = digital_ice.rebuild(flat, trust, gate, zones, sure)
    np.testing.assert_allclose(rebuilt, flat + 1.1 * ICE_RANGE)


def test_negpy_divides_faint_dust_and_never_passes_clean_film(speckled):
    ratios = measure_ratios(speckled, DPI)[0]
    divided = negpy.divide(speckled[:3].astype(float), ratios)
    lost = ratios[3] < 0.97
    np.testing.assert_array_equal(divided[:, ~lost], speckled[:3, ~lost])
    assert (divided >= speckled[:3]).all()
    assert divided[:, lost].max() < 1.05 * 30000
    assert negpy.fit_exponents(ratios) == [1.5] * 3


def test_negpy_fills_hidden_film_from_clean_film():
    plane, score = np.full((90, 99), 500.0), np.ones((90, 99))
    plane[40:50, 40:50], score[40:50, 40:50] = 100, 0.02
    filled = negpy.fill_ladder(plane, score, DPI)
    assert filled[45, 45] == pytest.approx((125 * 500 + 100 * 0.02 * 100) / (125 + 100 * 0.02))
    assert filled[5, 5] == 500


def test_negpy_borrows_grain_from_the_mirrored_place():
    visible, clean = np.full((1, 41, 60), 1000.0), np.ones((41, 60), bool)
    clean[:, 30:] = False
    visible[0, 20, 25] = 2000
    borrowed = negpy.borrow_grain(visible, clean)
    assert borrowed[0, 20, 33] == pytest.approx((visible - negpy.soften(visible))[0, 20, 25])
    assert borrowed[0, 20, 33] > 900
    assert not negpy.borrow_grain(visible, ~clean & clean).any()


def test_negpy_inpaints_thick_cores_within_its_budget():
    hidden = np.zeros((300, 400), bool)
    hidden[20:40, 30:50] = hidden[100, 20:200] = True
    cores = negpy.find_cores(hidden, 1.0)
    np.testing.assert_array_equal(cores, cv2.dilate(np.uint8(hidden & (np.arange(300)[:, None] < 50)), np.ones((5, 5))))
    assert not negpy.find_cores(hidden | (np.arange(400) < 40), 1.0).any()
