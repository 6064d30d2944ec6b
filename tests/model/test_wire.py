"""Requests and replies survive the wire; noise does not pass for one."""

from __future__ import annotations

import pytest

from glb_batch_validator_addon.model.finding import Waiver
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.profile import Demand, KhronosOptions, Profile
from glb_batch_validator_addon.model.report import Failure
from glb_batch_validator_addon.model.wire import Hello, Reply, Request, Resource, decode_reply, decode_request, encode

KEY = 'pröps/a "b"\n\udcff.glb'  # quotes, a newline, and a file name that is not Unicode


def test_a_request_comes_out_as_it_went_in() -> None:
    resources = {"t.png": Resource(path="/t/0", size_bytes=3), "u.png": Resource(path=None, reason="Gone.")}
    waiver = Waiver(code="X", pattern="*", owner="td", reason="test", expires="2026-12-31")
    profile = Profile(
        name="own",
        levels={"X": "off"},
        thresholds={"X": {"max_px": 5, "names": ["a"]}},
        khronos=KhronosOptions(only=("A",)),
    )
    demand = Demand(profile=profile, waivers=(waiver,), today="2026-01-01", expected_m=(1.0, 2.0, 3.0), depth="deep")
    request = Request(
        id=7,
        path="/t/7.glb",
        key=KEY,
        root="pröps/",
        limits=Limits(max_nodes=5),
        demand=demand,
        resources=resources,
        failed=Failure(stage="import", type="Crashed", message="It died.", signal="SIGSEGV"),
    )
    line = encode(request)
    assert line.count(b"\n") == 1
    assert decode_request(line) == request


def test_a_reply_comes_out_as_it_went_in() -> None:
    failure = Failure(stage="import", type="ImportFailed", message="No.", signal=None)
    reply = Reply(
        id=7,
        needs=("a", "b"),
        error=failure,
        facts={"x": [1.5, None]},
        findings=[{}],
        coverage=[],
        seconds={"import": 0.1},
    )
    assert decode_reply(encode(reply)) == reply
    assert decode_reply(encode(Hello(versions={"blender": "4.5"}))) == Hello(versions={"blender": "4.5"})


@pytest.mark.parametrize(
    "noise", [b"Blender 5.2.2 LTS\n", b"\n", b"{}\n", b"[1]\n", b'{"id": 1}\n', b"12\n", b"\xff\xfe\n"]
)
def test_what_blender_prints_is_no_reply(noise: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        decode_reply(noise)
