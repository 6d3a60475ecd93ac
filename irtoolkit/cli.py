"""The command line: info, fit, clean, demo."""

import json
import sys
import tomllib
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import locket
import xarray as xr
from tqdm import tqdm

from irtoolkit.archive import CallError, Task, check_outputs, clean_slides, find_slides, fit_rolls, fit_tasks, ignore
from irtoolkit.inpainting import check_method
from irtoolkit.layouts import find_layout
from irtoolkit.model import open_model, write_model
from irtoolkit.report import write_report
from irtoolkit.results import Row, write_table
from irtoolkit.schema import VERSION, LayoutError, SlideError
from irtoolkit.settings import HEALING_METHODS, RAW, THRESHOLDS, Settings
from irtoolkit.synthetic import make_roll
from irtoolkit.targets import check_target, remove_leftovers

DONE, SOME_REFUSED, WRONG_CALL, INTERRUPTED = 0, 1, 2, 130
THRESHOLD = "|".join((*THRESHOLDS, "NUMBER", f"{RAW}NUMBER"))
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


def main() -> None:
    """Run the command line; exit status 0 done, 1 some slide refused or failed, 2 wrong call, 130 stopped."""
    try:
        sys.exit(commands.main(standalone_mode=False) or DONE)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(WRONG_CALL)
    except (click.ClickException, SlideError) as error:
        _say(error.format_message() if isinstance(error, click.ClickException) else str(error))
        sys.exit(WRONG_CALL)
    except OSError as error:
        _say(str(error))
        sys.exit(SOME_REFUSED)
    except (KeyboardInterrupt, click.Abort):
        _say("stopped; slides under their final names are complete")
        sys.exit(INTERRUPTED)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(VERSION, prog_name="irtoolkit")
def commands() -> None:
    """Find and heal dust and scratches on scanned film from the scanner's infrared channel."""


@commands.command()
@PATHS
def info(paths: tuple[str, ...]) -> int:
    """Say what each file is: layout, size, bands, bit depth, scanner, film, resolution, profile."""
    tasks, status = find_slides(paths), DONE
    for task in tasks:
        try:
            click.echo(_describe(task.path))
        except (SlideError, OSError) as error:
            click.echo(f"{task.path}\n  cannot be used: {str(error).removeprefix(f'{task.path}: ')}")
            status = SOME_REFUSED
    return status


def _describe(path: Path) -> str:
    layout = find_layout(path)
    about = layout.metadata
    bands = "R, G, B, IR" if layout.infrared else "R, G, B"
    lines = [
        f"{path}",
        f"  {layout.name}, {layout.height} rows x {layout.width} columns, {bands}, {layout.bits} bit",
        f"  {about['dpi']:g} dpi" + (f" ({about['dpi_note']})" if about["dpi_note"] else ""),
    ]
    told = ("scanner", "film", "polarity", "software", "profile")
    lines += [f"  {name}: {about[name]}" for name in told if about[name]]
    if not layout.infrared:
        raise LayoutError("\n".join([*lines[1:], f"  {layout.missing}"]).strip())
    return "\n".join(lines)


@commands.command()
@PATHS
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON file for the model.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def fit(paths: tuple[str, ...], out: Path, quiet: bool) -> int:
    """Fit one crosstalk model for the slides of a roll, as JSON."""
    tasks = find_slides(paths)
    check_target(out, [task.path for task in tasks])
    if out.is_dir():
        raise CallError(f"{out}: expected a file to write the model to, found a folder")
    refused: list[Task] = []

    def tell(task: Task, error: Exception) -> None:
        refused.append(task)
        _say(f"{task.path}: {str(error).removeprefix(f'{task.path}: ')}")

    model = fit_tasks(_progress(tasks, len(tasks), quiet), tell)
    write_model(model, out)
    click.echo(
        f"{out}: {len(tasks) - len(refused)} slides, r2 {float(model.r2):.3f}, slopes {float(model.slopes):.3f}, "
        f"blur {float(model.blur):.1f} px, sigma {float(model.sigma):.4f}"
    )
    return SOME_REFUSED if refused else DONE


@commands.command()
@PATHS
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for masks, healed slides, report.")
@click.option("--fdr", type=float, help="False discovery rate: share of what is marked that may be no defect [0.05].")
@click.option("--visibility", type=float, help="Leave regions alone that show less than this many times the noise [3].")
@click.option("--threshold", metavar=THRESHOLD, help="Method, NUMBER in sigma, or infrared counts [mirror].")
@click.option("--heal", metavar="METHOD", help=f"{', '.join(HEALING_METHODS)} (only masks) [auto].")
@click.option("--model", type=click.Path(path_type=Path), help="Model of the roll, from fit.")
@click.option("--alone", is_flag=True, help="Fit every slide by itself.")
@click.option("--settings", "file", type=click.Path(path_type=Path), help="TOML file with the fields of Settings.")
@click.option("--workers", type=int, help="Processes; more than 1 comes with a later version.")
@click.option("--scheduler", help="A dask.distributed scheduler; comes with a later version.")
@click.option("--force", is_flag=True, help="Redo what is done (for now, every run does).")
@click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many slides.")
@click.option("--compress", type=click.Choice(["none", "deflate"]), default="none", help="Of the healed slides.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a slide on standard output.")
@click.option("--quiet", is_flag=True, help="No progress bar, no summary.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def clean(paths: tuple[str, ...], out: Path, **options: Any) -> int:
    """Mask and heal slides; a PATH is a file, a folder (searched below) or a glob."""
    _refuse_later(options)
    if options["alone"] and options["model"]:
        raise click.UsageError("--alone and --model exclude each other")
    with _wrong_call():
        settings = _settings(options)
        model = open_model(options["model"]) if options["model"] else None
    check_method(settings.heal)
    tasks = find_slides(paths, out)[: options["limit"]]
    check_outputs(tasks, out)
    if options["dry_run"]:
        for task in tasks:
            click.echo(f"{task.path} -> {task.output(out, '_mask.tif')}, {task.output(out, '_clean.tif')}")
        return DONE
    with _sole_user(out):
        remove_leftovers(out)
        return _clean(tasks, out, settings, model, options)


def _refuse_later(options: dict[str, Any]) -> None:
    if options["scheduler"] is not None or (options["workers"] or 1) != 1:
        raise click.UsageError("--scheduler and more than one of --workers come with a later version")


@contextmanager
def _wrong_call() -> Iterator[None]:
    """Turn a file that cannot be read into a wrong call."""
    try:
        yield
    except OSError as error:
        raise CallError(str(error)) from error


def _settings(options: dict[str, Any]) -> Settings:
    """Settings from the TOML file, overruled by the options that were given."""
    chosen: dict[str, Any] = {}
    if options["file"]:
        try:
            chosen = tomllib.loads(options["file"].read_text(encoding="utf-8"))
        except ValueError as error:
            raise CallError(f"{options['file']}: expected TOML: {error}") from error
        unknown = set(chosen) - {field.name for field in fields(Settings)}
        if unknown:
            raise click.UsageError(f"{options['file']}: no such settings: {', '.join(sorted(unknown))}")
    names = {"fdr": "false_discovery_rate", "visibility": "visibility", "threshold": "threshold", "heal": "heal"}
    chosen |= {name: options[option] for option, name in names.items() if options[option] is not None}
    return Settings(**chosen)


@contextmanager
def _sole_user(folder: Path) -> Iterator[None]:
    """Hold the output folder, so that no other run writes to it."""
    lock = locket.lock_file(str(folder / ".irtoolkit.lock"), timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise CallError(f"{folder}: expected a folder that can be written to: {error}") from error
    except locket.LockError as error:
        raise CallError(f"{folder} is in use by another run; wait for it, or write to another folder") from error
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            (folder / ".irtoolkit.lock").unlink()


def _clean(tasks: list[Task], out: Path, settings: Settings, model: xr.Dataset | None, options: dict[str, Any]) -> int:
    given = {task.path: model for task in tasks} if model is not None else {}
    models = given if given or options["alone"] else fit_rolls(tasks)
    tell = _print_traceback if options["debug"] else ignore
    rows: list[Row] = []
    cleaned = clean_slides(
        tasks, out, settings=settings, models=models, compression=options["compress"], on_refused=tell
    )
    try:
        for row in _progress(cleaned, len(tasks), options["quiet"]):
            rows.append(row)
            _tell_row(row, options["as_json"])
    finally:
        write_table(rows, out / "slides.csv")
        write_report(rows, out / "report.html")
    if not (options["quiet"] or options["as_json"]):
        done = sum(row["status"] == "done" for row in rows)
        click.echo(f"{done} of {len(rows)} slides done; look at {out / 'report.html'}")
    return DONE if all(row["status"] == "done" for row in rows) else SOME_REFUSED


def _print_traceback(task: Task, error: Exception) -> None:  # noqa: ARG001
    traceback.print_exception(error)


def _tell_row(row: Row, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row))
    if row["status"] != "done":
        _say(f"{row['slide']}: {row['status']}: {row['reason']}")


@commands.command()
@click.argument("folder", default="irtoolkit-demo", type=click.Path(path_type=Path), metavar="[DIR]")
def demo(folder: Path) -> int:
    """Make a small synthetic roll in real scanner layouts, fit it, clean it, write the report, say where."""
    slides, out = folder / "slides", folder / "cleaned"
    click.echo(f"making a roll in {slides}")
    make_roll(slides, refused=True)
    tasks = find_slides([str(slides)])
    click.echo("fitting the roll")
    model = fit_tasks(tasks, ignore)
    write_model(model, folder / "model.json")
    click.echo("cleaning")
    with _sole_user(out):
        options = {"alone": False, "compress": "none", "quiet": False, "as_json": False, "debug": False}
        _clean(tasks, out, Settings(), model, options)
    click.echo("(slide_07 has no infrared: a slide that cannot be cleaned becomes a row that says why)")
    return DONE


def _progress(items: Iterable[Any], total: int, quiet: bool) -> Iterable[Any]:
    return tqdm(items, total=total, unit="slide", disable=quiet or not sys.stderr.isatty())


def _say(message: str) -> None:
    tqdm.write(f"irtoolkit: {' '.join(message.split())}", file=sys.stderr)
