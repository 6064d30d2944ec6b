"""Verdicts, and what becomes of them when an asset is hostile."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from demo.glb_builder import glb
from demo.samples import small_assets
from glb_batch_validator_addon.khronos import context
from glb_batch_validator_addon.khronos import validator as room
from glb_batch_validator_addon.khronos.validator import (
    MAX_ITEMS,
    MAX_PER_CODE,
    MAX_TEXT,
    NotCheckedError,
    open_validator,
)
from tests.conftest import ROOT
from tests.glb.documents import glb_of

GOOD = next(small_assets(1, seed=1))[1]
NAN = struct.pack("<3f", float("nan"), 0, 0)


def points(count: int, positions: bytes, **more: object) -> bytes:
    """A GLB with one mesh of points, whose bounds are said to be those of the origin."""
    bounds = {"min": [0, 0, 0], "max": [0, 0, 0]}
    accessor = {"bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3", **bounds}
    document = {
        "buffers": [{"byteLength": len(positions)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(positions), "target": 34962}],
        "accessors": [accessor],
        "meshes": [{"primitives": [{"mode": 0, "attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        **more,
    }
    return glb_of(document, positions)


def chain(length: int) -> bytes:
    """Nodes below each other: the validator walks from each of them to the root."""
    return glb_of({"nodes": [*({"children": [n + 1]} for n in range(length - 1)), {}]})


def codes(report) -> set[str]:
    return {message.code for message in report.messages}


# --- Verdicts


def test_a_good_asset(validator):
    report = validator.validate(GOOD)
    assert (report.counts["error"], report.counts["warning"]) == (0, 0)
    assert report.info["version"] == "2.0"
    assert report.complete
    assert report.version == validator.version == "2.0.0-dev.3.10"
    assert validator.validate(memoryview(bytearray(GOOD))) == report


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "GLB_UNEXPECTED_END_OF_HEADER"),
        (b"glTF", "GLB_UNEXPECTED_END_OF_HEADER"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "GLB_INVALID_MAGIC"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "GLB_INVALID_MAGIC"),
        (GOOD[:-1000], "GLB_UNEXPECTED_END_OF_CHUNK_DATA"),
        (glb(b'{"asset": {"version": "2.0"'), "INVALID_JSON"),
    ],
)
def test_what_is_no_glb_has_a_proper_report(validator, data, code):
    report = validator.validate(data)
    assert code in codes(report)
    assert report.counts["error"]
    assert report.complete


def test_an_issue_has_a_pointer_or_an_offset(validator):
    (in_json,) = (m for m in validator.validate(glb_of({"scene": 7})).messages if m.code == "UNRESOLVED_REFERENCE")
    assert (in_json.severity, in_json.pointer, in_json.offset) == ("error", "/scene", None)
    (in_bytes,) = (m for m in validator.validate(b"glXX" + GOOD[4:]).messages)
    assert (in_bytes.severity, in_bytes.pointer, in_bytes.offset) == ("error", None, 0)


def test_nothing_of_the_asset_before_is_seen(validator):
    """Assets share a buffer: the rest of a longer one lies behind a shorter one."""
    alone = validator.validate(GOOD)
    for other in (GOOD + bytes(2_000_000), bytes(6_000_000), points(100, NAN * 100), b""):
        validator.validate(other)
        assert validator.validate(GOOD) == alone


# --- Files that an asset refers to


def test_resources(validator, tmp_path):
    image = (ROOT / "docs/pictures/details.png").read_bytes()
    (tmp_path / "b.png").write_bytes(image)
    uris = ["a%20%C3%A4.png", "../x/./b.png", "c.png", "gone.png", "refused.png"]
    data = glb_of({"images": [{"uri": uri} for uri in uris]})
    resources = {
        "a ä.png": image,  # decoded, or as it is written
        "../x/./b.png": tmp_path / "b.png",
        "c.png": b"no image",
        "gone.png": tmp_path / "gone.png",
    }

    unseen = validator.validate(data)
    assert [m.pointer for m in unseen.messages if m.code == "IO_ERROR"] == [f"/images/{n}/uri" for n in range(5)]
    assert not any("image" in resource for resource in unseen.info["resources"])

    report = validator.validate(data, resources=resources)
    assert [m.pointer for m in report.messages if m.code == "IO_ERROR"] == ["/images/3/uri", "/images/4/uri"]
    assert [m.pointer for m in report.messages if m.code == "IMAGE_UNRECOGNIZED_FORMAT"] == ["/images/2"]
    seen = [resource["pointer"] for resource in report.info["resources"] if "image" in resource]
    assert seen == ["/images/0", "/images/1"]

    assert codes(validator.validate(data, resources={})) == codes(unseen)
    assert validator.validate(data) == unseen


def test_what_is_too_large_is_not_handed_over(opened, tmp_path):
    validator = opened(max_bytes=100_000)
    with pytest.raises(NotCheckedError, match="larger than"):
        validator.validate(bytes(100_001))
    (tmp_path / "large").write_bytes(bytes(90_000))
    with pytest.raises(NotCheckedError, match="larger than"):
        validator.validate(GOOD, resources={"a": tmp_path / "large", "b": tmp_path / "large"})
    assert validator.validate(GOOD).complete


# --- Floods


def test_a_flood_of_issues_hides_no_error(validator):
    """The validator meets 150,000 bad numbers before it can say that the bounds are wrong."""
    count = 150_000
    started = time.monotonic()
    report = validator.validate(points(count, NAN * (count - 1) + struct.pack("<3f", 1, 2, 3)))
    assert time.monotonic() - started < 10
    assert report.complete
    assert "ACCESSOR_MAX_MISMATCH" in codes(report)
    (flood,) = report.truncated
    assert (flood.code, flood.severity, flood.kept) == ("ACCESSOR_INVALID_FLOAT", "error", MAX_PER_CODE)
    assert 1000 < flood.found <= count
    assert not flood.exact
    assert sum(message.code == flood.code for message in report.messages) == MAX_PER_CODE
    assert report.counts["error"] >= flood.found


def test_floods_of_several_codes_hide_no_error(validator):
    nodes = [{"mesh": 9, "name": 1} for _ in range(20_000)]
    report = validator.validate(
        glb_of({"nodes": nodes, "scenes": [{"nodes": [0, 0]}], "materials": [{"alphaMode": "X"}]})
    )
    assert report.complete
    assert {
        "TYPE_MISMATCH",
        "UNRESOLVED_REFERENCE",
        "UNUSED_OBJECT",
        "DUPLICATE_ELEMENTS",
        "VALUE_NOT_IN_LIST",
    } <= codes(report)
    assert len(report.truncated) >= 3


def test_below_the_limit_the_rest_is_counted(validator):
    report = validator.validate(glb_of({"nodes": [{"mesh": 9} for _ in range(300)]}))
    (overflow,) = (overflow for overflow in report.truncated if overflow.code == "UNRESOLVED_REFERENCE")
    assert (overflow.kept, overflow.found, overflow.exact) == (MAX_PER_CODE, 300, True)
    assert report.counts["error"] == 300


def test_more_rounds_than_are_allowed_is_said(opened):
    data = glb_of({"nodes": [{"mesh": 9, "name": 1} for _ in range(2000)], "materials": [{"alphaMode": "X"}]})
    report = opened(max_issues=1000, max_rounds=2).validate(data)
    assert not report.complete
    assert report.reason == "The Khronos validator found too many issues: 2 rounds did not show them all."
    assert report.counts["error"] >= 1000
    assert not any(overflow.exact for overflow in report.truncated)


def test_what_was_found_counts_even_if_a_later_round_takes_too_long(opened):
    """Its 100,000 bad nodes are found at once, and only then does it walk along the chain of the others."""
    nodes = [*({"children": [n + 1]} for n in range(60_000)), *({"mesh": 9} for _ in range(40_000))]
    validator = opened(max_issues=1000)
    report = validator.validate(glb_of({"nodes": nodes}), timeout_seconds=2)
    assert "UNRESOLVED_REFERENCE" in codes(report)
    assert not report.complete
    assert report.reason == "The Khronos validator took longer than 2 s."
    assert validator.validate(GOOD).complete


# --- Failures: caused, not simulated; the next asset is fine


def test_a_time_out(validator):
    started = time.monotonic()
    with pytest.raises(NotCheckedError, match=r"^The Khronos validator took longer than 0\.5 s\.$"):
        validator.validate(chain(100_000), timeout_seconds=0.5)
    assert time.monotonic() - started < 10
    assert validator.validate(GOOD).complete


def test_a_heap_that_is_full(opened):
    validator = opened(heap_bytes=32 * 1024 * 1024)
    numbers = glb(b'{"asset": {"version": "2.0"}, "extras": [' + b"[0.5]," * 1_000_000 + b"1]}")
    with pytest.raises(NotCheckedError, match=r"needs more than 32 MiB of memory"):
        validator.validate(numbers)
    assert validator.validate(GOOD).complete


def test_json_that_is_too_deep_for_it(validator):
    with pytest.raises(NotCheckedError, match=r"failed on it .*Stack Overflow"):
        validator.validate(glb(b'{"asset": {"version": "2.0"}, "extras": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"))
    assert validator.validate(GOOD).complete


def test_json_as_deep_as_this_product_takes(validator):
    data = glb(b'{"asset": {"version": "2.0"}, "extras": {"a": ' + b"[" * 1000 + b"]" * 1000 + b"}}")
    assert validator.validate(data).counts["error"] == 0


@pytest.mark.parametrize("count", [2**31 - 1, 2**32, 2**53])
def test_huge_accessors_take_no_memory(validator, count):
    accessor = {"componentType": 5126, "count": count, "type": "MAT4"}
    assert validator.validate(glb_of({"accessors": [accessor]})).complete
    sparse = {"count": 1, "indices": {"bufferView": 0, "componentType": 5125}, "values": {"bufferView": 1}}
    bounds = {"min": [0.0] * 16, "max": [0.0] * 16}
    views = [{"buffer": 0, "byteLength": 4}, {"buffer": 0, "byteOffset": 8, "byteLength": 64}]
    document = {
        "buffers": [{"byteLength": 72}],
        "bufferViews": views,
        "accessors": [{**accessor, **bounds, "sparse": sparse}],
    }
    with pytest.raises(NotCheckedError, match="took longer"):
        validator.validate(glb_of(document, bytes(72)), timeout_seconds=0.3)
    assert validator.validate(GOOD).complete


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="interrupts come by signals")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # mini-racer's, of the call left behind
def test_an_interrupt_is_passed_on(validator):
    """What comes from outside is no verdict on the asset."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            validator.validate(chain(100_000))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert validator.validate(GOOD).complete


# --- Texts


def test_texts_are_kept_as_they_are(validator):
    name = 'a"b\\\n\x00\x1b[31m\u2028\U0001f600</script>'
    report = validator.validate(glb_of({"extensionsUsed": [name], "asset": {"version": "2.0", "generator": name}}))
    assert report.info["generator"] == name
    assert any(name in message.message for message in report.messages)


def test_lone_surrogates_become_what_utf8_can_hold(validator):
    report = validator.validate(
        glb(rb'{"asset": {"version": "2.0", "generator": "a\ud800b"}, "extensionsUsed": ["\udc00"]}')
    )
    assert report.info["generator"] == "a\ufffdb"
    json.dumps([report.info, [message.message for message in report.messages]], ensure_ascii=False).encode()


def test_texts_and_lists_are_bounded(validator):
    long = "x" * 1_000_000
    used = [f"KHR_{n}" for n in range(5000)]
    attributes = {long: 9, "POSITION": 9}
    document = {
        "asset": {"version": "2.0", "generator": long},
        "extensionsUsed": [*used, long],
        "meshes": [{"primitives": [{"attributes": attributes}]}],
    }
    report = validator.validate(glb_of(document))
    assert report.info["generator"] == "x" * MAX_TEXT + " ..."
    assert len(report.info["extensionsUsed"]) == MAX_ITEMS
    assert any(message.pointer and message.pointer.endswith("xxx ...") for message in report.messages)
    longest = max(len(text or "") for message in report.messages for text in (message.message, message.pointer))
    assert longest == MAX_TEXT + len(" ...")


# --- Being there, and ending


def test_without_its_parts_it_checks_nothing_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(context, "SCRIPT", tmp_path / "gone.js")
    with pytest.raises(NotCheckedError, match=r"could not be loaded \(FileNotFoundError"):
        open_validator().validate(GOOD)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    monkeypatch.delitem(sys.modules, context.__name__)
    with pytest.raises(NotCheckedError, match=r"could not be loaded \(ModuleNotFoundError"):
        open_validator().validate(GOOD)


def test_a_part_that_goes_missing_later_is_no_verdict(opened, monkeypatch, tmp_path):
    validator = opened()
    validator.close()
    monkeypatch.setattr(context, "SCRIPT", tmp_path / "gone.js")
    with pytest.raises(NotCheckedError, match="FileNotFoundError"):
        validator.validate(GOOD)
    monkeypatch.undo()
    assert validator.validate(GOOD).complete


@pytest.mark.parametrize("ending", ["", "validator.close()", "import os; os._exit(0)", "raise SystemExit(0)"])
def test_a_process_that_used_it_ends_by_itself(tmp_path, ending):
    """After a failure too; unclosed contexts hung at the end of nearly every process."""
    script = f"""
        from glb_batch_validator_addon.khronos.validator import NotCheckedError, open_validator
        validator = open_validator()
        validator.validate(b"")
        try:
            validator.validate(open({str(tmp_path / "chain.glb")!r}, "rb").read(), timeout_seconds=0.2)
        except NotCheckedError:
            assert validator.validate(b"").counts["error"] == 1
            print("used")
        {ending}
    """
    (tmp_path / "chain.glb").write_bytes(chain(50_000))
    command = [sys.executable, "-u", "-c", textwrap.dedent(script)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "used\n", "")


def test_importing_the_room_loads_nothing_heavy():
    code = f"import sys, {room.__name__}; print('py_mini_racer' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout == "False\n"


def test_memory_is_given_back():
    """20 MB assets, one after the other, in a process of their own."""
    script = """
        from pathlib import Path
        from glb_batch_validator_addon.khronos.validator import open_validator
        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 1_000_000
        validator = open_validator()
        data = b"glTF" + bytes(20_000_000)
        validator.validate(data)
        before = resident()
        for _ in range(10):
            validator.validate(data)
        print(resident() - before)
    """
    if not Path("/proc/self/statm").exists():
        pytest.skip("it is measured through /proc")
    command = [sys.executable, "-c", textwrap.dedent(script)]
    grown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert int(grown.stdout) < 25
