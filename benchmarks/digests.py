"""Digests of masks, scores and healed slides, to show that a change of the code alone leaves every bit as it was.

python -m benchmarks.digests [SCAN...] [--out FILE] [--against FILE]

Eight rolls of three simulated slides, of four films and two scanners: two slides of each, alone and with the model of
their roll. Each SCAN is cleaned with every kind of threshold. `--against` compares with the file of an earlier run.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

import irtoolkit as irt
from benchmarks.cases import as_slide, open_folder
from benchmarks.photographs import FILMS
from benchmarks.rolls import draw_roll
from benchmarks.simulation import simulate_scan

SHAPE = 480, 720
EXPOSURES = 0.0, -5.0, 2.0
"""Stops above the normal exposure of a roll's slides."""

CLEANED = 2
SEED = 15
THRESHOLDS = "mirror", "otsu", "yen", "triangle", "slope", "local", "ratio", 3.2, "raw:135"

Digest = dict[str, str]


def digest_slide(cleaned: xr.Dataset) -> Digest:
    """SHA-256 of every array and every scalar of a cleaned slide, to 16 digits."""
    values = cleaned[sorted(cleaned.data_vars)].compute(scheduler="threads")
    return {str(name): digest_array(values[name].values) for name in values.data_vars}


def digest_array(values: np.ndarray) -> str:
    """A number as it is, an array as the start of the SHA-256 of its type, shape and bytes."""
    if values.ndim == 0:
        return repr(values.item())
    content = f"{values.dtype.str} {values.shape} ".encode() + np.ascontiguousarray(values).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def digest_roll(film: str, scanner: str, number: int) -> Iterator[tuple[str, Digest]]:
    """Slides of a simulated roll, alone and with their roll's model, which is written and read in between."""
    rng = np.random.default_rng([SEED, number])
    photographs = open_folder(None)
    slides = []
    for place, (constants, stops) in enumerate(zip(draw_roll(rng, film, scanner, 3), EXPOSURES, strict=True)):
        photograph = photographs[(number + place) % len(photographs)]
        drawn = {"film": film, "scanner": scanner, "exposure": stops, "constants": constants}
        slides.append(as_slide(simulate_scan(rng, photograph, SHAPE, **drawn)))
    with tempfile.TemporaryDirectory() as folder:
        model = irt.open_model(irt.write_model(irt.fit_roll(slides), Path(folder) / "roll.json"))
    for place, slide in enumerate(slides[:CLEANED]):
        for name, known in (("alone", None), ("with its roll", model)):
            yield f"{film} {scanner} {place} {name}", digest_or_error(slide, irt.Settings(), known)


def digest_or_error(slide: xr.Dataset, settings: irt.Settings, model: xr.Dataset | None) -> Digest:
    """Digest of a slide as it is cleaned, or the kind of error that refuses it."""
    try:
        return digest_slide(irt.clean_slide(slide, settings=settings, model=model))
    except irt.SlideError as error:
        return {"error": type(error).__name__}


def digest_scan(path: Path) -> Iterator[tuple[str, Digest]]:
    """A scan by every kind of threshold, and filled instead of divided."""
    for threshold in THRESHOLDS:
        settings = irt.Settings(threshold=threshold, heal="auto" if threshold == "mirror" else "telea")
        yield f"{path.name} {threshold}", digest_or_error(irt.open_slide(path), settings, None)


def list_digests(scans: list[Path]) -> Iterator[tuple[str, Digest]]:
    """Digests of everything, by name."""
    for path in scans:
        yield from digest_scan(path)
    for number, (film, scanner) in enumerate(product(FILMS, ("coolscan", "plustek"))):
        if film != "silver":
            yield from digest_roll(film, scanner, number)


def main() -> None:
    """Print what differs from an earlier run, or everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--against", type=Path, help="JSON file of an earlier run")
    options = parser.parse_args()
    earlier = json.loads(options.against.read_text()) if options.against else {}
    found, differing = {}, 0
    for name, digest in list_digests(options.scans):
        found[name] = digest
        changed = sorted(key for key in digest if earlier.get(name, digest).get(key) != digest[key])
        differing += bool(changed)
        print(f"{name:36s} {digest.get('mask', digest.get('error'))}  {' '.join(changed)}", flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    if earlier:
        print(f"{differing} of {len(found)} differ" if found.keys() <= earlier.keys() else "other slides than before")
    raise SystemExit(differing > 0)


if __name__ == "__main__":
    main()
