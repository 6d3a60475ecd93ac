"""Settings and decisions that a person wrote: whatever they hold, the answer is one sentence with file and field."""

import dataclasses
import json
import shutil

import pytest
from archives import SHAPE
from commands import rows_of, run

import irtoolkit as irt
from irtoolkit.archive import Decision, decisions
from irtoolkit.archive.decisions import read_decisions, read_entries, write_decisions
from irtoolkit.archive.options import read_settings
from irtoolkit.archive.tasks import CallError
from irtoolkit.synthetic.scanner_files import write_scanner_file

OPTIONS = dict.fromkeys(("fdr", "visibility", "threshold", "heal", "format", "infrared"))
FIELDS = [field.name for field in dataclasses.fields(irt.Settings)]

TOML = (
    *("0", "1", "-1", "0.5", "1e400", "inf", "-inf", "nan", "true", "false", "9" * 400, "-" + "9" * 400, "0xff"),
    *('""', '"text"', '"inf"', '"nan"', '"raw:"', '"raw:nan"', '"raw:1e999"', '"a\\u0000b"', f'"{"x" * 9999}"'),
    *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "[]", "[1]", "[[]]", "[[1, 2, 3]]", "[[0, 0, 1, 1]]"),
    *("[[0, 0, true, true]]", "[[0, 0, 1.5, 2]]", f"[[0, 0, 1, {'9' * 40}]]", "[[nan, 0, 1, 1]]", '["abcd"]'),
    *("[1979-05-27]", "{}", "{a = 1}", "[{a = 1}]", "[" * 60 + "]" * 60),
)


@pytest.mark.parametrize("name", FIELDS)
def test_settings_with_any_value_are_settings_or_a_sentence_with_file_and_field(tmp_path, name):
    file, refused = tmp_path / "settings.toml", 0
    for value in TOML:
        file.write_text(f"{name} = {value}\n")
        try:
            settings = read_settings({**OPTIONS, "file": file})
        except CallError as error:
            refused += 1
            message = str(error)
            assert message.startswith(f"{file}: {name} must be ") or message.startswith(f"{file} is not a TOML file: ")
            assert "\n" not in message
            assert len(message) < 600
        else:
            assert dataclasses.replace(settings) == settings
            json.dumps(dataclasses.asdict(settings), allow_nan=False)
    assert refused > len(TOML) / 2


@pytest.mark.parametrize("value", ["inf", "nan", "-inf", "9" * 400, "1979-05-27", "[1.0]", "{a = 1}"])
@pytest.mark.parametrize("name", ["grain", "visibility", "false_discovery_rate"])
def test_what_is_no_finite_number_is_refused(tmp_path, name, value):
    (tmp_path / "settings.toml").write_text(f"{name} = {value}\n")
    with pytest.raises(CallError, match=rf"settings\.toml: {name} must be a number, not "):
        read_settings({**OPTIONS, "file": tmp_path / "settings.toml"})


@pytest.mark.parametrize(
    "content",
    [b"grain = " + b"[" * 10**5, b"\xff\xfe", b"grain = 1\ngrain = 2\n", b"grain = " + b"9" * 10**4, b" " * 2**21],
)
def test_what_is_no_settings_file_is_a_sentence(tmp_path, content):
    (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(CallError, match=r"settings\.toml is not a TOML file: "):
        read_settings({**OPTIONS, "file": tmp_path / "settings.toml"})


@pytest.mark.parametrize(
    "infrared", [-1, 1.0, True, None, [1], "a/b", "a\0b", "sample:", "sample:x", "sample:" + "9" * 99]
)
def test_what_is_no_place_of_the_infrared_is_refused(infrared):
    with pytest.raises(irt.SlideError, match="infrared must be the number of a page"):
        irt.Settings(infrared=infrared)


@pytest.mark.parametrize("infrared", [0, 3, "3", "-ir.tif", "_NIR.tif", "sample:3", ""])
def test_a_place_of_the_infrared_is_kept(infrared):
    assert irt.Settings(infrared=infrared).infrared == str(infrared)


JSON = (
    *("null", "true", "0", "-1", "1", "4.5", "1e400", "-1e400", "NaN", "Infinity", "9" * 5000, '""', '"text"', '"5"'),
    *('"rejected"', "[]", "[1]", "[[]]", "[[0, 0, 1, 1]]", "[[0, 0, true, true]]", "[[0, 0, 1, 1e3]]", "[null]"),
    *('["abcd"]', f"[[0, 0, 1, {'9' * 5000}]]", "{}", '{"a": 1}', "[" * 60 + "]" * 60, r'"\ud800"', r'"\u0000"'),
)
GOOD = '{"verdict": "accepted"}'


def put(folder, entries):
    lines = ", ".join(f"{json.dumps(slide)}: {text}" for slide, text in entries.items())
    file = folder / "decisions.json"
    file.write_text(f'{{"kind": "irtoolkit decisions", "version": 1, "slides": {{{lines}}}}}')
    return file


@pytest.mark.parametrize("name", ["verdict", "threshold", "excluded", "other", ""])
def test_an_entry_with_any_value_is_a_decision_or_stays_as_it_is_written(tmp_path, name):
    odd = 0
    for value in JSON:
        text = f'{{"{name}":  {value}}}' if name else value
        file = put(tmp_path, {"one.tif": text, "two.tif": GOOD})
        entries = read_entries(tmp_path)
        assert entries.decisions["two.tif"] == Decision(verdict="accepted")
        assert ("one.tif" in entries.decisions) != ("one.tif" in entries.problems)
        write_decisions({"three.tif": Decision(threshold=5.0)}, tmp_path)
        kept = {slide: decision for slide, decision in entries.decisions.items() if decision != Decision()}
        assert read_entries(tmp_path).decisions == {**kept, "three.tif": Decision(threshold=5.0)}
        if problem := entries.problems.get("one.tif"):
            odd += 1
            assert name in problem
            assert len(problem) < 400
            assert f'"one.tif": {text}' in file.read_text()
        else:
            decision = entries.decisions["one.tif"]
            decision.settings(irt.Settings())
            assert Decision(**json.loads(json.dumps(decisions._plain(decision)))) == decision
    assert odd > len(JSON) / 2


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[" * 10**5, "1", "null", '{"kind": "irtoolkit decisions", "version": 1}'),
        *(f'{{"kind": "irtoolkit decisions", "version": 1, "slides": {slides}}}' for slides in ("[]", "null", "1")),
        *(f'{{"kind": {kind}, "version": 1, "slides": {{}}}}' for kind in ("[]", "{}", "1e999")),
        *(f'{{"kind": "irtoolkit decisions", "version": {version}, "slides": {{}}}}' for version in ("2", '"1"', "[]")),
        '{"kind": "irtoolkit decisions", "version": 1, "slides": {"a": ' + '{"a":' * 10**5,
    ],
)
def test_a_file_that_is_no_file_of_decisions_is_refused_as_a_whole(tmp_path, text):
    (tmp_path / "decisions.json").write_text(text)
    with pytest.raises(irt.SlideError, match=r"decisions\.json cannot be read as irtoolkit decisions.*move it away"):
        read_decisions(tmp_path)
    with pytest.raises(irt.SlideError, match="cannot be read"):
        write_decisions({"a.tif": Decision(verdict="accepted")}, tmp_path)
    assert (tmp_path / "decisions.json").read_text() == text


def test_a_new_decision_replaces_an_entry_that_is_none_and_none_removes_it(tmp_path):
    put(tmp_path, {"one.tif": '{"verdict": 5}', "two.tif": "7", "three.tif": "8"})
    write_decisions({"one.tif": Decision(verdict="rejected"), "two.tif": Decision()}, tmp_path)
    entries = read_entries(tmp_path)
    assert entries.decisions == {"one.tif": Decision(verdict="rejected")}
    assert entries.texts == {"three.tif": "8"}


def test_a_run_names_an_entry_that_is_no_decision_and_applies_the_others(tmp_path, monkeypatch, capsys):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    counts = irt.make_slide(5, SHAPE, scanner="plustek", roll=1).counts.values
    write_scanner_file(scans / "a.tif", counts, layout="vuescan-rgbi")
    shutil.copy(scans / "a.tif", scans / "b.tif")
    out.mkdir()
    bad = '{"threshold": 0.1,  "excluded": [[1, 2]]}'
    file = put(out, {"a.tif": bad, "b.tif": '{"verdict": "rejected"}'})
    assert run(monkeypatch, "clean", scans, "--out", out, "--alone", "--quiet") == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "a.tif: its entry in decisions.json is no decision and is left out: threshold must be" in told
    rows = {row["slide"]: row for row in rows_of(out)}
    assert "its entry in decisions.json is no decision" in rows["a.tif"]["note"]
    assert (rows["a.tif"]["decision"], rows["b.tif"]["decision"]) == ("", "rejected")
    assert f'"a.tif": {bad}' in file.read_text()
