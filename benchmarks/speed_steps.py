"""One step of `benchmarks.speed`, measured in the process that runs this; and what the whole chain spends where.

python -m benchmarks.speed_steps STEP SCAN OUT THREADS [MODEL]

A step is a generator: what comes before its `yield` is imports, what comes after is counted, and it returns the share
of pixels marked; without `yield`, None.
"""

import cProfile
import json
import pstats
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

DPI = 3617
"""Of the simulated scanner; SANE's widths depend on it."""

LEVELS = 65536
LARGEST, DEEPEST = 6, 12
"""Modules that `profile` names for each step; callers that it goes back from a function outside the package."""

Function = tuple[str, int, str]
Measured = Generator[None, None, float | None]


def limit(scan: Path, _out: Path, _model: str) -> Measured:
    """Read every pixel and count the levels of the four bands: no exact threshold takes less."""
    import cv2
    import numpy as np

    from irtoolkit.files import SlideReader, find_layout

    cv2.setNumThreads(1)
    yield
    reader = SlideReader(find_layout(scan))
    counts, first = np.zeros((4, LEVELS)), 0
    for rows in reader.chunks[1]:
        block = reader[:, first : first + rows]
        first += rows
        for band in range(4):
            counts[band] += cv2.calcHist([block[band]], [0], None, [LEVELS], [0, LEVELS]).ravel()
    assert counts[3].sum() == reader.shape[1] * reader.shape[2]
    return 0.0


def sane(scan: Path, out: Path, _model: str) -> Measured:
    """SANE's own chain: read, find, fill, write both files."""
    import numpy as np
    import tifffile

    from benchmarks.sane import detect_with_sane, fill_with_sane, load_library

    library = load_library()
    if library is None:
        return None
    yield
    with tifffile.TiffFile(scan) as file:
        visible, infrared = (file.pages[number].asarray() for number in (0, 1))
    counts = np.concatenate([np.moveaxis(visible, 2, 0), infrared[None]])
    mask = detect_with_sane(library, counts, DPI)
    filled = fill_with_sane(library, counts[:3], mask, DPI)
    tifffile.imwrite(out / "healed.tif", np.ascontiguousarray(np.moveaxis(filled, 0, 2)), photometric="rgb")
    tifffile.imwrite(out / "mask.tif", mask * np.uint8(255))
    return float(mask.mean())


def finding(scan: Path, out: Path, _model: str) -> Measured:
    """Open, score, mark, write the mask."""
    from irtoolkit import Settings, open_slide, write_mask
    from irtoolkit.pipeline import mark_slide, score_slide

    yield
    found = mark_slide(score_slide(open_slide(scan)), Settings(heal="none"))
    write_mask(found.mask, out / "mask.tif", source=scan)
    return float(found.mask.mean())


def whole(scan: Path, out: Path, model: str) -> Measured:
    """Find and heal, write both files; with a roll's model, if there is one."""
    from irtoolkit import Settings, open_model, open_slide, write_healed, write_mask
    from irtoolkit.pipeline import heal_slide, mark_slide, score_slide

    yield
    scored = score_slide(open_slide(scan), open_model(model) if model else None)
    found = mark_slide(scored, Settings())
    write_mask(found.mask, out / "mask.tif", source=scan)
    write_healed(heal_slide(found, scored, Settings()), out / "healed.tif", source=scan)
    return float(found.mask.mean())


def measure(step: str, scan: Path, out: Path, model: str) -> dict[str, float] | None:
    """CPU seconds with and without imports, wall seconds, peak megabytes, share marked; None where SANE is missing."""
    parts = {"limit": limit, "sane": sane, "finding": finding, "whole": whole}[step](scan, out, model)
    try:
        next(parts)
        started, before = time.perf_counter(), time.process_time()
        next(parts)
    except StopIteration as end:
        if end.value is None:
            return None
        wall, cpu = time.perf_counter() - started, time.process_time()
        figures = {"cpu": cpu - before, "imported": cpu, "wall": wall, "peak": peak_megabytes()}
        return figures | {"marked": end.value}
    raise AssertionError(f"{step} has more than one yield")


def use_threads(number: int) -> None:
    """Let dask work on so many threads."""
    import dask

    dask.config.set({"scheduler": "synchronous"} if number == 1 else {"scheduler": "threads", "num_workers": number})


def peak_megabytes() -> float:
    """Peak resident memory of this process, where the system tells (not on Windows: nan)."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1e3
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def profile(scan: Path, out: Path) -> Iterator[str]:
    """Markdown rows of the steps of one slide on one thread: CPU seconds, share, and the modules that take most."""
    import dask

    from irtoolkit import Settings, open_slide, write_healed, write_mask
    from irtoolkit.pipeline import heal_slide, mark_slide, score_slide

    settings, rows = Settings(), []

    def run(name, step, *given, **options):
        profiler, before = cProfile.Profile(), time.process_time()
        result = profiler.runcall(step, *given, **options)
        rows.append((name, time.process_time() - before, spent(profiler)))
        return result

    with dask.config.set(scheduler="synchronous"):
        slide = run("open", open_slide, scan)
        scored = run("sample, align, fit", score_slide, slide)
        found = run("score, regions, threshold, ratio", mark_slide, scored, settings)
        run("mask written", write_mask, found.mask, out / "mask.tif", source=scan)
        healed = run("healing set up", heal_slide, found, scored, settings)
        run("healed, written", write_healed, healed, out / "healed.tif", source=scan)
    total = sum(seconds for _, seconds, _ in rows)
    yield from ("| step | CPU-s | share | most of it |", "|---|---|---|---|")
    for name, seconds, modules in rows:
        scale = seconds / modules.total() / total
        shares = ((module, part * scale) for module, part in modules.most_common(LARGEST))
        most = ", ".join(f"{module} {share:.0%}" for module, share in shares if share >= 0.005)
        yield f"| {name} | {seconds:.2f} | {seconds / total:.0%} | {most} |"


def spent(profiler: cProfile.Profile) -> Counter[str]:
    """Seconds in each module of the package, with what it calls outside the package and in `arrays`, and in dask."""
    calls = pstats.Stats(profiler).stats

    @cache
    def owners(function: Function, depth: int = 0) -> dict[str, float]:
        """Shares of the modules that called it, by their time in it."""
        if module := module_of(function):
            return {module: 1.0}
        callers = {caller: figures[3] for caller, figures in calls[function][4].items() if caller != function}
        if depth == DEEPEST or not sum(callers.values()):
            return {"other": 1.0}
        shares: Counter[str] = Counter()
        for caller, seconds in callers.items():
            for module, share in owners(caller, depth + 1).items():
                shares[module] += share * seconds / sum(callers.values())
        return shares

    seconds: Counter[str] = Counter()
    for function, (_, _, own, *_) in calls.items():
        for module, share in owners(function).items():
            seconds[module] += own * share
    return seconds


def module_of(function: Function) -> str:
    """``dask``, or the module of the package; empty for other libraries, and for `arrays`, which serves all modules."""
    parts = Path(function[0]).parts
    if "dask" in parts or "irtoolkit" not in parts or "arrays" in parts:
        return "dask" if "dask" in parts else ""
    return ".".join(parts[parts.index("irtoolkit") + 1 :]).removesuffix(".py")


if __name__ == "__main__":
    name, scan, out, threads, *model = sys.argv[1:]
    use_threads(int(threads))
    print(json.dumps(measure(name, Path(scan), Path(out), "".join(model))))
