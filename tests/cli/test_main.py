"""What the program says besides the events of a run: of its errors, of a library, of a copy. No Blender needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.samples import write_samples
from glb_batch_validator_addon.cli import main as program
from glb_batch_validator_addon.cli.main import guarded, main
from glb_batch_validator_addon.errors import InterruptedRunError, UnavailableError


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    write_samples(tmp_path / "library")
    return tmp_path / "library"


@pytest.fixture
def event(capsys: pytest.CaptureFixture[str]) -> Any:
    """The only event of a call with `--json`, and its exit code."""

    def call(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = main([*map(str, arguments), "--json"])
        (line,) = capsys.readouterr().out.splitlines()
        return code, json.loads(line)

    return call


def test_an_error_is_a_sentence_on_stderr_and_with_json_an_event(samples, capsys, event):
    wrong = ("--folder", str(samples), "--blender", "/no/such/blender", "--data-folder", str(samples / "data"))
    assert main([*wrong]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err[:6]) == ("", "error:")
    message = said.err.strip().removeprefix("error: ")
    assert event(*wrong) == (2, {"event": "run_failed", "message": message, "exit_code": 2})


@pytest.mark.parametrize(
    "error", [InterruptedRunError("It was stopped by SIGTERM."), UnavailableError("The database does not answer.")]
)
def test_what_is_worth_to_be_tried_again_has_the_code_of_an_interruption(error, capsys):
    """Schedulers do not repeat a job that ends with 2."""

    def fail() -> int:
        raise error

    assert guarded(fail, ["--json"]) == 4
    assert json.loads(capsys.readouterr().out) == {"event": "run_failed", "message": str(error), "exit_code": 4}


def test_options_that_do_not_go_together_are_an_event(samples, event):
    assert event("--folder", samples, "--copy", "a.glb")[1]["event"] == "run_failed"


def test_a_fault_of_ours_is_an_event_and_goes_on_to_whoever_prints_the_traceback(samples, monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(program, "find_launcher", fail)
    with pytest.raises(RuntimeError):
        main(["--folder", str(samples), "--data-folder", str(samples / "data"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told == {"event": "run_failed", "message": "An internal error: RuntimeError: boom", "exit_code": 70}


# --check


def test_a_folder_is_said_to_be_readable_and_writable_after_both_were_tried(samples, capsys, event):
    uri, before = samples.as_uri(), set(samples.rglob("*"))
    message = f"{uri} can be read. Reports can be written there."
    assert main(["--folder", str(samples), "--check"]) == 0
    assert capsys.readouterr().out == f"{message}\n"
    assert event("--folder", samples, "--check") == (
        0,
        {"event": "library_checked", "library": uri, "message": message},
    )
    assert set(samples.rglob("*")) == before


def test_reports_elsewhere_are_checked_there(samples, tmp_path, event):
    code, told = event("--folder", samples, "--check", "--reports-to", tmp_path / "reports")
    assert code == 0
    assert f"Reports can be written to {(tmp_path / 'reports').as_uri()}." in told["message"]
    (tmp_path / "file").touch()
    code, told = event("--folder", samples, "--check", "--reports-to", tmp_path / "file")
    assert (code, told["event"]) == (2, "run_failed")


def test_an_empty_library_is_said_to_be_empty(tmp_path, event):
    assert "there is nothing in it" in event("--folder", tmp_path, "--check")[1]["message"]


def test_a_library_that_cannot_be_used_is_said_to_be_so(tmp_path, event):
    code, told = event("--folder", tmp_path / "nowhere", "--check")
    assert (code, told["event"], "nowhere" in told["message"]) == (2, "run_failed", True)
    code, told = event("--bucket", "b", "--region", "us-east-1", "--check")
    assert (code, "credentials" in told["message"]) == (2, True)


# --copy


def test_a_copy_is_laid_out_in_a_new_folder_each_time(samples, tmp_path, event):
    key, folders = "references/props/external texture.glb", set()
    for _ in range(2):
        code, told = event("--folder", samples, "--copy", key, "--output", tmp_path / "out")
        assert (code, told["event"], told["key"]) == (0, "asset_copied", key)
        copy = Path(told["path"])
        assert copy.name == "external texture.glb"
        assert copy.read_bytes() == (samples / key).read_bytes()
        assert (copy.parent / "../textures/checker board.png").is_file()
        folders.add(copy.relative_to((tmp_path / "out").resolve()).parts[0])
    assert folders == {path.name for path in (tmp_path / "out").iterdir()}
    assert len(folders) == 2


def test_without_json_the_path_of_the_copy_is_printed(samples, tmp_path, capsys):
    assert main(["--folder", str(samples), "--copy", "good/cube.glb", "--output", str(tmp_path / "out")]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == (samples / "good/cube.glb").read_bytes()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("broken/lfs pointer.glb", "Git LFS pointer"),
        ("broken/deep json.glb", "max_json_depth"),
        ("good/none.glb", "no such file"),
        ("../outside.glb", "leads out"),
    ],
)
def test_what_cannot_be_read_gives_its_sentence_and_no_folder(samples, tmp_path, event, key, words):
    (tmp_path / "outside.glb").write_bytes((samples / "good/cube.glb").read_bytes())
    code, told = event("--folder", samples, "--copy", key, "--output", tmp_path / "out")
    assert (code, told["event"], told["exit_code"], words in told["message"]) == (3, "run_failed", 3, True)
    assert not list((tmp_path / "out").glob("*"))


def test_what_is_too_large_is_not_fetched(samples, tmp_path, event):
    wanted = ("--copy", "good/heavy.glb", "--output", tmp_path / "out", "--max-size-mb", 1)
    code, told = event("--folder", samples, *wanted)
    assert (code, "--max-size-mb" in told["message"]) == (3, True)


def test_an_output_that_cannot_be_made_is_named(samples, tmp_path, event):
    (tmp_path / "file").touch()
    code, told = event("--folder", samples, "--copy", "good/cube.glb", "--output", tmp_path / "file")
    assert (code, "--output" in told["message"]) == (2, True)
