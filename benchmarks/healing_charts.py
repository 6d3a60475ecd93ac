"""The summary, the chart and the crops of the healing benchmark, from its table with one row a scan and method."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.charts import COLOURS, SHAPES, to_markdown
from benchmarks.restoring import CLASSES, DISPLAY_GAMMA, KINDS, Counts, to_light
from benchmarks.scoring import Mask
from benchmarks.simulation import Scan
from irtoolkit.pictures import Picture, mark_mask, view_picture

SCAN = ["film", "scanner", "kind", "seed"]
CLASS_NAMES = {"opaque": "opaque (< .15)", "dense": ".15 to .5", "half": "half-transparent (> .5)"}
TELEA = "Telea, true mask"
WANTED, GRAIN = 1.5, (0.8, 1.25)
"""dB over others that a scan should gain, and range of the ratio of grain that counts as unbroken."""

SIDE, ZOOM, GAP = 160, 2, 4
"""Pixels of the scan along a crop, size of each in the picture, and white between the crops."""


class Strip(NamedTuple):
    """Name and picture, uint8 (y, x, 3), of the crops of one scan beside each other."""

    name: str
    picture: Picture


def write_summary(table: pd.DataFrame, left_out: Sequence[str], path: Path) -> None:
    """Write the figures of all scans as Markdown, with the lines that tell what was left out."""
    scans = table.groupby(SCAN).ngroups
    lines = [f"# Healing benchmark\n\n{scans} scans of {table['megapixels'].mean():.2f} MP each.\n"]
    lines += [f"{line}\n" for line in left_out]
    for title, part in sum_up(table):
        lines += [f"## {title}\n", to_markdown(part)]
    path.write_text("\n".join(lines), encoding="utf-8")


def sum_up(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Title and figures of every part of the summary."""
    columns = {"psnr": "all"} | {f"psnr_{name}": told for name, told in CLASS_NAMES.items()}
    columns |= {f"psnr_{kind}": kind for kind in KINDS} | {"psnr_marked": "what is marked"}
    methods = table.groupby("method", sort=False)[list(columns)]
    yield "Mean PSNR inside the damage, dB", methods.mean().rename(columns=columns)
    yield "Worst PSNR inside the damage, dB", methods.min().rename(columns=columns)
    yield "Gain of irtoolkit, dB", sum_up_gains(table)
    yield "Grain, clean pixels and time", sum_up_rest(table)
    yield "Every scan, dB", compare_scans(table)


def pick_rival(table: pd.DataFrame) -> pd.DataFrame:
    """Name and PSNR of the other program that healed each scan best, on (film, scanner, kind, seed)."""
    rivals = table[table["group"] == "rival"].set_index(SCAN)
    best = rivals.pivot_table("psnr", SCAN, "method", sort=False)
    return pd.DataFrame({"rival": best.idxmax(axis=1), "psnr": best.max(axis=1)})


def sum_up_gains(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and worst gain of irtoolkit's methods, dB, and the share of scans where it is at least 1.5 dB.

    Over each scan's best rival in all damage, over Telea's method with the true mask where transmittance is above .5.
    """
    own = table[table["group"] == "irtoolkit"].set_index([*SCAN, "method"])
    telea = table[table["method"] == TELEA].set_index(SCAN)["psnr_half"]
    over = {
        "over the best rival": own["psnr"].unstack().sub(pick_rival(table)["psnr"], axis=0),
        "over Telea where half-transparent": own["psnr_half"].unstack().sub(telea, axis=0),
    }
    figures: dict[str, pd.Series] = {}
    for name, gain in over.items():
        reached = (gain >= WANTED).sum() / gain.notna().sum()
        figures |= {f"{name}: mean": gain.mean(), f"{name}: worst": gain.min(), f"{name}: scans at {WANTED:g}": reached}
    return pd.DataFrame(figures).reindex(own.index.unique("method"))


def sum_up_rest(table: pd.DataFrame) -> pd.DataFrame:
    """CIEDE2000, ratios of grain, clean pixels changed, and seconds per megapixel of every method."""
    even = table["grain"].between(*GRAIN).astype(float).where(table["grain"].notna())
    groups = table.assign(even=even).groupby("method", sort=False)
    megapixels, seconds = groups["megapixels"].sum(), groups["seconds"].sum()
    return pd.DataFrame(
        {
            "CIEDE2000": groups["delta_e"].mean(),
            "grain inside / around": groups["grain"].median(),
            "share of scans at .8 to 1.25": groups["even"].mean(),
            "grain / undamaged": groups["grain_undamaged"].median(),
            "values changed off the mask": groups["outside"].sum(min_count=1),
            "share of clean film changed": groups["touched"].mean(),
            "truth in the mask": groups["covered"].mean(),
            "s/MP of healing": seconds / megapixels,
            "s/MP in all": (seconds + groups["finding"].sum()) / megapixels,
        }
    )


def compare_scans(table: pd.DataFrame) -> pd.DataFrame:
    """PSNR of each scan: unhealed, by Telea with the true mask, by the best rival, by irtoolkit's first method."""
    first = table.loc[table["group"] == "irtoolkit", "method"].iloc[0]
    by_method = {name: rows.set_index(SCAN) for name, rows in table.groupby("method")}
    rival = pick_rival(table)
    figures = {name: by_method[name]["psnr"] for name in ("unhealed", TELEA)}
    figures |= {"best rival": rival["psnr"], first: by_method[first]["psnr"]}
    figures |= {"gain on rival": by_method[first]["psnr"] - rival["psnr"]}
    figures |= {f"half-transparent: {name}": by_method[name]["psnr_half"] for name in (TELEA, first)}
    return pd.DataFrame(figures).assign(rival=rival["rival"]).reindex(by_method["unhealed"].index)


def write_chart(table: pd.DataFrame, path: Path) -> None:
    """Draw PSNR by class of transmittance: a point a scan and method, a large one at the mean; rivals aligned."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    methods = [name for name in table["method"].unique() if not name.endswith("as scanned")]
    for number, (name, shape, colour) in enumerate(zip(methods, cycle(SHAPES), cycle(COLOURS))):
        place = np.arange(len(CLASSES)) + 0.8 * ((number + 0.5) / len(methods) - 0.5)
        figures = table.loc[table["method"] == name, [f"psnr_{part}" for part in CLASSES]]
        axes.plot(place, figures.T.to_numpy(), shape, color=colour, alpha=0.35, markersize=3)
        axes.plot(place, figures.mean().to_numpy(), shape, color=colour, markersize=8, label=name)
    axes.set_xticks(range(len(CLASSES)), CLASS_NAMES.values())
    axes.set(xlabel="visible transmittance of the damage", ylabel="PSNR inside, dB (large: mean over scans)")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.savefig(path, dpi=120)


def cut_strip(case: Case, scan: Scan, healed: Counts, mask: Mask, gamma: float) -> Strip:
    """Scan, outline of the mask, healed and undamaged picture where the eye loses most light, doubled in size."""
    dirty, clean = (to_light(counts[:3], gamma / DISPLAY_GAMMA).sum(axis=0) for counts in (scan.counts, scan.undamaged))
    rows, columns = find_window(np.where(scan.truth, clean - dirty, 0))
    polarity = "negative" if case.film == "c41" else ""
    whole = (
        view_picture(visible, polarity=polarity, gamma=gamma, reference=scan.undamaged[:3])[rows, columns]
        for visible in (scan.counts[:3], healed, scan.undamaged[:3])
    )
    before, after, undamaged = (picture.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1) for picture in whole)
    outlined = mark_mask(before, mask[rows, columns].repeat(ZOOM, axis=0).repeat(ZOOM, axis=1))
    white = np.full((len(before), GAP, 3), 255, np.uint8)
    picture = np.concatenate([before, white, outlined, white, after, white, undamaged], axis=1)
    return Strip(f"{case.film}-{case.scanner}-{case.kind}".replace(" ", "-"), picture)


def find_window(weight: NDArray[np.floating]) -> tuple[slice, slice]:
    """The square of 160 px, or what of it a plane (y, x) has, with the largest sum."""
    height, width = (min(SIDE, side) for side in weight.shape)
    sums = np.pad(weight.astype(np.float64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    held = sums[height:, width:] - sums[height:, :-width] - sums[:-height, width:] + sums[:-height, :-width]
    top, left = np.unravel_index(np.argmax(held), held.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)
