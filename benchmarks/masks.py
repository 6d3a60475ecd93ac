"""Pixel F1 of the automatic mask on synthetic slides: films by scanners, several seeds.

python -m benchmarks.masks [--seeds 3] [--megapixels 1.0]
"""

import argparse

import numpy as np

import irtoolkit as irt
from benchmarks.scoring import judge_mask

FILMS = ("e6", "faded-e6", "c41", "kodachrome")
SCANNERS = ("aligned", "plustek", "drifting", "dotted")
FIRST_SEED = 7000


def main() -> None:
    """Print one row a film and scanner."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--megapixels", type=float, default=1.0)
    options = parser.parse_args()
    height = round((options.megapixels * 2e6 / 3) ** 0.5)
    print("| film | scanner | F1 | precision | recall |\n|---|---|---|---|---|")
    for film in FILMS:
        for scanner in SCANNERS:
            seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
            scores = [score_slide(seed, (height, height * 3 // 2), film, scanner) for seed in seeds]
            figures = " | ".join(f"{value:.3f}" for value in np.mean(scores, axis=0))
            print(f"| {film} | {scanner} | {figures} |", flush=True)


def score_slide(seed: int, shape: tuple[int, int], film: str, scanner: str) -> tuple[float, float, float]:
    """F1, precision and recall of one slide's mask; marks within 2 px of the truth are true."""
    slide = irt.make_slide(seed, shape, film=film, scanner=scanner)
    mask, truth = irt.clean_slide(slide.chunk()).mask.values, slide.truth.values
    judgement = judge_mask(mask, truth, allowed=truth, frame=np.ones_like(truth))
    return judgement.f1, judgement.precision, judgement.recall


if __name__ == "__main__":
    main()
