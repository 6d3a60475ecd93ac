"""The command line: info, fit, clean, demo."""

import json
import sys
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import click

from irtoolkit import archive, files
from irtoolkit.schema import VERSION, SlideError, printable
from irtoolkit.settings import FORMATS, HEALING_METHODS, RAW, THRESHOLDS

DONE, SOME_REFUSED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130
ROLL, COMPRESSION = click.Choice(["folder", "all"]), click.Choice(["none", "deflate"])
MASK_FORMAT = click.Choice(["tiff", "png", "pfm"])
THRESHOLD = "|".join((*THRESHOLDS, "NUMBER", f"{RAW}NUMBER"))
INFRARED = click.option(
    "--infrared", metavar="PAGE|sample:N|ENDING", help="Where the infrared is, if the files do not say it."
)
SCHEDULER = "A dask.distributed scheduler whose workers see the same files; who reaches it can run code on them."
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def main() -> None:
    """Run the command line; exit status 0 done, 1 some slide refused or failed, 2 wrong call, 130 stopped."""
    try:
        with archive.stopped_by_signals():
            status = commands.main(standalone_mode=False) or DONE
        sys.exit(status)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(WRONG_CALL)
    except (KeyboardInterrupt, click.Abort, Stopped) as error:
        archive.print_message(str(error) or "stopped; finished slides are safe; run the same command to continue")
        sys.exit(INTERRUPTED)
    except (click.ClickException, SlideError) as error:
        archive.print_message(error.format_message() if isinstance(error, click.ClickException) else str(error))
        sys.exit(WRONG_CALL)
    except OSError as error:
        archive.print_message(str(error))
        sys.exit(SOME_REFUSED)


class Stopped(click.ClickException):
    """A command was stopped by Ctrl-C or another signal; the message is that of the `KeyboardInterrupt`."""


class _Commands(click.Group):
    """Commands that leave it to `main` to say that they were stopped: click writes to a terminal that may be gone."""

    def invoke(self, ctx: click.Context) -> Any:
        """Invoke a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(VERSION, prog_name="irtoolkit")
def commands() -> None:
    """Find and heal dust and scratches on scanned film from the scanner's infrared channel."""


@commands.command()
@PATHS
@INFRARED
def info(paths: tuple[str, ...], infrared: str | None) -> int:
    """Describe each file: layout, size, bands, bit depth, scanner, film, resolution, profile."""
    tasks, status = archive.find_slides(paths, infrared=archive.read_infrared(infrared)), DONE
    for task in tasks:
        found = archive.attempt(_describe, task)
        lines, problem = ([], archive.describe_error(found, task.path)) if isinstance(found, Exception) else found
        if problem:
            lines, status = [*lines, f"cannot be used: {problem}"], SOME_REFUSED
        _print(task.place, *(f"  {line}" for line in lines))
    return status


def _describe(task: "archive.Task") -> tuple[list[str], str]:
    """What a slide is, line by line, and why it cannot be used, "" if it can."""
    layout = task.layout()
    about = layout.metadata
    bands = "R, G, B, IR" if layout.infrared else "R, G, B"
    lines = [
        f"{layout.name}, {layout.height} rows x {layout.width} columns, {bands}, {layout.bits} bit",
        f"{about['dpi']:g} dpi" + (f" ({about['dpi_note']})" if about["dpi_note"] else ""),
    ]
    lines += [
        f"{name}: {about[name]}" for name in ("scanner", "film", "polarity", "software", "profile") if about[name]
    ]
    lines += [str(about["note"])] if "note" in about else []
    if layout.infrared:
        archive.check_unhealed(task.path)
    return lines, layout.missing.removeprefix(f"{task.path}: ")


def _print(*lines: str, err: bool = False) -> None:
    """Print lines; what files and their names say becomes printable, and no line becomes two."""
    click.echo("\n".join(printable(line) for line in lines), err=err)


@commands.command()
@PATHS
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON file for the model.")
@INFRARED
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
def fit(paths: tuple[str, ...], out: Path, infrared: str | None, quiet: bool) -> int:
    """Fit one crosstalk model for the slides of a roll and write it as JSON."""
    from irtoolkit.fitting import fit_samples
    from irtoolkit.model import to_dataset
    from irtoolkit.pipeline import spread

    tasks = archive.find_slides(paths, infrared=archive.read_infrared(infrared))
    files.check_target(out, [task.path for task in tasks])
    if out.is_dir():
        raise archive.CallError(f"--out {out} is a folder; name a file for the model")
    refused: list[archive.Task] = []

    def refuse(task: archive.Task, error: Exception) -> None:
        refused.append(task)
        archive.print_message(f"{task.place}: {archive.describe_error(error, task.path)}")

    chosen = spread(tasks)
    with archive.Progress(len(chosen), "fitting", quiet=quiet) as progress:
        model = fit_samples([sample for task in progress.each(chosen) if (sample := archive.try_sample(task, refuse))])
    files.write_model(to_dataset(model), out)
    crosstalk = model.crosstalk
    _print(
        f"{out}: {len(chosen) - len(refused)} slides, r2 {crosstalk.r2:.3f}, slopes {crosstalk.slopes:.3f}, "
        f"blur {crosstalk.blur:.1f} px, sigma {crosstalk.sigma:.4f}"
    )
    return SOME_REFUSED if refused else DONE


@commands.command()
@PATHS
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for masks, healed slides, report.")
@click.option("--fdr", type=float, help="False discovery rate: share of the marks that may be false [0.05].")
@click.option("--visibility", type=float, help="Ignore defects fainter than this many times the visible grain [3].")
@click.option("--threshold", metavar=THRESHOLD, help="A method, a NUMBER of sigma, or infrared counts [mirror].")
@click.option("--heal", metavar="METHOD", help=f"How to heal: {', '.join(HEALING_METHODS)} (only masks) [auto].")
@click.option("--format", type=click.Choice(FORMATS), help="Healed slides: TIFF of R, G, B, or the same file [rgb].")
@INFRARED
@click.option("--model", type=click.Path(path_type=Path), help="Model of the roll, written by fit.")
@click.option("--alone", is_flag=True, help="Fit every slide on its own.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="TOML file with fields of Settings.")
@click.option("--workers", type=click.IntRange(min=1), help="Number of processes [as cores and memory allow].")
@click.option("--scheduler", metavar="ADDRESS", help=SCHEDULER)
@click.option("--roll", "rolls", type=ROLL, default="folder", help="A roll is one folder or all folders [folder].")
@click.option("--force", is_flag=True, help="Redo slides that are done.")
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Clean only the first N slides.")
@click.option(
    "--compress", type=COMPRESSION, default="none", help="Compression of healed slides of --format rgb [none]."
)
@click.option(
    "--masks", type=click.Path(path_type=Path), help="Folder of your own masks (a_mask.tif or .png) to heal by."
)
@click.option("--mask-format", type=MASK_FORMAT, default="tiff", help="Format of the masks written [tiff].")
@click.option("--watch", is_flag=True, help="Go on as new scans appear in the folders, until Ctrl-C.")
@click.option("--json", is_flag=True, help="Print one JSON object per slide.")
@click.option("--quiet", is_flag=True, help="Show no progress bar and no summary.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def clean(paths: tuple[str, ...], out: Path, **options: Any) -> int:
    """Mask and heal slides. A PATH is a file, a folder (searched recursively) or a glob pattern."""
    for one, other in (("alone", "model"), *(("watch", name) for name in ("dry_run", "limit", "json", "force"))):
        if options[one] and options[other]:
            raise click.UsageError(f"--{one} and --{other.replace('_', '-')} cannot be combined; leave one out")
    from irtoolkit.model import open_model

    try:
        settings = archive.read_settings(options)
        model = open_model(options["model"]) if options["model"] else None
    except OSError as error:
        raise archive.CallError(str(error)) from error
    others = {name: options[name] for name in ("alone", "rolls", "force", "limit", "masks", "mask_format")}
    choices = archive.Choices(settings=settings, model=model, compression=options["compress"], **others)
    how = {"workers": options["workers"], "quiet": options["quiet"], "traces": options["debug"]}
    if options["watch"]:
        with archive.cluster_at(options["scheduler"]) as client:
            archive.watch_slides(paths, out, choices, client=client, **how)
    run = archive.plan_run(paths, out, choices, quiet=options["quiet"])
    expected = archive.estimate(run)
    archive.check_space(expected, out)
    if options["dry_run"]:
        return _print_plan(run)
    if not options["quiet"]:
        _print(*_outlook(run), err=options["json"])
    with archive.cluster_at(options["scheduler"]) as client:
        rows = archive.carry_out(run, client=client, **how)
    return _print_results(rows, out, options)


def _print_plan(run: "archive.Run") -> int:
    choices = run.choices
    for slide in archive.slides_to_clean(run):
        paths = archive.outputs_of(slide.task, run.folder, choices.settings, choices.mask_format)
        _print(f"{slide.task.path} -> {', '.join(map(str, paths))}")
    _print(*_outlook(run))
    return DONE


def _outlook(run: "archive.Run") -> list[str]:
    """What a run needs, and for how many slides it has masks of their own, if it was given some."""
    expected, masks = archive.estimate(run), run.choices.masks
    if masks is None:
        return [str(expected)]
    masked = sum(isinstance(archive.attempt(run.own_mask, slide.task), Path) for slide in run.slides)
    return [str(expected), f"{masked} of {len(run.slides)} slides have a mask of their own in {masks}"]


def _print_results(rows: "Sequence[archive.Row]", out: Path, options: Mapping[str, Any]) -> int:
    for row in rows if options["json"] else ():
        empty = {name: None for name, value in row.items() if isinstance(value, float) and not isfinite(value)}
        click.echo(json.dumps(row | empty, allow_nan=False))
    done = sum(row["status"] == "done" for row in rows)
    if not (options["quiet"] or options["json"]):
        _print(f"{archive.summarise(rows)}: {out / 'report.html'}")
    return DONE if done == len(rows) else SOME_REFUSED


@commands.command()
@click.argument("folder", default="irtoolkit-demo", type=click.Path(path_type=Path), metavar="[DIR]")
def demo(folder: Path) -> int:
    """Make a small synthetic roll in real scanner layouts, clean it, and print the path of the report."""
    from irtoolkit.synthetic import make_roll

    slides, out = folder / "slides", folder / "cleaned"
    _print(f"making a roll in {slides}")
    make_roll(slides, refused=True)
    click.echo("fitting and cleaning it")
    run = archive.plan_run([str(slides)], out, archive.Choices())
    _print_results(archive.carry_out(run), out, {"json": False, "quiet": False})
    click.echo("slide_07 has no infrared channel, on purpose: it is refused and listed with the reason.")
    return DONE
