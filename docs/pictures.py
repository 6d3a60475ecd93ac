"""Makes `steps.jpg` of the README from a synthetic slide: python docs/pictures.py (into docs/pictures)."""

from pathlib import Path

import matplotlib.pyplot as plt
from skimage import data

import irtoolkit as irt
from irtoolkit import plots

TARGET = Path(__file__).parent / "pictures"


def main() -> None:
    """Write `steps.jpg`."""
    slide = irt.make_slide(21, (400, 600), film="e6", scanner="plustek", defects=60, photo=data.coffee())
    cleaned = irt.clean_slide(slide)
    _draw("steps.jpg", (plots.plot_infrared, plots.plot_residual, plots.plot_mask), plots.preview(cleaned))


def _draw(name: str, draw: tuple, seen: object) -> None:
    figure, axes = plt.subplots(1, len(draw), figsize=(15, 3.6), layout="compressed")
    for plot, ax in zip(draw, axes, strict=True):
        plot(seen, ax)
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
    figure.savefig(TARGET / name, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main()
