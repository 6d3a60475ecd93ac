"""A folder is watched while scans appear in it: complete ones are cleaned, and their roll is fitted as it grows."""

import shutil
from collections.abc import Callable

import pytest
from archives import SHAPE
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import Choices, watch
from irtoolkit.archive import run as archive
from irtoolkit.archive.tasks import CallError
from irtoolkit.synthetic.scanner_files import write_scanner_file

MASKS = Choices(settings=irt.Settings(heal="none"))


class Time:
    """A clock that only waiting moves on; each wait is followed by the next event, the last by Ctrl-C."""

    def __init__(self, events: list[Callable[[], object]]) -> None:
        self.now, self.events = 0.0, iter(events)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for event in self.events:
            event()
            return
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    for number in range(1, 5):
        counts = irt.make_slide(number, SHAPE, scanner="plustek", roll=1).counts.values
        write_scanner_file(folder / f"{number}.tif", counts, layout="vuescan-rgbi")
    return folder


@pytest.fixture
def scans(tmp_path):
    (tmp_path / "scans").mkdir()
    return tmp_path / "scans"


@pytest.fixture
def done(monkeypatch):
    """Slides that were cleaned, one list for each round."""
    rounds, clean_job, carry_out = [], archive.clean_job, watch.carry_out
    monkeypatch.setattr(archive, "clean_job", lambda job: rounds[-1].append(job.task.slide[0]) or clean_job(job))
    monkeypatch.setattr(watch, "carry_out", lambda *given, **how: rounds.append([]) or carry_out(*given, **how))
    return rounds


def until_stopped(monkeypatch, scans, out, events):
    monkeypatch.setattr(watch, "time", Time(events))
    with pytest.raises(KeyboardInterrupt):
        watch.watch_slides([str(scans)], out, MASKS, workers=1, quiet=True)


def pause():
    """Nothing happens."""


def test_slides_are_cleaned_as_they_come_and_the_roll_is_fitted_when_it_has_doubled(
    slides, scans, tmp_path, monkeypatch, done
):
    events = []
    for number in range(1, 5):
        events += [lambda file=f"{number}.tif": shutil.copy(slides / file, scans), pause, pause, pause]
    until_stopped(monkeypatch, scans, tmp_path / "out", events)
    assert ["".join(each) for each in done] == ["1", "12", "3", "1234"]
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["done"] * 4
    assert (tmp_path / "out" / "report.html").is_file()
    done.clear()
    irt.clean_archive(scans, tmp_path / "out", settings=MASKS.settings, workers=1, quiet=True)
    assert not done


@pytest.mark.changes_sources
def test_a_slide_that_is_still_being_written_waits_until_it_is_whole(slides, scans, tmp_path, monkeypatch, done):
    content = (slides / "1.tif").read_bytes()
    parts = [content[: len(content) * share // 4] for share in (1, 2, 3)]
    events = [lambda part=part: (scans / "1.tif").write_bytes(part) for part in parts]
    events += [pause] * 4
    until_stopped(monkeypatch, scans, tmp_path / "out", events)
    assert done == []
    until_stopped(monkeypatch, scans, tmp_path / "out", [lambda: (scans / "1.tif").write_bytes(content), *[pause] * 3])
    assert done == [["1"]]


def test_infrared_that_comes_later_is_waited_for(slides, scans, tmp_path, monkeypatch, done):
    counts = irt.open_slide(slides / "1.tif").counts.values
    (tmp_path / "pair").mkdir()
    write_scanner_file(tmp_path / "pair" / "1.tif", counts, layout="sidecar")
    (infrared,) = (file for file in (tmp_path / "pair").iterdir() if file.name != "1.tif")
    events = [lambda: shutil.copy(tmp_path / "pair" / "1.tif", scans), pause]
    events += [lambda: shutil.copy(infrared, scans), *[pause] * 3]
    until_stopped(monkeypatch, scans, tmp_path / "out", events)
    assert done == [["1"]]
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["done"]


def test_what_is_never_whole_is_refused_in_the_end(slides, scans, tmp_path, monkeypatch, done):
    (scans / "1.tif").write_bytes((slides / "1.tif").read_bytes()[:-9000])
    until_stopped(monkeypatch, scans, tmp_path / "out", [pause] * int(watch.PATIENCE / watch.POLL + 1))
    (row,) = rows_of(tmp_path / "out")
    assert "truncated" in row["reason"]


def test_ctrl_c_ends_with_130_and_leaves_table_and_report(slides, scans, tmp_path, monkeypatch, capsys):
    shutil.copy(slides / "1.tif", scans)
    monkeypatch.setattr(watch, "time", Time([pause] * 3))
    assert run(monkeypatch, "clean", scans, "--out", tmp_path / "out", "--heal", "none", "--watch") == 130
    told = capsys.readouterr().err
    assert "waiting for slides in" in told
    assert "1 slide: 1 to look at" in told
    assert len(rows_of(tmp_path / "out")) == 1


def test_only_folders_are_watched_and_not_with_options_that_end_a_run(slides, scans, tmp_path, monkeypatch, capsys):
    with pytest.raises(CallError, match="name a folder in which scans appear"):
        watch.watch_slides([str(slides / "1.tif")], tmp_path / "out", MASKS)
    for option in ("--dry-run", "--json", "--force"):
        assert run(monkeypatch, "clean", scans, "--out", tmp_path / "out", "--watch", option) == 2
        assert f"--watch and {option} cannot be combined" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
