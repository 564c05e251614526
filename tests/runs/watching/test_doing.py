"""What goes on in a folder, whatever is missing, damaged or half written in it."""

import json
import os

import pytest

from tuneful.runs.watching.doing import doing_in, last_step


def test_from_nothing_to_a_result(begun, held, tmp_path):
    assert doing_in(tmp_path / "absent").state == "nothing"
    folder = begun()
    assert (doing_in(folder).state, doing_in(folder).last) == ("stopped", None)
    assert "stopped before its first step; the same command with --resume goes on" in doing_in(folder).words
    held(folder)
    assert "compiling the first step" in doing_in(folder).words
    before = doing_in(begun(20)).stamp
    assert doing_in(folder).words.endswith(": step 20 is taken.")
    assert doing_in(folder).last == pytest.approx((folder / "metrics.jsonl").stat().st_mtime)
    (folder / "fitted.json").write_text("{}")
    assert "curves of the fitted circuit are drawn" in doing_in(folder).words
    (folder / "result.json").write_text('{"steps": 20}')
    assert doing_in(folder).has_result
    assert doing_in(folder).stamp != before
    (folder / "inference_settings.json").write_text("{}")
    assert "an inference is at work in its folder" in doing_in(folder).words


def test_a_run_that_is_extended_has_no_result_yet(begun, held):
    folder = begun(20)
    (folder / "result.json").write_text('{"steps": 20}')
    os.utime(folder / "result.json", ns=(0, 0))  # older than its configuration: of a copy, or of a run gone on with
    assert doing_in(folder).has_result
    assert doing_in(held(folder)).state == "goes on"
    (folder / ".tuneful.holder.json").unlink()
    begun(30)
    assert doing_in(folder).state == "stopped"


def test_a_job_that_failed_says_why_in_one_line(begun):
    folder = begun(3)
    (folder / "failure.json").write_text(json.dumps({"why": "no\x1b[2J memory " + "x" * 9999}))
    found = doing_in(folder)
    assert found.state == "failed"
    assert "after step 3: no\\x1b[2J memory" in found.words
    assert len(found.words) < 400


@pytest.mark.parametrize(
    ("log", "step"),
    [
        (b"", None),
        (b'{"step": 7}\n{"step": 8, "lo', 7),
        (b'{"step": 7}\n\0\0\0\0', 7),
        (b"\xff\xfe\n" * 9, None),
        (b'[1]\n{"step": "many"}\n{"step": NaN}\n', None),
    ],
)
def test_the_last_whole_line_counts(tmp_path, log, step):
    (tmp_path / "metrics.jsonl").write_bytes(log)
    assert last_step(tmp_path) == step


@pytest.mark.parametrize(
    "name", ["config.json", "result.json", "failure.json", "metrics.jsonl", ".tuneful.holder.json"]
)
@pytest.mark.parametrize("content", ["", "[]", "{", "\0", '{"process": "x", "host": 1}', '{"step": Infinity}'])
def test_damaged_files_are_survived(begun, name, content):
    folder = begun(3)
    (folder / name).write_text(content)
    assert doing_in(folder).state in ("stopped", "finished", "failed", "goes on")  # the last by somebody elsewhere
    os.unlink(folder / name)
    (folder / name).mkdir()
    assert doing_in(folder).state in ("nothing", "stopped")
