"""How long a person waits for a slide in a notebook, and what memory it takes.

python -m benchmarks.widgets [--megapixels 60] [--lazy] [--folder FOLDER]

The slide is a small one laid out like tiles, written as VueScan does; mask and healed slide are files, or with --lazy
what `clean_slide` returns. Waiting is until the picture is a PNG, as a browser gets it; seconds of one core follow.
Each explorer is measured in a process of its own.
"""

import argparse
import io
import math
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import xarray as xr
from matplotlib.backend_bases import MouseEvent

import irtoolkit as irt
from irtoolkit.synthetic import write_scanner_file
from irtoolkit.widgets import explore_alignment, explore_crosstalk, explore_slide, explore_threshold, open_cleaned

TILE = 800, 1200
DEFECTS = 5
REPEATS = 5
THRESHOLDS = (4.4, 5.0, 4.7, 5.4, 4.5, 5.2, 4.6, 5.3, 4.8, 4.9)


def make_files(folder: Path, megapixels: float) -> None:
    """Write a slide of about so many megapixels, its mask and its healed file."""
    slide = irt.make_slide(3, TILE, scanner="plustek", defects=DEFECTS)
    cleaned = irt.clean_slide(slide)
    times = max(1, round(math.sqrt(megapixels * 1e6 / math.prod(TILE))))
    write_scanner_file(folder / "slide.tif", np.tile(slide.counts.values, (1, times, times)))
    mask = xr.DataArray(np.tile(cleaned.mask.values, (times, times)), dims=("y", "x"))
    irt.write_mask(mask, folder / "out" / "mask.tif", source=folder / "slide.tif")
    healed = xr.DataArray(
        np.tile(cleaned.healed.values, (1, times, times)), {"band": slide.band}, dims=("band", "y", "x")
    )
    irt.write_healed(healed, folder / "out" / "clean.tif", source=folder / "slide.tif")


def clock(step: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, seconds of one core, and what a step returns."""
    started, used = time.perf_counter(), time.process_time()
    result = step()
    return time.perf_counter() - started, time.process_time() - used, result


def encode(explorer: Any) -> None:
    """Draw the panels to a PNG."""
    explorer.comparison.panels.drawing.figure.savefig(io.BytesIO(), format="png")


def first_view(explore: Callable[[], Any]) -> Any:
    """An explorer whose panels were drawn."""
    explorer = explore()
    encode(explorer)
    return explorer


def measure_steps(explorer: Any, names: str) -> Iterator[str]:
    """Median and slowest of five pans at each scale, and of a zoom to it."""
    comparison = explorer.comparison

    def go(view: Any) -> None:
        comparison.go(view)
        encode(explorer)

    for step in (12.0, 4.0, 2.9, 1.5, 1.0, 0.25):
        start = comparison.view._replace(step=step)
        comparison.go(start._replace(step=step * 2))
        zoom, zoom_used, _ = clock(lambda start=start: go(start))
        pans = [clock(lambda start=start, i=i: go(start.moved(0, 250 * i)))[:2] for i in range(1, REPEATS + 1)]
        walls, used = zip(*pans, strict=True)
        yield (
            f"{names}, {1 / step:5.0%}: zoom {zoom:.2f} s ({zoom_used:.2f}), pan {median(walls):.2f} s"
            f" ({median(used):.2f}), slowest {max(walls):.2f} s"
        )


def measure_slide(folder: Path, lazy: bool) -> Iterator[str]:
    """Lines of what was measured of `explore_slide` on the files in a folder."""
    files = folder / "slide.tif", folder / "out" / "mask.tif", folder / "out" / "clean.tif"
    if lazy:
        seconds, _, cleaned = clock(lambda: irt.clean_slide(irt.open_slide(files[0])))
        yield f"clean_slide: {seconds:.1f} s"
    else:
        seconds, used, cleaned = clock(lambda: open_cleaned(*files))
        yield f"open_cleaned: {seconds:.2f} s ({used:.2f} of one core)"
    seconds, used, explorer = clock(lambda: first_view(lambda: explore_slide(cleaned)))
    yield f"first view: {seconds:.2f} s ({used:.2f})"
    yield from measure_steps(explorer, "colour")
    comparison = explorer.comparison
    comparison.first.value = "healed"
    comparison.second.value = "score" if lazy else "infrared"
    comparison.mode.value = "side by side"
    yield from measure_steps(explorer, f"healed and {comparison.second.value}")
    explorer.show_defect(0)
    seconds, used, _ = clock(lambda: (explorer.show_defect(1), encode(explorer)))
    yield f"next defect: {seconds:.2f} s ({used:.2f})"
    yield tell_memory()


def measure_alignment(folder: Path, _: bool) -> Iterator[str]:
    """The same of `explore_alignment`."""
    slide = irt.open_slide(folder / "slide.tif")
    seconds, used, _explorer = clock(lambda: first_view(lambda: explore_alignment(slide)))
    yield f"alignment, first view: {seconds:.2f} s ({used:.2f}), {tell_memory()}"


def measure_crosstalk(folder: Path, _: bool) -> Iterator[str]:
    """The same of `explore_crosstalk`."""
    slide = irt.open_slide(folder / "slide.tif")
    seconds, used, _explorer = clock(lambda: explore_crosstalk(slide))
    yield f"crosstalk, opened: {seconds:.2f} s ({used:.2f}), {tell_memory()}"


def measure_threshold(folder: Path, _: bool) -> Iterator[str]:
    """The same of `explore_threshold`: ten drags of the threshold, each until what a browser is sent is encoded."""
    slide = irt.open_slide(folder / "slide.tif")
    seconds, used, explorer = clock(lambda: explore_threshold(slide))
    yield f"threshold, opened: {seconds:.1f} s ({used:.1f}), {tell_memory()}"
    canvas = explorer.histogram.drawing.figure.canvas
    canvas.draw()

    def drag(sigma: float) -> None:
        (ax,) = canvas.figure.axes
        x, y = ax.transData.transform((sigma, 10))
        for name in ("button_press_event", "button_release_event"):
            canvas.callbacks.process(name, MouseEvent(name, canvas, x, y, button=1))
        canvas.get_diff_image()

    walls, used_up = zip(*[clock(lambda sigma=sigma: drag(sigma))[:2] for sigma in THRESHOLDS], strict=True)
    yield (
        f"threshold, step: {median(walls):.3f} s ({median(used_up):.3f}), slowest {max(walls):.3f} s"
        f" ({max(used_up):.3f}), {tell_memory()}"
    )


def tell_memory() -> str:
    """Most and present memory of this process."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return f"memory: {most:.0f} MB at most, {psutil.Process().memory_info().rss / 1e6:.0f} MB now"


def tell(measure: Callable[[Path, bool], Iterator[str]], folder: Path, lazy: bool) -> None:
    """Print what is measured, line by line."""
    for line in measure(folder, lazy):
        print(line, flush=True)


def in_own_process(step: Callable[..., Any], *arguments: Any) -> None:
    """Run a step in a process of its own, so that its memory does not count elsewhere."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
        other.submit(step, *arguments).result()


def main() -> None:
    """Make the files, and measure each explorer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=60)
    parser.add_argument("--lazy", action="store_true", help="explore what clean_slide returns, not files")
    parser.add_argument("--folder", type=Path, help="where the files are kept for the next time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "out" / "clean.tif").exists():
            in_own_process(make_files, folder, chosen.megapixels)
        for measure in (measure_slide, measure_alignment, measure_crosstalk, measure_threshold):
            in_own_process(tell, measure, folder, chosen.lazy)


if __name__ == "__main__":
    main()
