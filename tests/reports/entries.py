"""Runs made up for the writers: a small one with one asset of each kind, one of hostile names, and large ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from glb_batch_validator_addon.model.entry import Change, Entry, Extract, Place
from glb_batch_validator_addon.model.finding import SEVERITIES, VERDICTS, Elements, Finding, Saving, Verdict, Waiver
from glb_batch_validator_addon.model.survey import ChangeEntry, Changes, RuleTally, RuleText, RunHead, Survey

LIBRARY = "s3://studio/library/"

RULES = {
    "GLBV_TEXTURE_TOO_LARGE": RuleText(
        title="Texture too large", family="textures", why="It fills the memory.", how="Scale it down."
    ),
    "GLBV_MESH_OPEN_EDGES": RuleText(title="Open edges", family="geometry", why="Light shines in.", how="Fill them."),
}

WAIVER = Waiver(
    code="GLBV_MESH_OPEN_EDGES", pattern="*", owner="mira", reason="seen from one side", expires="2026-12-31"
)

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "-2+3",
    "+1",
    "@SUM(1)",
    "\t=1",
    "\r\n=1",
    " \"' =1",
    "\uff1d1+1",
    "a;=1+1",
    'a\n"quoted", and\r\nmore',
    "nul \0 and bell \a",
    "lone \udcff and \ud800",
    "\u202egnp.exe",
    "]]>&amp;<![CDATA[",
    "\ufffe\uffff",
    "a | b \\| c \\\\| d",
    "`code` ``more`` `",
    "[x](javascript:alert(1)) ![y](http://evil.example/y.png)",
    "@everyone <!-- #1 --> <b onclick=x>",
    "</testcase></system-out>",
    "{0} %s ${HOME}",
)


@dataclass(frozen=True)
class Made:
    """A run as writers get it."""

    head: RunHead
    survey: Survey
    entries: Callable[[], Iterable[Entry]]
    rules: Mapping[str, RuleText]

    def written(self, write: Callable[..., None]) -> str:
        out = StringIO(newline="")
        write(out, head=self.head, survey=self.survey, entries=self.entries, rules=self.rules)
        return out.getvalue()


def finding(code: str = "GLBV_TEXTURE_TOO_LARGE", severity: str = "warning", **fields: Any) -> dict[str, Any]:
    message = fields.pop("message", "The image is too large.")
    return asdict(Finding(code=code, severity=severity, message=message, **fields))  # type: ignore[arg-type]


def entry(
    key: str,
    *findings: dict[str, Any],
    verdict: Verdict = "pass",
    error: dict[str, Any] | None = None,
    change: Change | None = None,
    generator: str | None = "Blender 4.5",
    state: str = "done",
) -> Entry:
    """With the figures of a small asset, whole numbers among them and not."""
    severities = Counter(item["severity"] for item in findings if not item["waived"])
    brief = {
        "size_bytes": 1848,
        "etag": "ab2b43",
        **{"vertices": 20, "triangles": 10, "rendered_triangles": 30, "draw_calls": 2},
        "dimensions_m": [1.0, 2.5, 0.1],
        **{"material_count": 1, "image_count": 1, "animation_count": 0},
        "finding_counts": {severity: severities[severity] for severity in SEVERITIES},
        "waived_count": sum(item["waived"] for item in findings),
        "findings": [],
        "error": error,
        "preview": None,
    }
    extract = Extract(
        sha256="0f" * 32,
        generator=generator,
        findings=list(findings),
        coverage=[{"need": "deep", "reason": "Left out.", "places": None, "rules": []}],
        facts={},
        images=[],
        geometry=[],
        bytes={"textures": 800, "geometry": 900, "animations": 0, "json": 100, "rest": 48},
        gpu_bytes=4096,
        texel_density=512.5,
    )
    report = f"s3://studio/{key.removesuffix('.glb')}_report.json"
    return Entry(
        key=key,
        uri=f"s3://studio/{key}",
        report=report,
        state=state,
        verdict=verdict,
        brief=brief,
        extract=extract,
        change=change,
    )


def pending(key: str) -> Entry:
    return Entry(
        key=key, uri=f"s3://studio/{key}", report="", state="pending", verdict=None, brief={}, extract=None, change=None
    )


def failure(message: str = "The file ends too early.", **fields: Any) -> dict[str, Any]:
    error = {"stage": "container", "type": "Truncated", "message": message, "signal": None, "unsupported": False}
    return {**error, **fields}


def small() -> Made:
    """An asset of each verdict, one finding that is waived, and what changed."""
    large = finding(
        severity="error",
        pointer="/images/0",
        message='The image "wood" has 8192 x 8192 pixels.',
        saves=Saving(bytes=1000, gpu_bytes=4000),
        count=3,
    )
    open_edges = finding(
        "GLBV_MESH_OPEN_EDGES",
        message='The mesh "torn" is open at 4 edges.',
        pointer="/meshes/0",
        object="torn",
        mesh="torn",
        elements=Elements(kind="edge", count=4, first=(1, 6, 13, 17)),
        position_m=(0.5, -0.5, 0.0),
    )
    waived = finding("GLBV_MESH_OPEN_EDGES", message="Open at 2 edges.", mesh="plane", waiver=WAIVER, waived=True)
    offset = finding("GLB_CHUNK_TOO_BIG", "info", message="A chunk is too big.", pointer="offset:20")
    change = Change(
        new=(Place("GLBV_TEXTURE_TOO_LARGE", "/images/0"),),
        fixed=(Place("GLBV_MESH_INVERTED", "/meshes/1"),),
        still=(Place("GLBV_MESH_OPEN_EDGES", "/meshes/0"),),
    )
    assets = (
        entry("library/props/bad.glb", large, open_edges, verdict="fail", change=change),
        entry("library/props/cut.glb", offset, verdict="error", error=failure()),
        entry("library/props/good one.glb", waived, state="skipped"),
        entry(
            "library/props/new.glb",
            verdict="unsupported",
            error=failure("It needs Blender 5.0.", stage="import", type="Unsupported", unsupported=True),
        ),
        entry("library/stół.glb", open_edges, verdict="warn"),
    )
    return made(assets)


def stopped() -> Made:
    """Interrupted before its second asset was done."""
    assets = (entry("library/a.glb"), pending("library/b.glb"))
    return made(assets, interrupted=True, reason="Ctrl-C")


def hostile() -> Made:
    """Every text that comes from an asset or a library, made of each hostile text."""
    assets: list[Entry] = []
    for text in HOSTILE:
        item = finding(
            severity="error",
            message=text,
            pointer=f"/extensions/{text}",
            object=text,
            mesh=text,
            waiver=WAIVER.__class__(**{**asdict(WAIVER), "owner": text, "reason": text}),
        )
        named = finding("GLBV_MESH_OPEN_EDGES", message=text, mesh=text)
        waived = {**item, "waived": True}
        change = Change(new=(Place("GLBV_TEXTURE_TOO_LARGE", item["pointer"]),), fixed=(Place("X", text),), still=())
        assets.append(entry(f"{text}.glb", item, named, waived, verdict="fail", generator=text, change=change))
        assets.append(entry(f"{text}/a.glb", verdict="error", error=failure(text)))
    return made(assets, interrupted=True, reason=HOSTILE[0])


def many(count: int) -> Made:
    """`count` assets with five findings each, made one by one as they are asked for."""
    items = [
        finding(message=f'The image "wood{number}" has 8192 x 8192 pixels.', pointer=f"/images/{number}")
        for number in range(4)
    ]
    bad = finding("GLBV_MESH_OPEN_EDGES", "error", message='The mesh "torn" is open.', mesh="torn")

    def entries() -> Iterator[Entry]:
        return (
            entry(f"library/{number // 1000:04}/asset{number:07}.glb", *items, bad, verdict="fail")
            for number in range(count)
        )

    run = made((entry("one.glb", *items, bad, verdict="fail"),))
    counts = {**run.head.counts, "fail": count, "total": count}
    return Made(head=head(counts), survey=run.survey, entries=entries, rules=RULES)


def made(assets: Iterable[Entry], **run: Any) -> Made:
    assets = tuple(assets)
    counts = dict.fromkeys((*VERDICTS, "skipped", "pending", "total", "pending_bytes"), 0)
    for asset in assets:
        counts[asset.verdict or "pending"] += 1
        counts["total"] += 1
        counts["skipped"] += asset.state == "skipped"
    return Made(head=head(counts, **run), survey=survey(assets), entries=lambda: iter(assets), rules=RULES)


def head(counts: dict[str, int], *, library: str = LIBRARY, interrupted: bool = False, reason: str = "") -> RunHead:
    return RunHead(
        library=library,
        id=7,
        version="0.1.0",
        started_at="2026-11-20T18:00:00Z",
        finished_at="2026-11-20T18:20:34Z",
        profile="default",
        interrupted=interrupted,
        reason=reason,
        seconds=1234.5,
        workers_busy=0.9,
        counts=counts,
        budgets={"triangles": 100_000, "size_bytes": None, "gpu_bytes": None},
    )


def survey(assets: tuple[Entry, ...]) -> Survey:
    """Rules and changes are counted; the rest is empty or made up."""
    found = [(asset, item) for asset in assets if asset.extract for item in asset.extract["findings"]]
    tallies = []
    for code in dict.fromkeys(item["code"] for _, item in found):
        own = [(asset, item) for asset, item in found if item["code"] == code]
        live = [asset.key for asset, item in own if not item["waived"]]
        tallies.append(
            RuleTally(
                code=code,
                severity=min((item["severity"] for _, item in own), key=SEVERITIES.index),
                message=own[0][1]["message"],
                assets=len(set(live)),
                findings=len(live),
                waived=len(own) - len(live),
                unblocks=1,
                saves=Saving(bytes=2_500_000, triangles=12),
                keys=tuple(live[:20]),
            )
        )
    places = [
        ChangeEntry(key=asset.key, kind=kind, code=place.code, where=place.where)  # type: ignore[arg-type]
        for asset in assets
        if asset.change
        for kind, there in (("new", asset.change.new), ("fixed", asset.change.fixed))
        for place in there
    ]
    return Survey(
        **{"bytes": {}, "triangles": 10, "size_bytes": 1848, "gpu_bytes": 4096, "findings": {}, "waived": 1},
        rules=tuple(tallies),
        **{"assets": (), "asset_copies": 2, "asset_copies_bytes": 3_696},
        **{"images": (), "image_copies": 0, "image_copies_bytes": 0},
        **{"meshes": (), "mesh_copies": 0, "mesh_copies_bytes": 0},
        **{"similar": (), "similar_count": 0, "outliers": (), "outlier_count": 0, "exporters": (), "folders": ()},
        changes=Changes(new=1, fixed=1, still=1, first_seen=2, entries=tuple(places)) if places else None,
        history=(),
    )
