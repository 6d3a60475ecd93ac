"""What finding and healing cost, beside reading the file and beside SANE, which is compiled.

python -m benchmarks.speed [--megapixels 1 13.5 60] [--repeats 3] [--out DIR]
python -m benchmarks.speed --profile [--megapixels 13.5]      (where one slide's time goes, on one thread)
python -m benchmarks.speed --archive [--slides 24]            (slides of 13.5 MP in 3 rolls, by 1 and by 2 processes)

Each step runs in a process of its own, in turn, on one scan of each size: simulated Ektachrome with about .7 % of it
marked, 16 bit, not compressed. The model of the roll is fitted beforehand on three other slides. All run on one thread,
as SANE can no other, but for the last: threads beside each other take more CPU seconds for the same work. The table is
also written to DIR/speed.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.archive import measure_throughput
from benchmarks.speed_steps import profile

TOP = Path(__file__).parent.parent
SEED, DEFECTS, OF_ROLL, MODEL_MEGAPIXELS = 5, 20, 3, 3.0
"""Of the scan, a megapixel; slides that the model is fitted on, and their largest size, which matters little."""

STEPS = {
    "limit": "limit: read, 4 histograms",
    "sane": "SANE: find, fill, both files",
    "finding": "finding, mask written",
    "whole": "whole, alone, both files",
    "model": "whole, with the roll's model",
    "threads": "whole, alone, on two threads",
}
MAKE = """
import sys, irtoolkit as irt
from irtoolkit.synthetic import write_scanner_file
megapixels, seed, defects, path = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
height = round((megapixels * 2e6 / 3) ** 0.5)
shape = height, height * 3 // 2
slide = irt.make_slide(seed, shape, film="e6", scanner="plustek", roll=1, defects=defects)
write_scanner_file(path, slide.counts.values, layout="silverfast-hdri")
"""
FIT = "import sys, irtoolkit as irt; irt.write_model(irt.fit_roll(map(irt.open_slide, sys.argv[2:])), sys.argv[1])"
NO_SANE = "SANE's backend (libsane-pieusb) is not installed here: its rows and the ratios to it are missing."

Figures = Mapping[str, float]


def main() -> None:
    """Print the table wanted, and write it below the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--slides", type=int, default=24)
    options = parser.parse_args()
    lines = [f"python -m benchmarks.speed {' '.join(sys.argv[1:])}".strip(), ""]
    print(*lines, sep="\n")
    for line in measurement(options):
        print(line, flush=True)
        lines.append(line)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "speed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measurement(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the measurement that is wanted, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        if options.archive:
            yield from measure_throughput(Path(folder), options.slides, (options.megapixels or [13.5])[0], DEFECTS)
        elif options.profile:
            yield from profile(make_scan(Path(folder), (options.megapixels or [13.5])[0]), Path(folder) / "out")
        else:
            yield from table(measure_all(Path(folder), options.megapixels or [1.0, 13.5, 60.0], options.repeats))


def make_scan(folder: Path, megapixels: float, seed: int = SEED) -> Path:
    """A scan made in another process, so that its memory does not count."""
    path = folder / f"scan-{megapixels:g}-{seed}.tif"
    run("-c", MAKE, f"{megapixels}", f"{seed}", f"{DEFECTS}", path)
    return path


def make_model(folder: Path, megapixels: float) -> Path:
    """The model of the scan's roll, fitted on three other slides of it."""
    slides = [make_scan(folder, min(megapixels, MODEL_MEGAPIXELS), SEED + 1 + number) for number in range(OF_ROLL)]
    run("-c", FIT, folder / "model.json", *slides)
    return folder / "model.json"


def measure_all(folder: Path, sizes: Sequence[float], repeats: int) -> Iterator[tuple[float, dict[str, Figures]]]:
    """For each size the medians of its steps, run in turn; what is not installed is missing."""
    (folder / "out").mkdir()
    for size in sizes:
        scan, model = make_scan(folder, size), make_model(folder, size)
        runs: dict[str, list[Figures]] = {step: [] for step in STEPS}
        for _ in range(repeats):
            for step, known in runs.items():
                known += measure_step(step, scan, folder / "out", model)
        yield size, {step: medians(known) for step, known in runs.items() if known}
        scan.unlink()


def medians(runs: Sequence[Figures]) -> Figures:
    """Median of each figure."""
    return {name: median(figures[name] for figures in runs) for name in runs[0]}


def measure_step(step: str, scan: Path, out: Path, model: Path) -> list[Figures]:
    """Figures of one step in a process of its own; none if what it measures is not installed."""
    name = step if step in ("limit", "sane", "finding") else "whole"
    threads, given = 2 if step == "threads" else 1, (model,) if step == "model" else ()
    figures: Figures | None = json.loads(run("-m", "benchmarks.speed_steps", name, scan, out, f"{threads}", *given))
    return [figures] if figures else []


def run(*arguments: str | Path) -> str:
    """What Python prints with these arguments."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.PIPE, text=True).stdout


def table(measured: Iterator[tuple[float, dict[str, Figures]]]) -> Iterator[str]:
    """Markdown rows, one a size and step, with the ratios of CPU seconds at that size."""
    yield "| MP | step | CPU-s | with imports | wall-s | wall / CPU | peak MB | x SANE | x limit | marked |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    steps = set()
    for size, found in measured:
        steps |= set(found)
        for step, of in found.items():
            marked = "-" if step == "limit" else f"{of['marked']:.2%}"
            yield f"| {size:g} | {STEPS[step]} | {' | '.join(cells(of, found))} | {marked} |"
    if "sane" not in steps:
        yield from ("", NO_SANE)


def cells(of: Figures, found: Mapping[str, Figures]) -> list[str]:
    """Seconds, memory, and ratios to SANE and to the limit."""
    seconds = [f"{value:.2f}" for value in (of["cpu"], of["imported"], of["wall"], of["wall"] / of["cpu"])]
    ratios = [f"{of['cpu'] / found[to]['cpu']:.1f}" if to in found else "-" for to in ("sane", "limit")]
    return [*seconds, f"{of['peak']:.0f}", *ratios]


if __name__ == "__main__":
    main()
