"""Makes the pictures of the README from a synthetic slide: python docs/pictures.py (into docs/pictures)."""

from pathlib import Path

import matplotlib.pyplot as plt
from skimage import data

import irtoolkit as irt
from irtoolkit import plots

TARGET = Path(__file__).parent / "pictures"
WINDOW = slice(0, 130), slice(400, 600)


def main() -> None:
    """Write `steps.jpg` and `healed.jpg`."""
    slide = irt.make_slide(21, (400, 600), film="e6", scanner="plustek", defects=60, photo=data.coffee())
    cleaned = irt.clean_slide(slide)
    seen, close = plots.preview(cleaned), plots.preview(cleaned, window=WINDOW)
    _draw("steps.jpg", (plots.plot_infrared, plots.plot_residual, plots.plot_mask), seen)
    _draw("healed.jpg", (plots.plot_picture, plots.plot_mask, plots.plot_healed), close)


def _draw(name: str, draw: tuple, seen: object) -> None:
    figure, axes = plt.subplots(1, len(draw), figsize=(15, 3.6), layout="compressed")
    for plot, ax in zip(draw, axes, strict=True):
        plot(seen, ax)
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
    figure.savefig(TARGET / name, dpi=80, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main()
