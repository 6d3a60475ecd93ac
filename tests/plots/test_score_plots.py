"""The scores of regions: possible defects, decoys over them, and the threshold."""

import numpy as np
import pytest
import xarray as xr

from irtoolkit import plots
from irtoolkit.schema import SlideError


def ranked(possible, decoys, threshold=4.6, fdr=0.021):
    return xr.Dataset(
        {"candidate_score": ("candidate", np.array(possible, float)), "decoy_score": ("decoy", np.array(decoys, float))}
        | {"threshold": threshold, "fdr": fdr}
    )


def counted(patch):
    """Regions in each bin that has some, by its left edge."""
    number, edges, _ = patch.get_data()
    return {float(edge): int(count) for edge, count in zip(edges[:-1].round(2), number, strict=True) if count}


def test_possible_defects_and_decoys_are_counted_by_their_scores(ax):
    assert plots.plot_scores(ranked([4.46, 4.48, 5.02, 6.37], [4.42, 4.44, 4.56]), ax) is ax
    found, decoys = ax.patches
    assert counted(found) == {4.45: 2, 5.0: 1, 6.35: 1}
    assert counted(decoys) == {4.4: 2, 4.55: 1}
    assert ax.get_xlim() == (4.3, 6.5)
    assert ax.lines[0].get_xdata() == [4.6, 4.6]
    assert ax.get_title() == "Score: about 2.1 % of the marks are probably false"
    assert "possible defects" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("regions", "numbers"), [(3, ["0.5", "1", "2", "5"]), (3000, ["1", "10", "100", "1,000"])], ids=["short", "long"]
)
def test_the_axis_of_counts_has_plain_numbers(ax, regions, numbers):
    plots.plot_scores(ranked([4.46] * regions, [4.42]), ax)
    low, high = ax.get_ylim()
    shown = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    assert [label.get_text() for tick, label in shown if low <= tick <= high] == numbers
    assert not any(label.get_text() for label in ax.get_yticklabels(minor=True))


def test_where_nothing_can_be_marked_no_line_is_drawn_and_an_unknown_rate_is_told(ax):
    plots.plot_scores(ranked([], [], np.inf, np.nan), ax)
    assert not ax.lines
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["possible defects", "no decoys"]
    assert ax.get_title() == "Score: how many of the marks are false is not known"


def test_a_threshold_of_pixels_has_no_place_among_regions(ax):
    with pytest.raises(SlideError, match="cuts pixels, so regions have no score; use plot_histogram"):
        plots.plot_scores(ranked([5.0], []).drop_vars("candidate_score"), ax)


def test_a_threshold_of_regions_has_no_place_among_pixels(ax):
    score = np.random.default_rng(3).standard_normal((40, 50)).astype(np.float32)
    plots.plot_histogram(ranked([5.0], []).assign(score=(("y", "x"), score)).chunk(y=7), ax, methods=())
    assert [line.get_label() for line in ax.lines] == ["left side mirrored: noise", "standard normal"]
    assert ax.get_title() == "Score of the pixels"
