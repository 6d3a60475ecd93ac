"""Time and peak memory of cleaning one large slide, step by step.

python -m benchmarks.cleaning [FILE] [--megapixels 60]

Without FILE a synthetic slide is made first, in another process so that its memory does not count.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import irtoolkit as irt
from irtoolkit.files import find_layout
from irtoolkit.pipeline import heal_slide, mark_slide, score_slide

MAKE = """
import sys, irtoolkit as irt
from irtoolkit.synthetic import write_scanner_file
height = round((float(sys.argv[2]) * 2e6 / 3) ** 0.5)
slide = irt.make_slide(5, (height, height * 3 // 2), film="e6", scanner="plustek")
write_scanner_file(sys.argv[1], slide.counts.values, layout="silverfast-hdri")
"""


def main() -> None:
    """Print one line a step: seconds, and the process's peak memory so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--megapixels", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = options.file or Path(folder) / "slides" / "slide.tif"
        if options.file is None:
            source.parent.mkdir()
            subprocess.run([sys.executable, "-c", MAKE, str(source), str(options.megapixels)], check=True)
        run(source, Path(folder) / "cleaned")


def run(source: Path, out: Path) -> None:
    """Clean `source` as the command line does, and print each step."""
    settings, page = irt.Settings(), find_layout(source).visible[0].page
    started = time.perf_counter()
    slide = irt.open_slide(source)
    say("open", started)
    scored = score_slide(slide)
    found = mark_slide(scored, settings)
    say("find", started)
    irt.write_mask(found.mask, out / "mask.tif", source=source, page=page)
    say("write mask", started)
    irt.write_healed(heal_slide(found, scored.crosstalk, settings), out / "healed.tif", source=source, page=page)
    say("heal and write", started)


def say(step: str, started: float) -> None:
    """One line: seconds since the start and peak memory."""
    print(f"{step:16s}{time.perf_counter() - started:7.1f} s   peak {peak_megabytes():6.0f} MB", flush=True)


def peak_megabytes() -> float:
    """Peak resident memory of this process, where the system tells (not on Windows: nan)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
