import cv2
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from found import find_defects
from scans import to_counts

from irtoolkit.alignment.film import Film, film_at, measure_appearance, measure_film
from irtoolkit.arrays.samples import Tile
from irtoolkit.settings import Settings
from irtoolkit.synthetic.slides import make_slide

SHAPE = (403, 611)
HOLDER = np.array([300, 280, 260, 2500])[:, None, None]
RADIUS = 40
WIDEST_LOSS = 32


def label(counts, chunks=(4, 100, 200)):
    return xr.DataArray(da.from_array(counts, chunks), dims=("band", "y", "x"), coords={"band": ["R", "G", "B", "IR"]})


def picture(textured, shape=SHAPE):
    """Counts (4, y, x) of smooth film, the infrared bright."""
    bands = [0.6 + 0.25 * textured(seed, shape, 15) for seed in range(3)]
    return np.clip(np.rint(to_counts(np.stack([*bands, 0.2 + 0.01 * bands[0]]))), 0, 65535).astype(np.uint16)


def window(shape, top, bottom, left, right):
    """Where a mount's opening with rounded corners shows film, given the width of its borders."""
    height, width = shape
    big = np.zeros((height + 4 * RADIUS, width + 4 * RADIUS), np.uint8)
    rows = slice(2 * RADIUS + top if top else 0, 2 * RADIUS + height - bottom if bottom else None)
    columns = slice(2 * RADIUS + left if left else 0, 2 * RADIUS + width - right if right else None)
    big[rows, columns] = 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RADIUS + 1, 2 * RADIUS + 1))
    rounded = cv2.morphologyEx(big, cv2.MORPH_OPEN, disc)
    return rounded[2 * RADIUS : 2 * RADIUS + height, 2 * RADIUS : 2 * RADIUS + width] > 0


@pytest.fixture(scope="module")
def large_picture(textured):
    return picture(textured, (803, 1207))


def film_pixels(counts):
    return film_at(measure_film(label(counts)), (0, 0), counts.shape[1:])


@pytest.mark.parametrize(("shape", "kind"), [(SHAPE, np.uint16), ((400, 608), np.uint8), ((407, 615), np.uint16)])
@pytest.mark.parametrize(
    "borders",
    [(40, 0, 0, 0), (0, 33, 0, 0), (0, 0, 25, 0), (0, 0, 0, 18), (0, 51, 35, 0), (40, 35, 61, 22), (17, 17, 17, 17)],
)
def test_a_holder_is_found_whole_and_little_film_is_lost_beside_it(textured, borders, shape, kind):
    opening = window(shape, *borders)
    counts = np.where(opening, picture(textured, shape), HOLDER)
    film = film_pixels((counts // 257 if kind is np.uint8 else counts).astype(kind))
    assert not film[~opening].any()
    inside = cv2.distanceTransform(opening.astype(np.uint8), cv2.DIST_L2, 5)
    assert film[inside > WIDEST_LOSS].all()
    assert inside[film].min() > 8


@pytest.mark.parametrize("kind", [np.uint16, np.uint8])
@pytest.mark.parametrize(
    ("place", "level"),
    [
        (np.s_[:3, :300], 100),
        (np.s_[:3], 100),
        (np.s_[:, :30, 500:530], 100),
        (np.s_[:, :, 300:312], 100),
        (np.s_[:, 100:300, 300:500], 100),
        (np.s_[:, :40, 10:50:2], 100),
        (np.s_[:], 100),
        (np.s_[:], 0),
        (np.s_[:], 65_535),
        (np.s_[3], 0),
    ],
    ids=[
        *("shadow", "black picture", "dust at the border", "hair across the slide", "opaque island", "comb"),
        *("all black", "zero", "all white", "no infrared"),
    ],
)
def test_what_is_dark_and_no_holder_stays_film(large_picture, place, level, kind):
    counts = large_picture.copy()
    counts[place] = level
    assert film_pixels((counts // 257 if kind is np.uint8 else counts).astype(kind)).all()


def triangle(height, width):
    """Where the left side's shadow is that narrows from the bottom to the top."""
    rows = np.arange(height)[:, None]
    return np.arange(width) < rows * 0.6 * width / height


@pytest.mark.parametrize(
    ("shadow", "lost"),
    [(triangle(803, 1207), 0.02), (np.arange(1207) < np.full((803, 1), 500), 0.0), (triangle(803, 1207) * 0, 0.0)],
    ids=["narrowing", "wide", "none"],
)
def test_a_shadow_along_a_side_is_film(large_picture, shadow, lost):
    counts = np.where(shadow, 100, large_picture).astype(np.uint16)
    assert 1 - film_pixels(counts).mean() <= lost


def test_a_holder_beside_a_shadow_is_found_and_the_shadow_is_film(large_picture):
    holder = np.arange(1207) < np.full((803, 1), 48)
    shadow = np.roll(triangle(803, 1207), 450, axis=0) & (np.arange(803) >= 450)[:, None]
    counts = np.where(shadow | holder, 100, large_picture).astype(np.uint16)
    film = film_pixels(counts)
    assert not film[:, :48].any()
    assert film[:, 100:].all()


def test_black_film_with_noise_is_no_holder():
    noise = np.random.default_rng(0).normal(0, 20, (4, *SHAPE))
    for levels in ([90, 80, 85, 32_000], [90, 80, 85, 70]):
        assert film_pixels(np.clip(noise + np.reshape(levels, (4, 1, 1)), 0, 65535).astype(np.uint16)).all()


def test_film_does_not_depend_on_chunks(textured):
    counts = np.where(window(SHAPE, 30, 0, 40, 0), picture(textured), HOLDER).astype(np.uint16)
    first, second = (measure_film(label(counts, chunks)) for chunks in ((4, *SHAPE), (1, 7, 101)))
    np.testing.assert_array_equal(first.cells, second.cells)
    assert first.bright == second.bright
    assert not first.cells.all()


def test_film_of_a_piece_is_cut_out_of_that_of_the_whole():
    cells = np.random.default_rng(0).random((6, 9)) < 0.5
    film = Film(cells)
    whole = film_at(film, (0, 0), (50, 75))
    np.testing.assert_array_equal(whole[::8, ::8][:6, :9], cells)
    np.testing.assert_array_equal(whole[7:47:8, 7:71:8], cells[:5, :8])
    np.testing.assert_array_equal(whole[48:, :72], np.repeat(cells[5:], 8, axis=1).repeat(2, axis=0))
    np.testing.assert_array_equal(film_at(film, (13, 29), (31, 40)), whole[13:44, 29:69])


def appearance(densities, infrared=30_000):
    """What film of patches (R, G, B) looks like, 40 by 40 px each."""
    bands = np.repeat(np.array(densities).T[:, :, None], 40, axis=1).repeat(40, axis=2).reshape(3, -1, 40)
    counts = np.concatenate([65535 * 10**-bands, np.full((1, *bands.shape[1:]), infrared)])
    film = Film(np.ones((bands.shape[1] // 8, 5), bool))
    return measure_appearance([Tile(0, 0, np.rint(counts).astype(np.uint16))], film)


def test_the_appearance_of_film_is_that_of_its_clearest_and_densest():
    slide = appearance([(0.1, 0.12, 0.15), (0.6, 0.5, 0.7), (1.9, 2.0, 2.1)])
    assert slide.clearest == pytest.approx(0.15, abs=0.01)
    assert slide.densest == pytest.approx(2.0, abs=0.01)
    assert slide.tint == pytest.approx(0.03, abs=0.01)


def test_negatives_and_faded_slides_have_other_tints():
    assert appearance([(0.3, 0.6, 0.87), (1.4, 1.7, 1.97)]).tint == pytest.approx(0.27 - 0.015, abs=0.01)
    assert appearance([(0.2, 0.27, 0.42), (1.6, 2.3, 2.2)]).tint == pytest.approx(0.15 - 0.4, abs=0.01)


def test_silver_has_no_colour_and_dyes_have():
    grays = [(level, level + 0.2, level + 0.1) for level in (0.3, 0.9, 1.5)]
    assert appearance(grays).chroma < 0.001
    assert appearance([(0.3, 0.5, 0.3), (0.9, 0.9, 0.9), (1.5, 1.3, 1.5)]).chroma == pytest.approx(
        1.4826 * 0.2, abs=0.01
    )


@pytest.mark.parametrize(("infrared", "share"), [(65_535, 1.0), (65_534, 0.0)])
def test_infrared_at_the_end_of_its_range_is_clipped(infrared, share):
    assert appearance([(0.1, 0.1, 0.1)], infrared).clipped == share


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (64, 64)])
def test_the_smallest_slides_are_film(shape):
    assert film_pixels(np.full((4, *shape), 30_000, np.uint16)).all()


def held(slide, borders):
    """The slide in a mount that lets .005 of light and .05 of infrared through, and where its opening is."""
    opening = window(slide.truth.shape, *borders)
    move = np.float32([[1, 0, slide.attrs["shift_x"]], [0, 1, slide.attrs["shift_y"]]])
    sharp = opening.astype(np.float32)
    moved = cv2.warpAffine(sharp, move, sharp.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    light = np.stack([cv2.GaussianBlur(sharp, (0, 0), 0.9)] * 3 + [cv2.GaussianBlur(moved, (0, 0), 2.2)])
    floor = np.array([0.005, 0.005, 0.005, 0.05])[:, None, None]
    counts = np.rint(slide.counts.values * (floor + (1 - floor) * light)).astype(np.uint16)
    return xr.Dataset({"counts": label(counts, (4, 128, 623))}), opening


@pytest.mark.parametrize(("scanner", "borders"), [("plustek", (40, 35, 51, 22)), ("aligned", (0, 0, 40, 0))])
def test_nothing_is_marked_in_a_holder_or_at_its_edge_and_defects_elsewhere_are(scanner, borders):
    slide = make_slide(4, (451, 623), scanner=scanner)
    counts, opening = held(slide, borders)
    found = find_defects(counts, settings=Settings()).compute()
    inside = cv2.distanceTransform(opening.astype(np.uint8), cv2.DIST_L2, 5)
    assert not found.score.values[inside < 5].any()
    assert not (found.mask.values & (cv2.dilate(slide.truth.values.astype(np.uint8), np.ones((5, 5))) == 0))[
        inside < 12
    ].any()
    clear = (slice(90, -90), slice(90, -90))
    assert found.score.values[clear].all()
    marked, truth = found.mask.values[clear], slide.truth.values[clear]
    near = cv2.dilate(slide.truth.values.astype(np.uint8), np.ones((5, 5)))[clear] > 0
    assert (marked & truth).sum() > 0.9 * truth.sum()
    assert (marked & near).sum() > 0.9 * marked.sum()
    assert float(found.holder) == pytest.approx(1 - (inside > 16).mean(), abs=0.04)
    assert bool(found.aligned)
    assert float(found.shift_y) == pytest.approx(slide.attrs["shift_y"], abs=0.2)
