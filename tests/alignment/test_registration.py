import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scans import to_counts

from irtoolkit.alignment.displacement import Displacement, constant_displacement, displacement_at
from irtoolkit.alignment.film import Film, measure_film
from irtoolkit.alignment.registration import LIMIT, measure_displacement
from irtoolkit.arrays.samples import Tile, sample_tiles
from irtoolkit.synthetic.slides import make_slide

PAD = 64
ROTATION = 1000 * np.deg2rad(0.05)
STRETCH = 0.3


def label(counts, chunks=(4, 60, 90)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": ["R", "G", "B", "IR"]})


def field(shift_y, shift_x, shape):
    return constant_displacement(shift_y, shift_x, shape)


def displaced_slide(textured, truth, noise=60.0, seed=1):
    """Counts whose infrared has a tenth of the picture's density, displaced along a field, and noise."""
    shape = truth.shape
    wide = shape[0] + 2 * PAD, shape[1] + 2 * PAD
    own, common = (0.4, 0.9) if max(shape) > 1000 else (1.0, 0.0)
    planes = [common * textured(seed + 9, wide, 2.0) + own * textured(seed + band, wide, 2.0) for band in range(3)]
    y, x = np.indices(shape)
    from_y, from_x = y, x
    for _ in range(3):
        move_y, move_x = field_by_hand(truth, from_y, from_x)
        from_y, from_x = y - move_y, x - move_x
    places = (from_x + PAD).astype(np.float32), (from_y + PAD).astype(np.float32)
    ghost = cv2.remap(np.mean(planes, axis=0), *places, cv2.INTER_LANCZOS4)
    density = [0.7 + 0.2 * plane[PAD:-PAD, PAD:-PAD] for plane in planes]
    counts = np.stack([to_counts(plane) for plane in (*density, 0.3 + 0.02 * ghost)])
    counts += noise * np.random.default_rng(seed).standard_normal(counts.shape)
    return label(np.clip(np.rint(counts), 0, 65535).astype(np.uint16))


def field_by_hand(truth, y, x):
    """Polynomials of the place in thousands of pixels from the centre, at any places."""
    down, across = ((at - (side - 1) / 2) / 1000 for at, side in zip((y, x), truth.shape, strict=True))
    terms = 1, down, across, down**2, down**3
    return [sum(value * term for value, term in zip(row, terms, strict=True)) for row in truth.coefficient]


def measure(counts, **sampling):
    return measure_displacement(sample_tiles(counts.data, **sampling), measure_film(counts), counts.shape[1:])


def assert_not_believed(measured):
    assert not measured.trusted
    assert not measured.coefficient.any()
    assert measured.shift == (0, 0)
    assert measured.uncertainty > 0.5


@pytest.mark.parametrize(
    ("shift_y", "shift_x"), [(0, 0), (7, 0), (0, -11), (-5.5, 2.25), (0.75, -0.5), (31.25, -40.0), (2.5, 44.0)]
)
def test_shift_is_recovered_below_a_tenth_of_a_pixel(textured, shift_y, shift_x):
    measured = measure(displaced_slide(textured, field(shift_y, shift_x, (311, 389))))
    assert measured.trusted
    assert measured.evidence > 100
    assert measured.shift == pytest.approx((shift_y, shift_x), abs=0.06)


def test_a_pure_shift_gives_no_higher_terms(textured):
    measured = measure(displaced_slide(textured, field(5.25, -3.5, (801, 1003))))
    np.testing.assert_allclose(measured.coefficient[:, 0], [5.25, -3.5], atol=0.03)
    assert not measured.coefficient[:, 1:].any()


def test_rotation_scale_and_drift_are_recovered_to_the_corners(textured):
    shape = 1500, 2200
    along_y = [5.4, STRETCH + 0.5, ROTATION, 0.6, -1.5]
    truth = Displacement(np.array([along_y, [-1.2, -ROTATION, STRETCH, 0, 0]]), shape)
    measured = measure(displaced_slide(textured, truth))
    assert measured.trusted
    corners = np.array([0, shape[0] - 1]), np.array([0, shape[1] - 1])
    np.testing.assert_allclose(displacement_at(measured, *corners), displacement_at(truth, *corners), atol=0.04)


@pytest.mark.parametrize("scanner", ["plustek", "drifting"])
def test_the_uncertainty_is_that_of_the_shift(scanner):
    ratios = []
    for seed in range(12):
        slide = make_slide(seed, (301, 427), scanner=scanner)
        measured = measure(slide.counts.chunk({"y": 77}))
        assert measured.trusted
        errors = np.array(measured.shift) - [slide.attrs[name] for name in ("shift_y", "shift_x")]
        assert np.abs(errors).max() < 0.27
        ratios.append(errors / measured.uncertainty)
    assert np.abs(ratios).max() < 3
    assert np.sqrt(np.mean(np.square(ratios))) < 1.2


@pytest.mark.parametrize("shape", [(151, 223), (223, 151), (97, 129)])
def test_small_slides_of_odd_width_can_be_measured(textured, shape):
    measured = measure(displaced_slide(textured, field(3, -2, shape)))
    assert measured.shift == pytest.approx((3, -2), abs=0.15)


def test_pieces_tell_the_displacement_of_their_place(textured):
    truth = Displacement(np.array([[4.0, 0.6, 0, 0, 0], [-2.5, 0, 0.4, 0, 0]]), (779, 901))
    measured = measure(displaced_slide(textured, truth))
    expected = np.array([field_by_hand(truth, *place) for place in measured.pieces.place])
    assert len(measured.pieces.place) > 9
    errors = np.abs(measured.pieces.move - expected)
    assert (errors < 4 * measured.pieces.error[:, None]).all()
    assert np.median(errors) < 0.1


def test_shift_beyond_the_limit_is_not_believed(textured):
    assert_not_believed(measure(displaced_slide(textured, field(LIMIT + 12, 0, (311, 389)))))


@pytest.mark.parametrize("seed", range(3))
def test_noise_alone_is_no_evidence(textured, seed):
    counts = displaced_slide(textured, field(5, 0, (311, 389)), seed=seed).values
    counts[3] = np.random.default_rng(seed).normal(30_000, 300, counts.shape[1:])
    assert_not_believed(measure(label(counts)))


@pytest.mark.parametrize("seed", range(3))
def test_a_nearly_black_frame_is_no_evidence(seed):
    assert_not_believed(measure(label(np.rint(black_frame(seed, (233, 301))).astype(np.uint16))))


def black_frame(seed, shape):
    rng = np.random.default_rng(seed)
    return rng.normal([[[90]], [[80]], [[85]], [[32_000]]], [[[6]], [[6]], [[6]], [[300]]], (4, *shape))


@pytest.mark.parametrize("shifts", ["no infrared detail", "infrared of its own", "three different shifts"])
@pytest.mark.parametrize("seed", range(4))
def test_three_textured_tiles_do_not_pull_a_black_frame(textured, seed, shifts):
    lucky = np.random.default_rng(seed).choice(49, 3, replace=False)
    samples = []
    for i in range(49):
        counts = black_frame(49 * seed + i, (128, 128))
        if i in lucky:
            picture = textured(100 * seed + i, (168, 168), 2.0)
            own = textured(100 * seed + i + 50, (168, 168), 2.0)
            y, x = ((-6, 3), (7, -11), (2, 9))[list(lucky).index(i)]
            moved = {"three different shifts": picture[20 - y :, 20 - x :], "infrared of its own": own}
            counts[:3] = to_counts(0.7 + 0.3 * picture[20:148, 20:148])
            if shifts in moved:
                counts[3] += to_counts(0.3 + 0.02 * moved[shifts][:128, :128]) - 32_000
        samples.append(Tile(200 * (i // 7), 200 * (i % 7), np.rint(counts).astype(np.uint16)))
    everywhere = Film(np.ones((175, 175), bool))
    assert_not_believed(measure_displacement(samples, everywhere, (1400, 1400)))


@pytest.mark.parametrize("level", [0, 30_000, 65_535])
def test_a_constant_plane_is_no_evidence(textured, level):
    counts = displaced_slide(textured, field(5, 0, (311, 389))).values
    counts[3] = level
    assert_not_believed(measure(label(counts)))
    counts[:3], counts[3] = level, counts[0]
    assert_not_believed(measure(label(counts)))


def test_a_frame_without_film_is_no_evidence(textured):
    counts = displaced_slide(textured, field(5, 0, (311, 389)))
    nowhere = Film(np.zeros((39, 49), bool))
    assert_not_believed(measure_displacement(sample_tiles(counts.data), nowhere, (311, 389)))


def test_a_holder_that_lies_still_does_not_hold_the_shift_back(textured):
    counts = displaced_slide(textured, field(5.25, -3.5, (311, 389))).values
    counts[:, :41], counts[:, :, :50] = 300, 300
    measured = measure(label(counts))
    assert measured.shift == pytest.approx((5.25, -3.5), abs=0.06)


def test_measured_displacement_does_not_depend_on_chunks(textured):
    counts = displaced_slide(textured, field(-5.5, 2.25, (311, 389))).values
    first, second = (measure(label(counts, chunks)) for chunks in ((4, 311, 389), (1, 17, 101)))
    np.testing.assert_array_equal(first.coefficient, second.coefficient)
    np.testing.assert_array_equal(first.pieces.move, second.pieces.move)
    assert first.uncertainty == second.uncertainty


def test_sampled_tiles_of_a_larger_slide_tell_the_same_shift(textured):
    measured = measure(displaced_slide(textured, field(5.25, -3.0, (311, 389))), size=96, across=3)
    assert measured.trusted
    assert measured.shift == pytest.approx((5.25, -3), abs=0.08)
