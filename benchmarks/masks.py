"""Pixel F1 of the automatic mask on synthetic slides: films by scanners, several seeds.

python -m benchmarks.masks [--seeds 3] [--megapixels 1.0]
"""

import argparse

import cv2
import numpy as np

import irtoolkit as irt

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
    """F1, precision and recall of one slide's mask."""
    slide = irt.make_slide(seed, shape, film=film, scanner=scanner)
    mask = irt.clean_slide(slide.chunk()).mask.values
    return score_mask(mask, slide.truth.values)


def score_mask(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """F1, precision (marks within 2 px of the truth are true) and recall (truth within 1 px of a mark is found)."""
    precision = (mask & grown(truth, 2)).sum() / max(mask.sum(), 1)
    recall = (truth & grown(mask, 1)).sum() / max(truth.sum(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask grown by a disk."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask.astype(np.uint8), disk).astype(bool)


if __name__ == "__main__":
    main()
