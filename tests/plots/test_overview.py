import matplotlib.pyplot as plt

import irtoolkit as irt
from irtoolkit import plots
from irtoolkit.plots import fit_plots, overview, roll_plots, score_plots, slide_plots


def test_six_plots_of_a_cleaned_slide(tmp_path):
    path = irt.make_roll(tmp_path, seed=4, count=2, shape=(180, 260))[1]
    cleaned = irt.clean_slide(irt.open_slide(path))
    figure = plots.plot_slide(cleaned, window=(slice(10, 100), slice(20, 160)))
    try:
        titles = [ax.get_title().split(":")[0].split(" (")[0] for ax in figure.axes if ax.get_title()]
        names = ["Colour as scanned", "Infrared as scanned", "Residual", "Mask", "Healed", "Score"]
        assert titles == names
        assert "slide_02.tif" in figure.get_suptitle()
        figure.savefig(tmp_path / "six.png", dpi=40)
    finally:
        plt.close(figure)


def test_every_plot_is_found_in_one_place():
    drawn = {name for module in (fit_plots, overview, roll_plots, score_plots, slide_plots) for name in vars(module)}
    assert {name for name in drawn if name.startswith("plot_")} <= set(plots.__all__)
