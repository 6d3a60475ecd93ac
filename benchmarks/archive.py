"""What an archive run costs beside cleaning its slides, what memory it takes, and what a second process is worth.

python -m benchmarks.archive overhead [--slides 4000]     (small slides; memory of the parent at a tenth and at the end)
python -m benchmarks.archive throughput [--slides 6] [--megapixels 13.5] [--defects 20]    (3 rolls, by 1 process on 1
core and by 2 on 2; of so many defects per megapixel above the size of a speck, or a usual number)
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import dask
import psutil

import irtoolkit as irt
from irtoolkit.archive import run as archive
from irtoolkit.synthetic import write_scanner_file

SMALL = (128, 160)
PICTURES, ROLL, ROLLS, PLAIN = 8, 40, 3, 400
CLEAN = "from irtoolkit.cli import main; main()"


def make_tree(
    folder: Path, slides: int, shape: tuple[int, int], defects: float | None = None, roll: int = ROLL
) -> list[Path]:
    """Files of so many slides in rolls of `roll`, copies of up to 8 different ones."""
    kinds = []
    for number in range(min(PICTURES, slides)):
        slide = irt.make_slide(number + 1, shape, scanner="plustek", roll=1, defects=defects)
        kinds.append(folder / "kinds" / f"{number}.tif")
        kinds[-1].parent.mkdir(parents=True, exist_ok=True)
        write_scanner_file(kinds[-1], slide.counts.values, layout="vuescan-rgbi")
    files = [folder / "tree" / f"roll{i // roll + 1:03d}" / f"slide{i % roll + 1:02d}.tif" for i in range(slides)]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(kinds[number % len(kinds)], file)
    return files


def clean_plainly(files: Sequence[Path], out: Path) -> None:
    """A loop over the slides, as one would write it."""
    for file in files:
        cleaned = irt.clean_slide(irt.open_slide(file))
        name = out / file.parent.name / file.stem
        irt.write_mask(cleaned.mask, f"{name}_mask.tif", source=file)
        irt.write_healed(cleaned.healed, f"{name}_clean.tif", source=file)


def measure_overhead(folder: Path, slides: int) -> Iterator[str]:
    """Milliseconds a slide of a plain loop (over 400), of a run, and of a run with nothing to do."""
    files = make_tree(folder, slides, SMALL)
    memory: list[int] = []
    real = archive.clean_job

    def noting(job: archive.Job) -> archive.Outcome:
        outcome = real(job)
        memory.append(psutil.Process().memory_info().rss)
        return outcome

    archive.clean_job = noting
    run = partial(irt.clean_archive, folder / "tree", folder / "out", alone=True, workers=1, quiet=True)
    with dask.config.set(scheduler="synchronous"):
        clean_plainly(files[:PICTURES], folder / "warm")
        steps = {
            "plain loop": (lambda: clean_plainly(files[:PLAIN], folder / "plain"), min(PLAIN, slides)),
            "archive run": (run, slides),
            "run again": (run, slides),
        }
        for name, (step, number) in steps.items():
            started, used = time.perf_counter(), time.process_time()
            step()
            wall, cpu = time.perf_counter() - started, time.process_time() - used
            yield f"{name:12s} {1e3 * wall / number:8.1f} ms a slide, {1e3 * cpu / number:8.1f} of them of one core"
    tenth, end = memory[len(memory) // 10 - 1] / 1e6, memory[-1] / 1e6
    yield f"memory after slide {len(memory) // 10}: {tenth:.0f} MB, after slide {len(memory)}: {end:.0f} MB"


def measure_throughput(folder: Path, slides: int, megapixels: float, defects: float | None) -> Iterator[str]:
    """Seconds a slide of `irtoolkit clean` by 1 and by 2 processes, fits included, and what share was marked."""
    height = round((megapixels * 2e6 / 3) ** 0.5)
    make_tree(folder, slides, (height, height * 3 // 2), defects, roll=-(-slides // ROLLS))
    seconds = {}
    yield from ("| processes | wall-s a slide | CPU-s a slide |", "|---|---|---|")
    for count in (1, 2):
        seconds[count], cpu = (value / slides for value in clean_by(count, folder / "tree", folder / f"out{count}"))
        yield f"| {count} | {seconds[count]:.2f} | {cpu:.2f} |"
    coverage = irt.open_results(folder / "out2").coverage.values
    marked = f"marked: {coverage.min():.2%} to {coverage.max():.2%}"
    yield from ("", f"ratio {seconds[1] / seconds[2]:.2f}; {len(coverage)} slides, {marked}")


def clean_by(processes: int, tree: Path, out: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a run with so many processes, held to as many cores where the system can."""
    command = [sys.executable, "-c", CLEAN, "clean", tree, "--out", out, "--workers", f"{processes}", "--quiet"]
    hold = getattr(os, "sched_setaffinity", None)
    cores = sorted(os.sched_getaffinity(0))[:processes] if hold else []
    before, started = os.times(), time.perf_counter()
    subprocess.run(command, check=True, preexec_fn=partial(hold, 0, cores) if hold else None)
    wall, after = time.perf_counter() - started, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> None:
    """Run one of the two measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["overhead", "throughput"])
    parser.add_argument("--slides", type=int)
    parser.add_argument("--megapixels", type=float, default=13.5)
    parser.add_argument("--defects", type=float)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "overhead":
            lines = measure_overhead(Path(folder), options.slides or 4000)
        else:
            lines = measure_throughput(Path(folder), options.slides or 6, options.megapixels, options.defects)
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
