"""Profiles, waivers, depth, rules of a studio's own and judging again, as a technical director uses them."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ASSETS, Finished, but_run, finish, reports_below, run, start

UV_UNUSED = "GLBV_UV_UNUSED"
"""A hint by default; true of every sample without a texture."""

STRICT = f"""
extends = "web"
[rules.{UV_UNUSED}]
severity = "warning"
[rules.GLBV_TEXTURE_TOO_SMALL]
severity = "error"
min_px = 512
[khronos]
max-issues = 1
override = {{ UNUSED_OBJECT = "warning" }}
[[waivers]]
code = "{UV_UNUSED}"
pattern = "good/s*"
owner = "mira"
reason = "they are drawn on later"
expires = 2999-12-31
"""

NOTHING = {"PATH": "/nowhere", "BLENDER": ""}
WITHOUT_BLENDER: dict[str, Any] = {"command": (sys.executable, "-S"), "env": NOTHING}
"""For a process that finds no Blender: neither the bpy wheel nor a program."""

ONE_WORKER = ("--workers", 1)
"""Quicker than two for an asset or two."""

JUDGED = {"findings", "verdict", "coverage"}
"""What a judgement decides about a report."""


def only(library: Path, *names: str) -> Path:
    """The library without all other assets and the reports that are there."""
    for path in [path for path in library.rglob("*") if path.is_file()]:
        if path.relative_to(library).as_posix() not in names:
            path.unlink()
    return library


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def found(report: dict[str, Any], code: str) -> list[dict[str, Any]]:
    return [finding for finding in report["findings"] if finding["code"] == code]


def uncovered(report: dict[str, Any], need: str) -> list[str]:
    return [entry["reason"] for entry in report["coverage"] if entry["need"] == need]


# Profiles


def test_a_profile_decides_what_is_good_and_needs_blender_only_once(samples):
    """A texture of 64 pixels is too small for 3D Commerce, which asks for 512."""
    only(samples, "good/textured crate.glb")
    asked = ("--folder", samples, "--json", *ONE_WORKER)
    first = run(*asked)
    assert (first.code, first.of("asset_done")[0]["verdict"], bool(first.of("worker_started"))) == (0, "pass", True)
    second = run(*asked, "--profile", "khronos-3d-commerce")
    assert (second.code, second.of("asset_done")[0]["verdict"], second.of("worker_started")) == (1, "fail", [])
    (report,) = reports_below(samples).values()
    assert [finding["severity"] for finding in found(report, "GLBV_TEXTURE_TOO_SMALL")] == ["error"]
    third = run(*asked, "--profile", "khronos-3d-commerce")
    assert (third.code, third.of("asset_done"), len(third.of("asset_skipped"))) == (1, [], 1)


def test_a_profile_of_a_studio_extends_another_and_differs_by_folder(samples, tmp_path):
    """The boxes are 2 m wide, 0.5 m deep and 1 m high on Blender's axes."""
    only(samples, "good/cube.glb", "good/SHOUTED.GLB", "good/nested/folders/leaf.glb")
    write(tmp_path / "base.toml", f'extends = "game"\n[rules.{UV_UNUSED}]\nseverity = "warning"\n')
    write(tmp_path / "kind.toml", f'[rules.{UV_UNUSED}]\nseverity = "off"\n')
    write(tmp_path / "sizes.csv", "pattern,x_m,y_m,z_m\ngood/cube.glb,2,0.5,1\n*SHOUTED*,2,1,0.5\n")
    house = """
        extends = "base.toml"
        data-sheet = "sizes.csv"
        [rules.GLBV_BUDGET_TRIANGLES]
        max_count = 11
        severity = "info"
        [[paths]]
        pattern = "good/nested/*"
        profile = "kind.toml"
    """
    ran = run("--folder", samples, "--profile", write(tmp_path / "house.toml", house), *ONE_WORKER)
    assert ran.code == 1, ran.err
    reports = {Path(name).stem: report for name, report in reports_below(samples).items()}
    cube, shouted, leaf = (reports[f"{name}_report"] for name in ("cube", "SHOUTED", "leaf"))
    assert [finding["severity"] for finding in found(cube, UV_UNUSED)] == ["warning"]
    assert [finding["severity"] for finding in found(cube, "GLBV_BUDGET_TRIANGLES")] == ["info"], "12 are more than 11"
    assert (found(leaf, UV_UNUSED), found(leaf, "GLBV_BUDGET_TRIANGLES")) == ([], [])
    assert (len(found(cube, "GLBV_DIMENSIONS_MISMATCH")), len(found(shouted, "GLBV_DIMENSIONS_MISMATCH"))) == (0, 1)
    assert (cube["verdict"], shouted["verdict"], leaf["verdict"]) == ("warn", "fail", "pass")


def test_a_waived_finding_stays_and_does_not_count_until_the_waiver_expires(samples, tmp_path):
    only(samples, "good/cube.glb", "good/SHOUTED.GLB")
    profile = write(tmp_path / "strict.toml", f'[rules.{UV_UNUSED}]\nseverity = "error"\n')
    texts = f'[[waivers]]\ncode = "{UV_UNUSED}"\npattern = "*cube.glb"\nowner = "mira"\nreason = "seen"\nexpires = '
    asked = ("--folder", samples, *ONE_WORKER, "--profile", profile, "--waivers", tmp_path / "waivers.toml")
    for day, verdict in (("2999-12-31", "pass"), ("2001-01-01", "fail")):
        write(tmp_path / "waivers.toml", texts + day)
        assert run(*asked).code == 1, "nobody waived the other one"
        reports = reports_below(samples)
        assert (reports["good/cube_report.json"]["verdict"], reports["good/SHOUTED_report.json"]["verdict"]) == (
            verdict,
            "fail",
        )
        (finding,) = found(reports["good/cube_report.json"], UV_UNUSED)
        assert (finding["severity"], finding["waived"]) == ("error", verdict == "pass")
        assert (finding["waiver"]["owner"], finding["waiver"]["expires"]) == ("mira", day)
    assert run(*asked[:6], "--include", "*cube*").code == 1, "without the file nothing is waived"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rules.GLBV_UV_UNUSD]\nseverity = 'off'", "'GLBV_UV_UNUSED'"),
        ("[rules.GLBV_UV_UNUSED]\nseverty = 'off'", "'severity'"),
        ("[rules.GLBV_UV_UNUSED]\nseverity = 'fatal'", "error, warning, info, hint"),
        ("[rules.GLBV_BUDGET_TRIANGLES]\nmax_count = '9'", "a number"),
        ("rules = 7", "a table"),
        ("extends = 'this.toml'", "circle"),
        ("extends = 'wbe'", "'web'"),
        ("data-sheet = 'none.csv'", "none.csv"),
        ("data-sheet = 'this.toml'", "pattern"),
        ("[[waivers]]\ncode = 'X'\npattern = '*'\nowner = 'me'\nreason = 'so'", "'expires'"),
        ("[[paths]]\npattern = '*'\nprofile = 'nowhere.toml'", "nowhere.toml"),
        ("[rules", "not valid TOML"),
    ],
)
def test_a_slip_in_a_profile_is_named_before_any_work(samples, tmp_path, text, says):
    ran = run("--folder", samples, "--profile", write(tmp_path / "this.toml", text), "--json")
    assert (ran.code, len(ran.err.strip().splitlines())) == (2, 1), ran.err
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert ran.of("run_failed")[0]["exit_code"] == 2
    assert reports_below(samples) == {}


def test_a_profile_that_does_not_exist_suggests_one_that_does(samples):
    ran = run("--folder", samples, "--profile", "mobil-ar")
    assert (ran.code, "'mobile-ar'" in ran.err) == (2, True)


@pytest.fixture(scope="module")
def validated(pristine, tmp_path_factory) -> Path:
    """An asset of each kind with its report: whatever is asked of them next is answered without Blender."""
    library = Path(shutil.copytree(pristine[0], tmp_path_factory.mktemp("validated") / "library"))
    only(library, "good/cube.glb", "good/basisu fallback.glb", "doubtful/without scene.glb", "broken/empty.glb")
    assert run("--folder", library, *ONE_WORKER).code == 3
    return library


@pytest.mark.parametrize(
    ("asset", "fail_on", "code"),
    [
        ("good/cube.glb", "warning", 0),
        ("good/basisu fallback.glb", "error", 0),
        ("good/basisu fallback.glb", "warning", 1),
        ("doubtful/without scene.glb", "error", 1),
        ("doubtful/without scene.glb", "never", 0),
        ("broken/empty.glb", "never", 3),
    ],
)
def test_findings_fail_a_run_as_far_as_it_is_asked(validated, asset, fail_on, code):
    for word in ((), ("judge",)):
        asked = ("--folder", validated, "--include", asset, "--fail-on", fail_on)
        assert run(*word, *asked, *ONE_WORKER).code == code


def test_good_assets_have_nothing_to_answer_for(samples):
    """But for the one that is made to lose something in Blender: a texture in a format that it does not read."""
    ran = run("--folder", samples, "--include", "good/*", "--depth", "deep", "--json")
    assert ran.code == 0, ran.err
    accused = {
        name: {finding["code"] for finding in report["findings"] if finding["severity"] in ("error", "warning")}
        for name, report in reports_below(samples).items()
    }
    assert accused.pop("good/basisu fallback_report.json") == {
        "GLBV_BLENDER_DROPPED",
        "VALUE_NOT_IN_LIST",
        "IMAGE_UNRECOGNIZED_FORMAT",
    }
    assert accused == {name: set() for name in accused}


# Depth


def test_quick_leaves_blender_out_and_deep_looks_at_what_takes_long(samples):
    """All six sides of the box lie on the same square of its UV map: who looks deep sees 12 faces overlap."""
    only(samples, "good/textured crate.glb")

    def at(depth: str) -> dict[str, Any]:
        assert run("--folder", samples, "--depth", depth, *ONE_WORKER).code == 0
        (report,) = reports_below(samples).values()
        return report

    quick, standard, deep = at("quick"), at("standard"), at("deep")
    assert (quick["facts"]["triangles"], standard["facts"]["triangles"]) == (None, 12)
    assert "import" not in quick["run"]["seconds"]
    for need in ("scene", "meshes", "pixels", "deep"):
        assert ["quick" in reason for reason in uncovered(quick, need)] == [True]
    assert ["--depth deep" in reason for reason in uncovered(standard, "deep")] == [True]
    assert deep["coverage"] == []
    assert found(standard, "GLBV_UV_OVERLAPPING") == []
    (overlap,) = found(deep, "GLBV_UV_OVERLAPPING")
    assert (overlap["elements"]["kind"], overlap["elements"]["count"]) == ("face", 12)


# Rules of a studio's own

NAMING = """
from glb_batch_validator_addon.model.finding import Issue
from glb_batch_validator_addon.rules.registry import Threshold, rule

@rule(
    code="STUDIO_MATERIAL_PREFIX", title="Material without prefix", family="naming", severity="warning",
    needs=("file",), what="It has one.", why="Our engine asks for it.", how="Rename it.",
    thresholds={"prefix": Threshold(("M_",), "beginnings that are allowed", kind="texts")},
)
def material_prefix(subject, at):
    for material in subject.file.material_list:
        if not material.name.startswith(tuple(at["prefix"])):
            yield Issue(message=f"{material.name} has no prefix.", pointer=material.pointer)
"""

WILD = """
import os, time
import numpy
from glb_batch_validator_addon.model.finding import Issue
from glb_batch_validator_addon.rules.registry import rule

ABOUT = dict(title="", family="wild", severity="error", needs=("file",), what="", why="", how="")

@rule(code="STUDIO_DIVIDES", **ABOUT)
def divides(subject, at):
    yield Issue(message=str(1 / 0))

@rule(code="STUDIO_NO_JSON", **ABOUT)
def no_json(subject, at):
    yield Issue(message="here", position_m=(numpy.float32(1), 0, float("nan")))

@rule(code="STUDIO_LEAVES", **ABOUT)
def leaves(subject, at):
    raise SystemExit(1)

@rule(code="STUDIO_ENDS_ALL", **ABOUT)
def ends_all(subject, at):
    if "animated" in subject.asset.key:
        os._exit(7)
    if "morph" in subject.asset.key:
        time.sleep(600)
    return ()
"""

AT_IMPORT = {
    "missing.py": "import no_such_module",
    "leaves.py": "raise SystemExit('called as a script')",
    "severe.py": WILD.split("@rule")[0] + "rule(code='STUDIO_SEVERE', **{**ABOUT, 'severity': 'fatal'})(print)",
    "ours.py": WILD.split("@rule")[0] + "rule(code='GLBV_MINE', **ABOUT)(print)",
}
"""Files that cannot be loaded, each for another reason."""

PREFIXED = "[rules.STUDIO_MATERIAL_PREFIX]\nseverity = 'error'\nprefix = ['p']\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    write(tmp_path / "rules/naming.py", NAMING)
    return tmp_path / "rules"


def test_a_custom_rule_finds_as_the_profile_asks(samples, rules, tmp_path):
    only(samples, "good/cube.glb", "good/instanced.glb")  # their materials are `paint` and `brick`
    asked = ("--folder", samples, "--rules", rules, *ONE_WORKER)
    assert run(*asked, "--fail-on", "warning").code == 1
    assert [found(report, "STUDIO_MATERIAL_PREFIX")[0]["message"] for report in reports_below(samples).values()] == [
        "paint has no prefix.",
        "brick has no prefix.",
    ]
    assert run(*asked, "--profile", write(tmp_path / "p.toml", PREFIXED)).code == 1
    cube, instanced = reports_below(samples).values()
    assert (cube["verdict"], found(cube, "STUDIO_MATERIAL_PREFIX")) == ("pass", [])
    (finding,) = found(instanced, "STUDIO_MATERIAL_PREFIX")
    assert (finding["severity"], finding["pointer"], instanced["verdict"]) == ("error", "/materials/0", "fail")


@pytest.fixture(scope="module")
def wild(pristine, tmp_path_factory) -> tuple[Finished, dict[str, dict[str, Any]]]:
    """A run over the good samples with rules that do what rules must not."""
    folder = tmp_path_factory.mktemp("wild")
    library = Path(shutil.copytree(pristine[0] / "good", folder / "library"))
    for name, text in {"naming.py": NAMING, "wild.py": WILD, **AT_IMPORT}.items():
        write(folder / "rules" / name, text)
    ran = run("--folder", library, "--rules", folder / "rules", "--timeout", 3, "--exclude", "heavy*", "--json")
    return ran, reports_below(library)


def test_a_rule_that_raises_costs_itself_alone(wild):
    """Also one that ends the interpreter, or says what a report cannot hold."""
    cube = wild[1]["cube_report.json"]
    assert cube["verdict"] == "warn", "the rule beside them has been asked"
    assert found(cube, "STUDIO_MATERIAL_PREFIX")
    failed = {entry["rules"][0]: entry["reason"] for entry in cube["coverage"] if entry["need"] == "rule"}
    assert failed.keys() == {"STUDIO_DIVIDES", "STUDIO_NO_JSON", "STUDIO_LEAVES"}
    assert "division by zero" in failed["STUDIO_DIVIDES"]


def test_a_file_of_rules_that_cannot_be_loaded_is_named_in_every_report(wild):
    for report in wild[1].values():
        named = " ".join(uncovered(report, "custom"))
        if not report["error"]:
            assert [name for name in AT_IMPORT if name in named] == list(AT_IMPORT)


@pytest.mark.parametrize(("name", "kind"), [("animated", "Crashed"), ("morph", "TimedOut")])
def test_a_rule_that_ends_the_worker_costs_that_asset_alone(wild, name, kind):
    """And of that one only the rules of the studio's own, and what takes Blender."""
    ran, reports = wild
    assert ran.code == 3
    assert sorted(key for key, report in reports.items() if report["error"]) == [
        "animated_report.json",
        "morph_report.json",
    ]
    report = reports[f"{name}_report.json"]
    assert (report["error"]["stage"], report["error"]["type"]) == ("judge", kind)
    assert report["facts"]["file"]["nodes"] == 1
    assert report["khronos"]
    assert found(report, UV_UNUSED)
    assert [kind for kind in ("custom", "scene", "pixels") if not uncovered(report, kind)] == []


# Judging again


def test_judged_again_is_what_validated_anew_would_be(samples, tmp_path):
    """All samples, good and broken, from a strict profile to the default one and the other way round."""
    write(tmp_path / "strict.toml", STRICT)
    agree(samples, tmp_path, ("--max-size-mb", 1))  # one is too large, and was never looked at


def test_real_assets_judged_again_are_what_they_would_be_anew(corpus, tmp_path):
    paths = sorted(path for path in corpus.rglob("*.glb") if path.stat().st_size < 300_000)[::2][:30]
    for path in paths:
        (tmp_path / "library" / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, tmp_path / "library" / path.parent.name)
    write(tmp_path / "strict.toml", STRICT)
    agree(tmp_path / "library", tmp_path)


def agree(library: Path, folder: Path, options: tuple[object, ...] = ()) -> None:
    copy = Path(shutil.copytree(library, folder / "copy"))
    profiles = {library: ("--profile", folder / "strict.toml"), copy: ("--profile", "default")}
    fresh = {}
    for place, profile in profiles.items():
        assert run("--folder", place, *profile, *options).code in (0, 1, 3)
        fresh[place] = but_run(reports_below(place), asset=False)
    assert fresh[library] != fresh[copy]
    for place, other in ((library, copy), (copy, library)):
        ran = run("judge", "--folder", place, *profiles[other], *options, "--json", **WITHOUT_BLENDER)
        assert ran.code in (0, 1, 3), ran.err
        assert but_run(reports_below(place), asset=False) == fresh[other]
        assert ran.of("run_finished")[0]["without_facts"] == 0


def test_judging_keeps_what_custom_rules_found_and_what_they_did_not_look_at(samples, rules, tmp_path):
    only(samples, "good/instanced.glb")
    write(rules / "wild.py", WILD)
    write(rules / "missing.py", AT_IMPORT["missing.py"])
    assert run("--folder", samples, "--rules", rules, *ONE_WORKER).code == 0
    (before,) = reports_below(samples).values()
    assert run("judge", "--folder", samples, "--rules", rules).code == 2, "they run in Blender alone"
    ran = run("judge", "--folder", samples, "--profile", write(tmp_path / "p.toml", PREFIXED), **WITHOUT_BLENDER)
    assert ran.code == 1, ran.err
    (after,) = reports_below(samples).values()
    assert found(after, "STUDIO_MATERIAL_PREFIX")[0]["severity"] == "error"
    assert after["coverage"] == before["coverage"]
    assert {name for name in before if before[name] != after[name]} == {"findings", "verdict", "run"}


def test_judging_takes_reports_of_any_depth_and_says_which_assets_have_none(samples, tmp_path):
    only(samples, "good/cube.glb", "good/SHOUTED.GLB", "good/instanced.glb")
    asked = ("--folder", samples, *ONE_WORKER)
    nothing = run("judge", *asked, **WITHOUT_BLENDER)
    assert (nothing.code, "validate it first" in nothing.err) == (2, True)
    run(*asked, "--depth", "quick", "--include", "good/cube.glb")
    write(tmp_path / "strict.toml", STRICT)
    ran = run("judge", *asked, "--depth", "deep", "--profile", tmp_path / "strict.toml", **WITHOUT_BLENDER)
    assert (ran.code, "1 judged" in ran.err, "2 not judged" in ran.err) == (0, True, True), ran.err
    (cube,) = reports_below(samples).values()
    assert (cube["verdict"], cube["facts"]["triangles"]) == ("warn", None)


def test_judging_writes_where_the_reports_are(samples, tmp_path):
    only(samples, "good/cube.glb", "good/nested/folders/leaf.glb")
    asked = ("--folder", samples, "--reports-to", tmp_path / "reports", *ONE_WORKER)
    assert run(*asked).code == 0
    before = reports_below(tmp_path / "reports")
    write(tmp_path / "strict.toml", STRICT)
    ran = run("judge", *asked, "--profile", tmp_path / "strict.toml", "--fail-on", "warning", **WITHOUT_BLENDER)
    assert ran.code == 1, ran.err
    after = reports_below(tmp_path / "reports")
    assert after.keys() == before.keys()
    assert {report["verdict"] for report in after.values()} == {"warn"}
    assert reports_below(samples) == {}


def test_a_library_on_s3_is_judged_like_a_folder(moto_s3, bucket_on, samples, tmp_path):
    bucket = bucket_on(moto_s3)
    bucket.fill(only(samples, "good/cube.glb", "good/textured crate.glb", "broken/truncated.glb"), "props/")
    asked = (*bucket.options, "--prefix", "props/", "--json", *ONE_WORKER)
    assert run(*asked, env=bucket.env).code == 3
    before = bucket.reports()
    judge = ("judge", *asked, "--profile", write(tmp_path / "strict.toml", STRICT))
    ran = run(
        *judge,
        "--reports-to",
        f"s3://{bucket.name}/props/",
        command=WITHOUT_BLENDER["command"],
        env=NOTHING | bucket.env,
    )
    assert ran.code == 3, ran.err
    after = bucket.reports()
    assert {Path(key).stem: report["verdict"] for key, report in after.items()} == {
        "cube_report": "warn",
        "textured crate_report": "fail",
        "truncated_report": "error",
    }
    for key in before:
        assert {name for name in before[key] if before[key][name] != after[key][name]} <= {"run", *JUDGED}
    metadata = bucket.client.head_object(Bucket=bucket.name, Key="props/good/cube_report.json")["Metadata"]
    assert (metadata["glbv-verdict"], metadata["glbv-settings"]) == (
        "warn",
        after["props/good/cube_report.json"]["run"]["settings"],
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_judging_that_was_interrupted_goes_on(library, tmp_path):
    assert run("--folder", library, "--depth", "quick").code == 0
    asked = ("--folder", library, "--profile", write(tmp_path / "strict.toml", STRICT), "--batch-size", 1)
    process = start("judge", *asked, "--json", **WITHOUT_BLENDER)
    assert process.stdout
    while '"asset_done"' not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 4
    judged = [report["verdict"] for report in reports_below(library).values()]
    assert 0 < judged.count("pass") < ASSETS, "some were judged, and some were not"
    ran = run("judge", "--folder", library, "--resume", "--json", **WITHOUT_BLENDER)
    assert ran.of("run_finished")[0]["counts"]["total"] == ASSETS, ran.err
    assert "pass" not in {report["verdict"] for report in reports_below(library).values()}


def test_a_report_that_was_damaged_by_hand_is_named_by_judge_and_made_anew_by_a_validation(samples):
    only(samples, "good/cube.glb")
    run("--folder", samples, *ONE_WORKER)
    (path,) = samples.rglob("*_report.json")
    report = json.loads(path.read_text())
    del report["facts"]["file"]["nodes"]
    path.write_text(json.dumps(report, indent=2))
    ran = run("judge", "--folder", samples, "--profile", "web", **WITHOUT_BLENDER)
    assert ran.code == 3
    assert "cube_report.json cannot be judged" in ran.err
    assert run("--folder", samples, "--profile", "web", *ONE_WORKER).code == 0
