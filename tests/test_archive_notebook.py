"""The plot of the notebook that cleans an archive, for few and for very many slides."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "03_clean_an_archive.ipynb"


@pytest.mark.parametrize(("slides", "named", "height"), [(5, 5, 3.25), (45, 23, 7.75), (7200, 30, 9.5)])
def test_the_plot_of_an_archive_names_at_most_thirty_slides_and_fits_a_screen(slides, named, height):
    cells = ["".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    (plot,) = (cell for cell in cells if cell.startswith("done = "))
    rolls = np.array([f"roll {number // 36}" for number in range(slides)])
    names = [f"{roll}/slide_{number % 36}.tif" for number, roll in enumerate(rolls)]
    columns = {"status": ["done"] * slides, "roll": rolls, "coverage": [0.01] * slides, "threshold": [4.4] * slides}
    results = xr.Dataset({name: ("slide", column) for name, column in columns.items()}, {"slide": names})
    exec(plot, {"results": results, "np": np, "plt": plt})
    figure = plt.gcf()
    ax, _ = figure.axes
    assert figure.get_size_inches()[1] == height
    assert len(ax.get_yticklabels()) == named
    assert ax.get_yticklabels()[0].get_text() == "roll 0/slide_0.tif"
    assert len(ax.collections[0].get_offsets()) == slides
    assert len(np.unique(ax.collections[0].get_facecolors(), axis=0)) == (1 if slides < 36 else 2)
    plt.close(figure)
