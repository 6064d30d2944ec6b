"""A library that nobody made, as the outputs of a run see it: plausible, and the same for the same seed."""

from __future__ import annotations

import hashlib
import io
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, cast

from PIL import Image, ImageDraw

from glb_batch_validator_addon.model.entry import BYTE_KINDS, Change, Entry, Extract, Place
from glb_batch_validator_addon.model.finding import SEVERITIES, VERDICTS, Elements, Finding, Saving, Waiver
from glb_batch_validator_addon.model.survey import PastRun, RuleText, RunHead, Survey
from glb_batch_validator_addon.rules.catalogue import RULES
from glb_batch_validator_addon.survey.library import survey

ROOT = "library/"
URI = f"s3://studio/{ROOT}"
BUDGETS = {"triangles": 100_000, "size_bytes": 20_000_000, "gpu_bytes": 128_000_000}

HOSTILE = (
    "</script><script>alert(1)</script>.glb",
    '"><img src=x onerror=alert(1)>.glb',
    "<!-- assets -->.glb",
    "two\nlines\tand a tab.glb",
    "=cmd|' /C calc'!A0.glb",
    "${x} {{y}} <%= z %>.glb",
    "\udcff\ud800.glb",
    "right\u202eto left\u2028.glb",
    "50% off?#fragment&amp;.glb",
    "javascript:alert(1).glb",
    "ünïcödé 椅子 🪑.glb",
)
"""Names of assets that broke some page, somewhere, some day."""

_WAIVER = Waiver(
    code="GLBV_MATERIAL_DOUBLE_SIDED",
    pattern="foliage/*",
    owner="j.meyer",
    reason="Leaves are cards",
    expires="2027-03-31",
)
_EXPIRED = Waiver(
    code="GLBV_TEXTURE_TOO_LARGE", pattern="heroes/*", owner="a.okafor", reason="Close-ups", expires="2026-06-30"
)

_FOLDERS = ("props/kitchen", "props/office", "props/street", "heroes", "vehicles", "foliage", "kit/walls", "kit/roofs")
_ADJECTIVES = ("old", "oak", "steel", "small", "round", "painted", "broken", "glass", "low", "brass")
_NOUNS = ("chair", "table", "lamp", "crate", "bench", "kettle", "shelf", "pump", "sign", "barrel", "wall", "fern")
_EXPORTERS = (
    ("Khronos glTF Blender I/O v4.2.70", 9),
    ("Blender 2.79 glTF exporter", 2),
    ("babylon.js glTF exporter for Maya 2023", 3),
    ("glTF-Transform v3.9.0", 3),
    ("UnityGLTF", 2),
    ("", 1),
)

# Code, share of the assets, message, where it is, and what putting it right saves at most.
_FAULTS: tuple[tuple[str, float, str, str, Saving | None], ...] = (
    ("GLBV_BUDGET_TRIANGLES", 0.0, "{n:,} rendered triangles; the profile allows 100,000.", "",
     Saving(triangles=90_000)),
    ("GLBV_TEXTURE_TOO_LARGE", 0.2, '"{name}_albedo" is 4,096 x 4,096 pixels; the profile allows 2,048.', "/images/0",
     Saving(bytes=2_400_000, gpu_bytes=67_000_000)),
    ("GLBV_TEXTURE_DUPLICATE", 0.14, '"{name}_orm.001" is the same as "{name}_orm".', "/images/3",
     Saving(bytes=700_000, gpu_bytes=16_000_000)),
    ("GLBV_MESH_INVERTED", 0.12, "{n:,} faces of closed shells are inside out.", "mesh", None),
    ("GLBV_MESH_DUPLICATE_FACES", 0.1, "{n:,} faces are there twice.", "mesh", Saving(triangles=800)),
    ("GLBV_UV_MISSING", 0.05, 'The mesh "{name}" has a texture and no UV map.', "/meshes/0/primitives/0", None),
    ("GLBV_MATERIAL_DOUBLE_SIDED", 0.16, 'The material "{name}_mat" is double-sided.', "/materials/0", None),
    ("GLBV_PRIMITIVES_MERGEABLE", 0.22, "12 primitives could be 3.", "/meshes/0", Saving(draw_calls=9)),
    ("GLBV_EXTENSION_ARCHIVED", 0.08, "It uses KHR_materials_pbrSpecularGlossiness.", "/extensionsUsed/0", None),
    ("GLBV_SKIN_BAD_WEIGHTS", 0.04, "{n:,} vertices have weights that do not add up.", "/skins/0", None),
    ("GLBV_DIMENSIONS_IMPLAUSIBLE", 0.06, "It is 80.4 m long.", "", None),
    ("GLBV_PIVOT_FAR", 0.1, "The origin is 12.5 m away from the asset.", "", None),
    ("GLBV_MESH_OPEN_EDGES", 0.4, "{n:,} edges have one face.", "mesh", None),
    ("GLBV_DATA_UNUSED", 0.18, "2 materials that nothing uses.", "/materials/4", Saving(bytes=90_000)),
    ("GLBV_MESH_NOT_WATERTIGHT", 0.3, "The surface is not closed.", "mesh", None),
    ("GLBV_NODES_EMPTY", 0.2, "3 nodes are empty.", "/nodes/7", None),
    ("GLBV_UV_OVERLAPPING", 0.15, "18 % of the covered area is covered more than once.", "mesh", None),
    ("ACCESSOR_INVALID_FLOAT", 0.03, "Accessor element at index 1532 is NaN.", "/accessors/4", None),
    ("ACCESSOR_VECTOR3_NON_UNIT", 0.05, "Vector3 at accessor indices 0..2 is not of unit length", "/accessors/2", None),
    ("UNUSED_OBJECT", 0.12, "This object may be unused.", "/meshes/0/primitives/0/attributes/TEXCOORD_1", None),
)  # fmt: skip
_KHRONOS = {"ACCESSOR_INVALID_FLOAT": "error", "ACCESSOR_VECTOR3_NON_UNIT": "error", "UNUSED_OBJECT": "info"}

_FAILURES: tuple[dict[str, Any], ...] = (
    {"stage": "container", "type": "Truncated", "signal": None, "unsupported": False,
     "message": "The header says 48,211 bytes, the file has 16,384. The upload did not end."},
    {"stage": "container", "type": "GitLfsPointer", "signal": None, "unsupported": False,
     "message": "It is a Git LFS pointer, not the file. Run git lfs pull before the upload."},
    {"stage": "import", "type": "Crashed", "signal": "SIGSEGV", "unsupported": False,
     "message": "Blender crashed in the stage import (SIGSEGV). It would crash yours: export it again."},
)  # fmt: skip
_UNSUPPORTED = {
    "stage": "import", "type": "MissingDecoder", "signal": None, "unsupported": True,
    "message": "It needs KHR_draco_mesh_compression, which this Blender cannot decode.",
}  # fmt: skip
_DEEP = {
    "need": "deep", "reason": "Depth `standard` leaves it out; `--depth deep` looks.", "places": None,
    "rules": ["GLBV_MESH_SELF_INTERSECTIONS", "GLBV_UV_OVERLAPPING", "GLBV_UV_GUTTER"],
}  # fmt: skip
_BLURRED = {
    "need": "pixels", "reason": "Images in the format KTX2 are not decoded.",
    "places": {"count": 2, "first": [{"pointer": "/images/0", "name": "albedo"}, {"pointer": "/images/1", "name": ""}]},
    "rules": [code for code, rule in RULES.items() if "pixels" in rule.needs],
}  # fmt: skip
_NO_SCENE = {
    "need": "scene", "reason": "Blender did not import it.", "places": None,
    "rules": [code for code, rule in RULES.items() if "scene" in rule.needs],
}  # fmt: skip


_PARTS = ("screw_m6", "hinge_left", "wheel_small")
"""Meshes that many assets have."""

_POWERS = (5.9, 5.4, 3.0, 3.6, 3.2)
"""Of ten: how many bytes an asset has of each kind."""


def rule_texts() -> dict[str, RuleText]:
    """Of all rules of ours."""
    return {
        code: RuleText(title=rule.title, family=rule.family, why=rule.why, how=rule.how) for code, rule in RULES.items()
    }


@dataclass(frozen=True)
class Library:
    """All that an output is given."""

    head: RunHead
    survey: Survey
    entries: tuple[Entry, ...]
    rules: Mapping[str, RuleText]
    picture: Callable[[Entry], tuple[str, bytes] | None]

    def given(self) -> dict[str, Any]:
        """The arguments of an output."""
        return {
            "head": self.head,
            "survey": self.survey,
            "entries": iter(self.entries),
            "rules": self.rules,
            "picture": self.picture,
        }


def library(count: int, *, seed: int = 1, names: Iterable[str] = (), pending: int = 0, runs: int = 8) -> Library:
    """A library of `count` assets, some with the `names` given; the last `pending` of them not looked at.

    It is the last of so many `runs`, at most 10, one a month.
    """
    chance = random.Random(seed)
    keys = sorted({*_keys(chance, count - len(tuple(names))), *(f"{ROOT}hostile/{name}" for name in names)})
    entries = tuple(
        _pending(key) if index >= len(keys) - pending else entry(key, chance) for index, key in enumerate(keys)
    )
    counts = Counter(made.verdict or "pending" for made in entries)
    head = RunHead(
        library=URI,
        id=runs,
        version="0.1.0",
        started_at="2026-11-20T16:38:02Z",
        finished_at="2026-11-20T16:41:50Z",
        profile="game",
        interrupted=bool(pending),
        reason="Ctrl-C" if pending else "",
        seconds=228.4,
        workers_busy=0.87,
        counts={
            **{verdict: counts[verdict] for verdict in VERDICTS},
            "skipped": sum(made.state == "skipped" for made in entries),
            "pending": counts["pending"],
            "total": len(entries),
            "pending_bytes": 0,
        },
        budgets=dict(BUDGETS),
    )
    drawn = pictures()
    return Library(
        head=head,
        survey=survey(lambda: entries, head=head, root=ROOT, before=list(_history(head.counts, runs))),
        entries=entries,
        rules=rule_texts(),
        picture=lambda made: (
            ("image/webp", drawn[int(uid(made.key), 16) % len(drawn)]) if made.brief.get("preview") else None
        ),
    )


def uid(key: str) -> str:
    """16 hex digits that stand for a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:16]


def _keys(chance: random.Random, count: int) -> Iterator[str]:
    for number in range(count):
        folder = chance.choice(_FOLDERS)
        yield f"{ROOT}{folder}/{chance.choice(_ADJECTIVES)}_{chance.choice(_NOUNS)}_{number:05}.glb"


def _pending(key: str) -> Entry:
    return Entry(
        key=key, uri=f"s3://studio/{key}", report=_report(key), state="pending", verdict=None, brief={}, extract=None
    )


def _report(key: str) -> str:
    return f"s3://studio/{key.removesuffix('.glb')}_report.json"


def entry(key: str, chance: random.Random) -> Entry:
    """One asset: most are good or nearly so, one in twenty cannot be processed."""
    name = key.rpartition("/")[2].removesuffix(".glb")
    fate = chance.random()
    error = chance.choice(_FAILURES) if fate < 0.04 else _UNSUPPORTED if fate < 0.06 else None
    triangles = int(10 ** chance.gauss(4.0, 0.6))
    careful = chance.random() < 0.45
    findings = [] if error else list(_findings(chance, name, key, triangles, careful))
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    findings.sort(key=lambda finding: (finding.waived, order[finding.severity]))
    found = {finding.severity for finding in findings if not finding.waived}
    bytes_of = {kind: int(10 ** chance.gauss(mean, 0.4)) for kind, mean in zip(BYTE_KINDS, _POWERS, strict=True)}
    size = sum(bytes_of.values())
    images = [_image(chance, name, slot) for slot in ("albedo", "normal", "orm")[: chance.randint(0, 3)]]
    gpu = sum(image["gpu_bytes"] for image in images) + triangles * 40
    verdict = (
        ("unsupported" if error["unsupported"] else "error")
        if error
        else "fail" if "error" in found else "warn" if "warning" in found else "pass"
    )  # fmt: skip
    coverage = [_NO_SCENE] if error else [_DEEP, *([_BLURRED] if chance.random() < 0.1 else [])]
    exporter = chance.choices([name for name, _ in _EXPORTERS], [weight for _, weight in _EXPORTERS])[0] or None
    documents = [asdict(finding) for finding in findings]
    dimensions = [round(chance.uniform(0.2, 3), 3) for _ in range(3)]
    counting = [finding for finding in findings if not finding.waived]
    severities = Counter(finding.severity for finding in counting)
    return Entry(
        key=key,
        uri=f"s3://studio/{key}",
        report=_report(key),
        state="skipped" if chance.random() < 0.3 else "done",
        verdict=cast(Any, verdict),
        brief={
            "size_bytes": size,
            "etag": uid(key),
            "vertices": None if error else int(triangles * 0.6),
            "triangles": None if error else triangles,
            "rendered_triangles": None if error else triangles,
            "draw_calls": None if error else chance.randint(1, 24),
            "dimensions_m": None if error else dimensions,
            "material_count": None if error else chance.randint(1, 5),
            "image_count": len(images),
            "animation_count": 0,
            "finding_counts": {severity: severities[severity] for severity in SEVERITIES},
            "waived_count": len(findings) - len(counting),
            "findings": [
                {"code": finding.code, "severity": finding.severity, "message": finding.message, "count": 1}
                for finding in counting
            ][:8],
            "error": error,
            "preview": None if error else f"s3://studio/{key}.webp",
        },
        extract=cast(
            Extract,
            {
                "sha256": uid(f"copy {chance.randint(1, 3)}" if chance.random() < 0.06 else key) * 4,
                "generator": exporter,
                "findings": documents,
                "coverage": coverage,
                "facts": {}
                if error
                else {
                    "objects": chance.randint(1, 12),
                    "meshes": chance.randint(1, 8),
                    "materials": [f"{name}_mat", "trim_sheet_a"],
                    "bones": 0,
                    "shape_keys": 0,
                    "lights": 0,
                    "cameras": 0,
                    "dimensions_m": dimensions,
                    "extensions_used": ["KHR_materials_clearcoat"] if chance.random() < 0.2 else [],
                    "skins": 0,
                },
                "images": images,
                "geometry": [
                    {"name": name, "sha256": uid(key), "size_bytes": bytes_of["geometry"]},
                    *(
                        {"name": part, "sha256": uid(part), "size_bytes": 42_000}
                        for part in _PARTS
                        if chance.random() < 0.1
                    ),
                ],
                "bytes": {} if error and error["stage"] == "container" else bytes_of,
                "gpu_bytes": None if error else gpu,
                "texel_density": None if error or not images else round(chance.lognormvariate(6.5, 0.5), 1),
            },
        ),
        change=_changed(chance, documents),
    )


def _findings(chance: random.Random, name: str, key: str, triangles: int, careful: bool) -> Iterator[Finding]:
    for code, share, message, where, saves in _FAULTS:
        over = code == "GLBV_BUDGET_TRIANGLES" and triangles > BUDGETS["triangles"]
        severity = _KHRONOS.get(code) or RULES[code].severity
        if not over and chance.random() > (share * 0.1 if careful and severity in ("error", "warning") else share):
            continue
        n = triangles if over else chance.randint(2, 900)
        waiver = next((one for one in (_WAIVER, _EXPIRED) if one.code == code and one.pattern[:-1] in key), None)
        for copy in range(chance.choice((1, 1, 1, 2, 3)) if where == "mesh" else 1):
            yield Finding(
                code=code,
                severity=cast(Any, severity),
                message=message.format(n=n, name=name),
                pointer=f"/meshes/{copy}" if where == "mesh" else where or None,
                object=name if where == "mesh" else None,
                mesh=f"{name}.{copy:03}" if where == "mesh" else None,
                elements=Elements(kind="face", count=n, first=tuple(range(min(n, 100)))) if where == "mesh" else None,
                position_m=(0.12, -0.4, 1.25) if where == "mesh" else None,
                saves=saves,
                waiver=waiver,
                waived=waiver is _WAIVER,
            )


def _image(chance: random.Random, name: str, slot: str) -> dict[str, Any]:
    """One of its own, a sheet that many assets share, or a plank that is there in several sizes."""
    kind = chance.choices(("own", "sheet", "plank"), (7, 2, 1))[0]
    side = chance.choice((512, 1024, 2048, 2048, 4096))
    called = {"own": f"{name}_{slot}", "sheet": f"trim_{side}_{slot}", "plank": f"plank_{side}"}[kind]
    return {
        "name": called,
        "mime_type": "image/png" if slot == "normal" else "image/jpeg",
        "size_bytes": side * side // 6,
        "gpu_bytes": side * side * 16 // 3,
        "width": side,
        "height": side,
        "sha256": uid(called),
        "fingerprint": uid("plank" if kind == "plank" else called),
        "mean": [0.5, 0.4, 0.3],
    }


def _changed(chance: random.Random, findings: list[dict[str, Any]]) -> Change | None:
    if chance.random() < 0.05:
        return None
    now = sorted({Place(one["code"], one["pointer"] or one["mesh"] or "") for one in findings if not one["waived"]})
    new = {place for place in now if chance.random() < 0.08}
    fixed = [Place("GLBV_MESH_INVERTED", "/meshes/9")] if chance.random() < 0.15 else []
    return Change(new=tuple(sorted(new)), fixed=tuple(fixed), still=tuple(place for place in now if place not in new))


def _history(counts: Mapping[str, int], runs: int) -> Iterator[PastRun]:
    """Of the runs before: the library got better from run to run, with one bad week."""
    for run in range(1, runs):
        worse = (runs - run) * 0.045 + (0.09 if run == runs // 2 else 0)
        moved = min(counts["pass"], int(worse * counts["total"]))
        yield PastRun(
            id=run,
            finished_at=f"2026-{11 - (runs - run):02}-20T16:41:50Z",
            counts={**counts, "pass": counts["pass"] - moved, "fail": counts["fail"] + moved},
            findings={"error": counts["fail"] + moved * 2, "warning": counts["warn"] * 2, "info": 0, "hint": 0},
        )


@cache
def pictures(number: int = 40, side: int = 256, seed: int = 7) -> list[bytes]:
    """Previews as WebP, 2 to 8 kB: boxes, in the light of one lamp, on nothing."""
    chance = random.Random(seed)
    return [_picture(chance, side) for _ in range(number)]


def _picture(chance: random.Random, side: int) -> bytes:
    image = Image.new("RGBA", (side * 2, side * 2), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    hue = [chance.randint(90, 200) for _ in range(3)]
    boxes = [
        (chance.uniform(-1, 1), chance.uniform(-1, 1), chance.uniform(0.3, 0.9), chance.uniform(0.3, 2.2))
        for _ in range(chance.randint(2, 7))
    ]
    unit = side * 0.42
    for x, y, wide, high in sorted(boxes, key=lambda box: box[0] + box[1]):

        def at(px: float, py: float, pz: float) -> tuple[float, float]:
            return side + (px - py) * unit * 0.87, side * 1.25 + (px + py) * unit * 0.5 - pz * unit

        x2, y2 = x + wide, y + wide
        for shade, corners in (
            (0.72, (at(x, y2, 0), at(x2, y2, 0), at(x2, y2, high), at(x, y2, high))),
            (0.5, (at(x2, y, 0), at(x2, y2, 0), at(x2, y2, high), at(x2, y, high))),
            (1.0, (at(x, y, high), at(x2, y, high), at(x2, y2, high), at(x, y2, high))),
        ):
            draw.polygon(corners, fill=(*(int(channel * shade) for channel in hue), 255))
    image = image.resize((side, side), Image.Resampling.LANCZOS)
    half = side // 2
    grain = Image.frombytes("L", (half, half), chance.randbytes(half * half)).resize((side, side))
    textured = Image.blend(image, Image.merge("RGBA", (grain, grain, grain, image.getchannel("A"))), 0.1)
    out = io.BytesIO()
    textured.save(out, "WEBP", quality=90)
    return out.getvalue()
