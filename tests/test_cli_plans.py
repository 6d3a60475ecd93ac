"""What the command line says before and without cleaning: files, rolls, slides to clean, help."""

import json

import pytest
from click.testing import CliRunner
from commands import run

import irtoolkit as irt
from irtoolkit.cli.commands import commands
from irtoolkit.schema import VERSION
from irtoolkit.synthetic import write_scanner_file


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Three rolls of five, one and five slides; a file that is no picture, and a slide without infrared."""
    scans = tmp_path_factory.mktemp("plans") / "scans"
    counts = irt.make_slide(1, (60, 90)).counts.values
    for folder, slides in (("a", 5), ("b", 1), ("c", 5)):
        (scans / folder).mkdir(parents=True)
        for number in range(1, slides + 1):
            write_scanner_file(scans / folder / f"{number}.tif", counts)
    write_scanner_file(scans / "a" / "rgb.tif", counts, "rgb")
    (scans / "c" / "broken.tif").write_bytes(b"no picture")
    return scans


@pytest.fixture
def told(tree, tmp_path, monkeypatch, capsys):
    """A function that runs a command in the folder above the scans, and returns its status and the lines it prints."""
    monkeypatch.chdir(tree.parent)

    def call(command, *options):
        status = run(monkeypatch, command, "scans", *options)
        return status, capsys.readouterr().out.splitlines()

    return call


def as_json(lines):
    return [json.loads(line) for line in lines]


def test_info_counts_files_slides_rolls_and_what_cannot_be_used(told):
    status, lines = told("info")
    assert status == 1
    assert lines[0] == "scans/a/1.tif"
    assert lines[1] == "  VueScan RGBI, 60 rows x 90 columns, R, G, B, IR, 16 bit"
    assert lines[-3:] == [
        "13 files:",
        "  can be cleaned: 11 slides in 3 rolls",
        "  cannot be cleaned: 1 without infrared, 1 that cannot be opened",
    ]


def test_info_gives_each_reason_once_and_its_files_below_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        write_scanner_file(tmp_path / f"{name}.tif", irt.make_slide(1, (60, 90)).counts.values, "rgb")
    (tmp_path / "c.tif").write_bytes(b"no picture")
    assert run(monkeypatch, "info", ".") == 1
    first, *files, second, broken, _, none, _ = capsys.readouterr().out.splitlines()
    assert "there is no NAME_IR.tif beside it" in first
    assert files == [f"  {name}.tif: RGB, 60 rows x 90 columns, R, G, B, 16 bit" for name in "ab"]
    assert (second[:23], broken) == ("cannot be used: this is", "  c.tif")
    assert none == "  can be cleaned: 0 slides"


def test_files_of_other_kinds_are_counted_but_not_those_of_slides_and_runs(tmp_path, monkeypatch, capsys):
    scans, run_before = tmp_path / "scans", tmp_path / "scans" / "cleaned" / "report"
    run_before.mkdir(parents=True)
    write_scanner_file(scans / "a.tif", irt.make_slide(1, (96, 131)).counts.values, "sidecar")
    for name in ("b.jpg", "c.JPG", "notes.txt", "ir.pgm", ".hidden.jpg", "cleaned/report.html", "cleaned/report/d.jpg"):
        (scans / name).write_bytes(b"")
    line = "passed over: 3 files of other kinds (.jpg, .txt)"
    assert run(monkeypatch, "info", scans) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[-3:] == ["1 file:", "  can be cleaned: 1 slide in 1 roll", f"  {line}"]
    assert run(monkeypatch, "clean", scans, "--out", tmp_path / "out", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[-2] == line
    assert run(monkeypatch, "clean", scans, "--out", scans / "more", "--heal", "none") == 0
    assert line in capsys.readouterr().out.splitlines()
    assert run(monkeypatch, "info", scans / "a.tif") == 0
    assert "passed over" not in capsys.readouterr().out


def test_info_as_json_has_what_a_report_of_a_fault_needs(told):
    status, lines = told("info", "--json")
    found = {each["file"]: each for each in as_json(lines)}
    assert (status, len(found)) == (1, 13)
    slide = found["scans/a/1.tif"]
    assert (slide["version"], slide["layout"], slide["height"], slide["width"]) == (VERSION, "VueScan RGBI", 60, 90)
    assert (slide["bands"], slide["bits"], slide["error"]) == (["R", "G", "B", "IR"], 16, "")
    assert slide["tags"][0]["ImageWidth"] == "90"
    assert slide["tags"][0]["BitsPerSample"] == "16 16 16 16"
    assert found["scans/a/rgb.tif"]["bands"] == ["R", "G", "B"]
    assert found["scans/a/rgb.tif"]["error"].startswith("no infrared channel")
    assert found["scans/c/broken.tif"]["error"].startswith("this is no TIFF, DNG, PNG or PPM file")
    assert found["scans/c/broken.tif"]["tags"] == []


def test_a_dry_run_shows_rolls_and_no_files_of_slides_that_cannot_be_done(told, tree):
    status, lines = told("clean", "--out", "out", "--dry-run")
    assert status == 0
    rolls = [line for line in lines if line[0] != " "][:3]
    assert [line.split(": ")[0] for line in rolls] == ["a", "b", "c"]
    assert rolls[0].startswith("a: 5 slides, unnamed film, ")
    assert rolls[0].endswith("; fitted together; 5 to clean")
    assert rolls[1].endswith("; each slide fitted on its own; 1 to clean")
    assert "  scans/a/1.tif -> out/a/1_mask.tif, out/a/1_clean.tif" in lines
    assert [line.split(": ")[0] for line in lines if "->" not in line and line[0] == " "] == [
        "  scans/a/rgb.tif",
        "  scans/c/broken.tif",
    ]
    assert lines[-1].startswith("11 slides to clean: ")
    assert not (tree.parent / "out").exists()


@pytest.mark.parametrize(
    ("out", "notes"),
    [("scans/out", ["note: --out scans/out is inside scans; no scans are looked for in it"]), ("o", [])],
)
def test_an_output_folder_inside_the_scans_is_noted(told, out, notes):
    _, lines = told("clean", "--out", out, "--dry-run")
    assert [line for line in lines if line.startswith("note: ")] == notes


def test_a_dry_run_as_json_has_an_object_per_slide(told):
    _, lines = told("clean", "--out", "out", "--dry-run", "--json", "--heal", "none")
    planned = {each["slide"]: each for each in as_json(lines)}
    assert len(planned) == 13
    assert planned["a/1.tif"]["outputs"] == ["out/a/1_mask.tif"]
    assert (planned["a/1.tif"]["roll"], planned["a/1.tif"]["status"]) == ("a", "to clean")
    assert (planned["a/rgb.tif"]["status"], planned["a/rgb.tif"]["outputs"]) == ("refused", [])
    assert planned["a/rgb.tif"]["reason"].startswith("no infrared channel")


@pytest.mark.parametrize(
    ("limit", "slides"),
    [
        (1, ["a/1.tif"]),
        (3, ["a/1.tif", "b/1.tif", "c/1.tif"]),
        (5, ["a/1.tif", "a/3.tif", "b/1.tif", "c/1.tif", "c/3.tif"]),
    ],
)
def test_a_limit_takes_slides_spread_over_the_rolls_and_within_each(told, limit, slides):
    for _ in range(2):
        _, lines = told("clean", "--out", "out", "--dry-run", "--json", "--limit", limit)
        assert [each["slide"] for each in as_json(lines)] == slides


@pytest.mark.parametrize("limit", [1, 11, 13])
def test_a_limit_hides_no_file_that_cannot_be_cleaned(told, limit):
    _, lines = told("clean", "--out", "out", "--dry-run", "--limit", limit)
    assert sum("->" in line for line in lines) == min(limit, 11)
    reasons = [line for line in lines if line.startswith("cannot be used: ")]
    assert [lines[lines.index(reason) + 1].split(": ")[0] for reason in reasons] == [
        "  scans/a/rgb.tif",
        "  scans/c/broken.tif",
    ]
    assert "cannot be cleaned: 1 without infrared, 1 that cannot be opened" in lines


def test_a_limit_takes_what_cannot_be_used_last(told):
    for limit, refused in ((11, 0), (12, 1), (13, 2), (20, 2)):
        _, lines = told("clean", "--out", "out", "--dry-run", "--json", "--limit", limit)
        assert [each["status"] for each in as_json(lines)].count("refused") == refused
        assert len(lines) == min(limit, 13)


@pytest.mark.parametrize("command", [[], *([name] for name in commands.commands)])
def test_help_is_not_cut_at_80_columns(command):
    text = CliRunner().invoke(commands, [*command, "--help"], terminal_width=80).output
    assert text.startswith("Usage: ")
    assert "..." not in text.replace("PATH...", "").replace("[ARGS]...", "")
    assert max(map(len, text.splitlines())) <= 80
