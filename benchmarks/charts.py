"""The summary and the charts of the detection benchmark, from its table with one row a scan and method.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color), which colour-blind people can tell apart; shapes
differ as well.
"""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.scoring import choose_best, compare_methods, count_false, pool_rates

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d")
USUAL = ("linear", "gamma 2.2")
"""Kinds of scans that every film and scanner has."""

RIVALS = ("best constant on infrared", "SANE's chain", "NegPy's ratio")
"""The methods that stand beside this one in the chart of films and scanners."""


def write_summary(table: pd.DataFrame, damaged: pd.DataFrame, path: Path) -> None:
    """Write the figures of all scans, and of those with damage, as Markdown."""
    own = damaged[damaged["method"] == "irtoolkit"]
    lines = [f"# Detection benchmark\n\n{len(own)} scans with damage, of {own['megapixels'].mean():.2f} MP each.\n"]
    for title, part in sum_up(table, damaged, own):
        lines += [f"## {title}\n", to_markdown(part)]
    path.write_text("\n".join(lines), encoding="utf-8")


def sum_up(table: pd.DataFrame, damaged: pd.DataFrame, own: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Title and figures of every part of the summary; `own` is irtoolkit's rows of the scans with damage."""
    yield "Every method", compare_methods(damaged)
    usual = own[own["kind"].isin(USUAL)]
    yield "Mean F1 of irtoolkit", usual.pivot_table("f1", "film", "scanner", "mean", sort=False)
    yield "Worst F1 of irtoolkit", usual.pivot_table("f1", "film", "scanner", "min", sort=False)
    other = own[~own["kind"].isin(USUAL)].groupby(["kind", "film", "scanner"], sort=False)
    yield "F1 of irtoolkit on other scans", other["f1"].agg(["mean", "min"])
    scans = choose_best(damaged)
    constant = f"best one constant ({scans['one_sigma'].max():g} sigma)"
    names = {"best": "best constant of each scan", "one": constant}
    chosen = scans[["automatic", "best", "one"]].rename(columns=names)
    yield "F1 of irtoolkit at its own threshold and at constant ones", chosen.agg(["mean", "min"]).T
    yield "Requested and realised false discovery rate", pool_rates(damaged)
    spotless = table[~table["kind"].isin([*damaged["kind"].unique(), "silver"])]
    yield "False regions per megapixel of slides without damage", count_false(spotless)
    silver = table[(table["kind"] == "silver") & (table["method"] == "irtoolkit")]
    yield "Silver film, which must be refused", silver.set_index("scanner")[["status"]]


def to_markdown(table: pd.DataFrame) -> str:
    """A Markdown table with the index in its first columns; floats with three decimals, empty where not a number.

    >>> print(to_markdown(pd.DataFrame({"f1": [0.5]}, index=pd.Index(["e6"], name="film"))), end="")
    | film | f1 |
    |---|---|
    | e6 | 0.500 |
    """
    flat = table.reset_index(names=[name or "" for name in table.index.names])
    cells = [[_cell(value) for value in row] for row in flat.to_numpy(dtype=object)]
    head, *rows = [f"| {' | '.join(row)} |\n" for row in ([str(name) for name in flat.columns], *cells)]
    return head + "|" + "---|" * flat.shape[1] + "\n" + "".join(rows)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if value != value else f"{value:.3f}"


def write_charts(damaged: pd.DataFrame, folder: Path) -> None:
    """Draw the four charts of the scans with damage into a folder."""
    drawn = {
        "precision-recall": draw_precision_recall,
        "films-and-scanners": draw_films_and_scanners,
        "automatic-and-best": draw_automatic_and_best,
        "false-discoveries": draw_false_discoveries,
    }
    for name, draw in drawn.items():
        figure = Figure(figsize=(8, 5), layout="constrained")
        draw(figure.subplots(), damaged)
        figure.savefig(folder / f"{name}.png", dpi=120)


def draw_precision_recall(axes: Axes, damaged: pd.DataFrame) -> None:
    """Mean precision over mean recall: irtoolkit at constant thresholds as a line, every method as a point."""
    constant = damaged[damaged["sigma"].notna()].groupby("sigma")[["recall", "precision"]].mean()
    axes.plot(
        constant["recall"],
        constant["precision"],
        ".-",
        color=COLOURS[0],
        label="irtoolkit, constant thresholds (sigma)",
    )
    for sigma, (recall, precision) in zip(constant.index, constant.to_numpy(), strict=True):
        axes.annotate(f"{sigma:g}", (recall, precision), xytext=(4, -11), textcoords="offset points", fontsize=8)
    methods = compare_methods(damaged).drop(columns="worst F1")
    for (name, row), shape, colour in zip(methods.iterrows(), cycle(("*", *SHAPES)), cycle(COLOURS[1:])):
        size = 15 if name == "irtoolkit" else 6
        axes.plot(row["recall"], row["precision"], shape, markersize=size, color=colour, label=str(name))
    axes.set(xlabel="recall (mean over scans)", ylabel="precision (mean over scans)", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))


def draw_films_and_scanners(axes: Axes, damaged: pd.DataFrame) -> None:
    """F1 of every usual scan by film and scanner, irtoolkit beside other methods, and a bar at each mean."""
    damaged = damaged[damaged["kind"].isin(USUAL)]
    place = damaged["film"] + "\n" + damaged["scanner"]
    names = ("irtoolkit", *RIVALS)
    for number, (name, shape, colour) in enumerate(zip(names, SHAPES, COLOURS, strict=False)):
        scans = damaged[damaged["method"] == name]
        order = pd.Index(place.unique()).get_indexer(place[scans.index]) + 0.18 * (number - (len(names) - 1) / 2)
        axes.plot(order, scans["f1"], shape, color=colour, alpha=0.5, markersize=5, label=name)
        mean = scans["f1"].groupby(order).mean()
        axes.plot(mean.index, mean, "_", color=colour, markersize=14, markeredgewidth=2)
    axes.set_xticks(range(place.nunique()), place.unique(), fontsize=7)
    axes.set(xlabel="film and scanner (bar: mean)", ylabel="F1 of pixels", ylim=(0, 1.02))
    axes.legend(fontsize=8, ncols=len(names), loc="lower center", bbox_to_anchor=(0.5, 1.0))


def draw_automatic_and_best(axes: Axes, damaged: pd.DataFrame) -> None:
    """F1 of the automatic threshold over that of the best constant of each scan, by film."""
    scans = choose_best(damaged)
    lowest = max(0.0, float(scans[["automatic", "best"]].to_numpy().min()) - 0.03)
    axes.plot([lowest, 1], [lowest, 1], color="0.6", linewidth=1, label="equal")
    for (film, group), shape, colour in zip(scans.groupby("film", sort=False), SHAPES, COLOURS, strict=False):
        axes.plot(group["best"], group["automatic"], shape, color=colour, alpha=0.7, label=str(film))
    axes.set(xlabel="F1 at the best constant threshold of the scan", ylabel="F1 at the automatic threshold")
    axes.set(xlim=(lowest, 1.005), ylim=(lowest, 1.005), aspect="equal")
    axes.legend(fontsize=8)


def draw_false_discoveries(axes: Axes, damaged: pd.DataFrame) -> None:
    """Realised over requested false discovery rate, of pixels and regions of all scans together."""
    rates = pool_rates(damaged)
    axes.plot([0, rates.index.max()], [0, rates.index.max()], color="0.6", linewidth=1, label="equal")
    for name, shape, colour in zip(("pixels", "regions", "worst regions"), SHAPES, COLOURS, strict=False):
        label = "regions of the worst film" if name == "worst regions" else name
        axes.plot(rates.index, rates[name], f"{shape}-", color=colour, label=label)
    axes.set(xlabel="requested false discovery rate", ylabel="realised share of false marks")
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=8)
