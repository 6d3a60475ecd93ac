"""Trial of healing where defects are darker or clearer in the visible than the usual ratio says.

python -m benchmarks.ratios [--photos DIR] [--out DIR] [--seeds 1] [--first-seed 1] [--megapixels .4] [--only TEXT]

Prints, and writes to `ratios.csv`, one row a scan: PSNR inside the defects at gamma 2.2, of all and of half-transparent
ones, `healed` with the found mask and by `telea` with the true one grown by 2 px; the share of the defects' pixels that
are `over`corrected; `error`, the mean absolute error of ln light inside the defects; and the fitted ratio, mean of the
bands, with its error and scatter, beside the true one. Defects beyond the infrared's frame are left out.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

import irtoolkit as irt
from benchmarks.cases import Row, as_slide, make_parser, open_folder, run_cases
from benchmarks.healers import fill_by_telea
from benchmarks.restoring import classes_of, measure_psnr, to_light
from benchmarks.scoring import MARK_REACH, Mask, grow_mask
from benchmarks.simulation import Constants, Scan, simulate_scan
from irtoolkit.pipeline import heal_slide, mark_slide, score_slide

BRIGHTER = 2.0
"""Deviations of the grain by which an overcorrected pixel is brighter than the undamaged film."""

GRAIN_REACH = 33
"""Side, px, of the square over which the grain of the undamaged film is measured."""

DARKEST = 1e-3
"""Light, share of full scale, that is added before logarithms are taken."""


class Trial(NamedTuple):
    """One scan: its `ratio` in red, .02 and .04 less than in green and blue, or None for the usual one.

    The other fields are those of `simulate_scan` and `Constants`.
    """

    film: str
    scanner: str
    ratio: float | None
    gamma: float = 1.0
    bits: int = 16
    exposure: float = 0.0
    tone: float = 0.0
    dust_shift: tuple[float, float] = (0.0, 0.0)

    @property
    def name(self) -> str:
        """What sets the scan apart."""
        told = {"gamma": 1.0, "bits": 16, "exposure": 0.0, "tone": 0.0, "dust_shift": (0.0, 0.0)}
        special = [f"{field} {getattr(self, field)}" for field, usual in told.items() if getattr(self, field) != usual]
        return ", ".join([f"{self.film} {self.scanner} {self.ratio or 'usual'}", *special])


TRIALS = (
    *(Trial(film, "coolscan", ratio) for film, ratio in (("c41", 0.8), ("e6", 1.0), ("kodachrome", 1.26))),
    *(Trial(film, "coolscan", ratio) for film, ratio in (("e6", 1.5), ("c41", 1.84))),
    *(Trial(film, "plustek", ratio) for film, ratio in (("e6", 0.8), ("kodachrome", 1.0), ("c41", 1.26))),
    *(Trial(film, "plustek", ratio) for film, ratio in (("c41", 1.5), ("e6", 1.84))),
    *(Trial(film, "flatbed", ratio) for film, ratio in (("kodachrome", 0.8), ("c41", 1.0), ("e6", 1.26))),
    *(Trial(film, "flatbed", ratio) for film, ratio in (("kodachrome", 1.5), ("c41", 1.84))),
    *(Trial("c41", "coolscan", ratio, gamma=2.2, bits=8) for ratio in (0.8, 1.26)),
    *(Trial("e6", "coolscan", ratio, gamma=2.2, bits=8, tone=0.6) for ratio in (0.9, 1.5)),
    *(Trial("e6", "coolscan", 0.8, gamma=2.2, bits=8, tone=0.4, dust_shift=shift) for shift in ((0.2, 0.15),)),
    *(Trial(film, "coolscan", 1.1, dust_shift=(0.2, 0.15)) for film in ("e6", "c41")),
    Trial("e6", "coolscan", 1.1, exposure=-5.0),
    *(Trial(*film, None) for film in (("e6", "coolscan"), ("c41", "flatbed"), ("kodachrome", "coolscan"))),
    *(Trial(*film, None) for film in (("faded-e6", "flatbed"), ("c41", "plustek"))),
)


class RatioCase(NamedTuple):
    """A trial with its `seed` and `number`, which decide everything random."""

    seed: int
    number: int
    trial: Trial


def make_trial(case: RatioCase, folder: Any, shape: tuple[int, int]) -> Scan:
    """The scan of a case at `shape` (y, x)."""
    rng = np.random.default_rng([case.seed, case.number])
    photographs, trial = open_folder(folder), case.trial
    ratio = (trial.ratio, trial.ratio + 0.02, trial.ratio + 0.04) if trial.ratio else None
    constants = Constants(ratio=ratio, dust_shift=trial.dust_shift, tone=trial.tone)
    special = {name: getattr(trial, name) for name in ("film", "scanner", "gamma", "bits", "exposure")}
    return simulate_scan(rng, photographs[rng.integers(len(photographs))], shape, constants=constants, **special)


def run_case(case: RatioCase, folder: Any, shape: tuple[int, int]) -> Row:
    """Make a scan, heal it and judge it; one row of the table."""
    scan = make_trial(case, folder, shape)
    settings = irt.Settings(grain=0.0)
    try:
        scored = score_slide(as_slide(scan))
    except irt.NotUsableError as error:
        return {"seed": case.seed, "scan": case.trial.name, "refused": str(error)}
    found = mark_slide(scored, settings).persist()
    healed = heal_slide(found, scored, settings).values[:3]
    ratio = np.mean([float(found[f"ratio_{band}"]) for band in "rgb"])
    told = {"true": np.mean(scan.known["gamma"][:3]), "ratio": ratio}
    told |= {name: float(found[name]) for name in ("ratio_error", "ratio_scatter")}
    return (
        {"seed": case.seed, "scan": case.trial.name}
        | judge(scan, healed, case.trial.gamma, found.infrared.notnull().values)
        | told
    )


def judge(scan: Scan, healed: NDArray[np.uint16], gamma: float, seen: Mask) -> Row:
    """The figures of a picture (3, y, x) healed with the found mask, and of Telea's with the true one, where `seen`."""
    truth = scan.truth & seen
    filled = fill_by_telea(scan.counts[:3], grow_mask(scan.truth, MARK_REACH))
    light, telea, undamaged = (to_light(counts, gamma) for counts in (healed, filled, scan.undamaged[:3]))
    half = {"half": classes_of(scan.transmittance)["half"]}
    ours, theirs = (measure_psnr(picture, undamaged, truth, half) for picture in (light, telea))
    logarithms = [np.log(picture + DARKEST) for picture in (light, undamaged)]
    return {
        **{"healed": ours["psnr"], "telea": theirs["psnr"]},
        **{"healed_half": ours["psnr_half"], "telea_half": theirs["psnr_half"]},
        "over": share_overcorrected(logarithms[0], logarithms[1], truth),
        "over_telea": share_overcorrected(np.log(telea + DARKEST), logarithms[1], truth),
        "error": float(np.abs(logarithms[0] - logarithms[1])[:, truth].mean()),
    }


def share_overcorrected(healed: NDArray[Any], undamaged: NDArray[Any], truth: Mask) -> float:
    """Share of the `truth` where ln light (3, y, x), mean of the bands, is brighter by more than twice the grain."""
    clean = undamaged.mean(axis=0)
    detail = np.abs(clean - cv2.GaussianBlur(clean, (0, 0), 2.0))
    grain = np.sqrt(np.pi / 2) * cv2.blur(detail, (GRAIN_REACH, GRAIN_REACH))
    return float(((healed.mean(axis=0) - clean) > BRIGHTER * grain)[truth].mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trial, print its table and write it."""
    parser = make_parser(__doc__, seeds=1, first_seed=1)
    parser.add_argument("--only", default="", help="only scans whose name contains this")
    parser.set_defaults(megapixels=0.4, workers=1)
    options = parser.parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    cases = [RatioCase(seed, number, trial) for seed in seeds for number, trial in enumerate(TRIALS)]
    table = pd.DataFrame(run_cases(run_case, [case for case in cases if options.only in case.trial.name], options))
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "ratios.csv", index=False, float_format="%.6g")
    print(table.to_string(index=False, float_format="%.3f"))


if __name__ == "__main__":
    main()
