"""The commands: info, fit, clean, demo."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from irtoolkit import archive, files
from irtoolkit.cli.mistakes import Checked, Stopped
from irtoolkit.cli.printing import print_lines, print_plan, print_results, print_summary
from irtoolkit.schema import VERSION
from irtoolkit.settings import FORMATS, HEALING_METHODS, RAW, THRESHOLDS

DONE, SOME_REFUSED, WRONG_CALL = 0, 1, 2
FILE = click.Path(path_type=Path)
NUMBER, COUNT = Checked(click.FLOAT, "a number"), Checked(click.IntRange(min=1), "a whole number of 1 or more")


def _choice(*names: str) -> Checked:
    return Checked(click.Choice(names), f"one of {', '.join(names)}")


THRESHOLD = "|".join((*THRESHOLDS, "NUMBER", f"{RAW}NUMBER"))
HEALING = ", ".join((*HEALING_METHODS[:-2], "copy (a file as scanned)", "none (only masks)"))
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
INFRARED = click.option(
    "--infrared",
    metavar="PLACE",
    help="Where the infrared is, if the files do not say it: the number of a page, sample:N, or how the name of the"
    " infrared file ends.",
)
QUIET = click.option("--quiet", is_flag=True, help="Show no progress bar.")


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


@commands.command(short_help="Say what each file is, or why it cannot be used.")
@PATHS
@INFRARED
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per slide, with the tags of its file.")
def info(paths: tuple[str, ...], infrared: str | None, as_json: bool) -> int:
    """Say what each file is, or why it cannot be used.

    That is its layout, size, bands, bit depth, resolution, scanner, film and profile, from its header alone.
    A PATH is a file, a folder (searched recursively) or a glob pattern.
    """
    found = []
    for task in archive.find_slides(paths, infrared=archive.read_infrared(infrared)):
        found.append(archive.inspect(task))
        if as_json:
            click.echo(json.dumps(archive.slide_as_json(found[-1]), allow_nan=False))
        elif not found[-1].error:
            print_lines(*archive.describe_slide(found[-1]))
    if not as_json:
        print_summary(paths, found)
    return SOME_REFUSED if any(each.error for each in found) else DONE


@commands.command(short_help="Fit a model for the slides of one roll.")
@PATHS
@click.option("--out", required=True, metavar="FILE", type=FILE, help="File for the model (JSON).")
@INFRARED
@QUIET
def fit(paths: tuple[str, ...], out: Path, infrared: str | None, quiet: bool) -> int:
    """Fit one crosstalk model for the slides of a roll and write it as JSON."""
    from irtoolkit.fitting import fit_samples
    from irtoolkit.model import to_dataset
    from irtoolkit.pipeline import spread

    tasks = archive.find_slides(paths, infrared=archive.read_infrared(infrared))
    files.check_target(out, [task.path for task in tasks])
    if out.is_dir():
        raise archive.CallError(f"--out {out} is a folder; name a file for the model, as roll.json")
    refused: list[tuple[str, str]] = []

    def refuse(task: archive.Task, error: Exception) -> None:
        refused.append((task.place, archive.describe_error(error, task.path)))

    chosen = spread(tasks)
    with archive.Progress(len(chosen), "fitting", quiet=quiet) as progress:
        samples = [sample for task in progress.each(chosen) if (sample := archive.try_sample(task, refuse))]
    archive.print_refused(refused)
    model = fit_samples(samples)
    files.write_model(to_dataset(model), out)
    crosstalk = model.crosstalk
    print_lines(
        f"{out}: {len(chosen) - len(refused)} slides, r2 {crosstalk.r2:.3f}, slopes {crosstalk.slopes:.3f}, "
        f"blur {crosstalk.blur:.1f} px, sigma {crosstalk.sigma:.4f}"
    )
    return SOME_REFUSED if refused else DONE


@commands.command(short_help="Find and heal dust and scratches on slides.")
@PATHS
@click.option("--out", required=True, metavar="DIR", type=FILE, help="Folder for masks, healed slides, report.")
@click.option(
    "--fdr", metavar="Q", type=NUMBER, help="False discovery rate: share of the marks that may be false [0.05]."
)
@click.option(
    "--visibility",
    metavar="V",
    type=NUMBER,
    help="Ignore defects fainter than this many times the visible grain; 0 ignores none [3].",
)
@click.option(
    "--threshold",
    metavar="HOW",
    help=f"How the threshold is found: {', '.join(THRESHOLDS)}; or a number of sigma (1 or more); or {RAW}NUMBER,"
    " infrared counts (0 to 255, or to 65535) [mirror].",
)
@click.option("--heal", metavar="METHOD", help=f"How to heal: {HEALING} [auto].")
@click.option(
    "--format",
    metavar="|".join(FORMATS),
    type=_choice(*FORMATS),
    help="Healed slides: a TIFF of R, G, B, or a copy of the scan's own file [rgb].",
)
@INFRARED
@click.option("--model", metavar="FILE", type=FILE, help="Model for all slides, written by irtoolkit fit.")
@click.option("--alone", is_flag=True, help="Fit every slide on its own, not as a roll.")
@click.option("--settings", "file", metavar="FILE", type=FILE, help="TOML file whose keys are the fields of Settings.")
@click.option("--workers", metavar="N", type=COUNT, help="Number of processes [as cores and memory allow].")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="A dask.distributed scheduler whose workers see the same files. Anyone who can reach it can run code on them.",
)
@click.option(
    "--roll",
    "rolls",
    metavar="folder|all",
    type=_choice("folder", "all"),
    default="folder",
    help="Whether a roll is one folder or all folders [folder].",
)
@click.option("--force", is_flag=True, help="Redo slides that are done.")
@click.option("--dry-run", is_flag=True, help="Show rolls, slides, time and space; write nothing.")
@click.option(
    "--limit",
    metavar="N",
    type=COUNT,
    help="Clean N slides, spread evenly over the rolls and within each; always the same ones [all slides].",
)
@click.option(
    "--compress",
    metavar="none|deflate",
    type=_choice("none", "deflate"),
    default="none",
    help="Compression of the healed slides of --format rgb [none].",
)
@click.option("--masks", metavar="DIR", type=FILE, help="Folder of your own masks (a_mask.tif or .png) to heal by.")
@click.option(
    "--mask-format",
    metavar="tiff|png|pfm",
    type=_choice("tiff", "png", "pfm"),
    default="tiff",
    help="Format of the masks that are written [tiff].",
)
@click.option("--watch", is_flag=True, help="Go on as new scans appear in the folders, until Ctrl-C.")
@click.option("--json", is_flag=True, help="Print one JSON object per slide.")
@click.option("--quiet", is_flag=True, help="Show no progress bar and no summary.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def clean(paths: tuple[str, ...], out: Path, **options: Any) -> int:
    """Find and heal dust and scratches. A PATH is a file, a folder (searched recursively) or a glob pattern."""
    for one, other in (("alone", "model"), *(("watch", name) for name in ("dry_run", "limit", "json", "force"))):
        if options[one] and options[other]:
            raise click.UsageError(f"--{one} and --{other.replace('_', '-')} cannot be combined; leave one out")
    choices = _read_choices(options)
    how = {"workers": options["workers"], "quiet": options["quiet"], "traces": options["debug"]}
    if options["watch"]:
        with archive.cluster_at(options["scheduler"]) as client:
            archive.watch_slides(paths, out, choices, client=client, **how)
    run = archive.plan_run(paths, out, choices, quiet=options["quiet"])
    archive.check_space(archive.estimate(run), out)
    if options["dry_run"]:
        print_plan(run, paths, options)
        return DONE
    with archive.cluster_at(options["scheduler"]) as client:
        if not options["quiet"]:
            needs = archive.describe_needs(run, archive.find_refused(run), options["workers"], client)
            print_lines(*archive.note_place(out, paths), *needs, err=options["json"])
        rows = archive.carry_out(run, client=client, **how)
    print_results(rows, paths, out, options)
    return DONE if all(row["status"] == "done" for row in rows) else SOME_REFUSED


def _read_choices(options: Mapping[str, Any]) -> "archive.Choices":
    from irtoolkit.model import open_model

    settings = archive.read_settings(options)
    try:
        model = open_model(options["model"]) if options["model"] else None
    except OSError as error:
        raise archive.CallError(f"--model {options['model']}: {str(error.strerror).lower()}") from error
    others = {name: options[name] for name in ("alone", "rolls", "force", "limit", "masks", "mask_format")}
    return archive.Choices(settings=settings, model=model, compression=options["compress"], **others)


@commands.command(short_help="Clean a small synthetic roll, to see what comes out.")
@click.argument("folder", default="irtoolkit-demo", type=FILE, metavar="[DIR]")
@QUIET
def demo(folder: Path, quiet: bool) -> int:
    """Clean a small synthetic roll, to see what comes out.

    The scans are made in the layouts of scanner programs, fitted as a roll and cleaned, in DIR [irtoolkit-demo]. That
    takes about a minute and 30 MB.
    """
    from irtoolkit.synthetic import DEMO_SLIDES, write_demo

    slides, out = folder / "slides", folder / "cleaned"
    if folder.exists() and not folder.is_dir():
        raise archive.CallError(f"{folder} is a file, not a folder; name another folder for the demo")
    print_lines(f"1. Making {DEMO_SLIDES} synthetic scans, one of them without infrared, in {slides}")
    with archive.Progress(DEMO_SLIDES, "making scans", quiet=quiet) as progress:
        list(progress.each(write_demo(slides)))
    run = archive.plan_run([str(slides)], out, archive.Choices(), quiet=quiet)
    print_lines(
        f"2. Fitting the roll and cleaning its slides into {out}",
        *archive.describe_needs(run, archive.find_refused(run)),
    )
    print_lines(archive.summarise(archive.carry_out(run, quiet=quiet)))
    print_lines("   (slide_07 has no infrared, on purpose: it is refused, and the report says why)")
    print_lines("3. Open the report in a browser:", f"   {out / 'report.html'}")
    return DONE
