"""One asset of a run as its outputs see it: the report's brief, and what of the report a whole library is told by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from .finding import Verdict
from .report import Report

FACTS = (
    *("objects", "mesh_objects", "meshes", "materials", "dimensions_m", "bones", "actions", "shape_keys", "lights"),
    *("cameras", "draw_calls", "vertices", "triangles", "rendered_triangles"),
)
"""Of the `facts` block, what pages show."""
FILE_FACTS = ("extensions_used", "extensions_required", "skins", "joints", "morph_targets", "nodes", "primitives")
"""The same of its `file`."""
BYTE_KINDS = ("textures", "geometry", "animations", "json", "rest")
"""What the bytes of a file are spent on. `rest` is what nothing uses, padding, and what compression hides."""


class ImageExtract(TypedDict):
    """As in `ImageFacts`; `fingerprint` and `mean` as in `PixelFacts`, None where it was not decoded."""

    name: str
    mime_type: str | None
    size_bytes: int | None
    gpu_bytes: int | None
    width: int | None
    height: int | None
    sha256: str | None
    fingerprint: str | None
    mean: list[float] | None


class GeometryExtract(TypedDict):
    """As in `GeometryFacts`."""

    name: str
    sha256: str | None
    size_bytes: int


class Extract(TypedDict):
    """What the ledger keeps of a report besides its brief, for the outputs of a run. JSON."""

    sha256: str | None
    """Of the asset's bytes."""
    generator: str | None
    """What exported it, `asset.generator`."""
    findings: list[dict[str, Any]]
    """`Finding`, all of the report, the worst first."""
    coverage: list[dict[str, Any]]
    """`rules.judgement.Uncovered`."""
    facts: dict[str, Any]
    """The members that `FACTS` and `FILE_FACTS` name. Empty without facts."""
    images: list[ImageExtract]
    geometry: list[GeometryExtract]
    bytes: dict[str, int]
    """Of the file by kind: `BYTE_KINDS`. Empty where the container could not be read."""
    gpu_bytes: int | None
    """Of images with their mip levels and of geometry, as the rule GLBV_BUDGET_GPU_MEMORY counts it."""
    texel_density: float | None
    """Pixels per metre: median over the asset's textured surface, by area."""


def extract(report: Report) -> Extract:
    """Of any report. Raises ValueError if its facts are not those of a report of this schema."""
    try:
        return _extract(report, report.facts)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its facts are not those of a report: {error!r}") from error


def _extract(report: Report, facts: dict[str, Any] | None) -> Extract:
    if facts is None:
        return Extract(
            sha256=report.sha256,
            generator=None,
            findings=report.findings,
            coverage=report.coverage,
            facts={},
            images=[],
            geometry=[],
            bytes={},
            gpu_bytes=None,
            texel_density=None,
        )
    file = facts["file"]
    return Extract(
        sha256=report.sha256,
        generator=file["generator"],
        findings=report.findings,
        coverage=report.coverage,
        facts={name: facts[name] for name in FACTS} | {name: file.get(name, facts.get(name)) for name in FILE_FACTS},
        images=_images(facts),
        geometry=[
            GeometryExtract(name=mesh["name"], sha256=mesh["sha256"], size_bytes=mesh["size_bytes"])
            for mesh in file["geometry"]
        ],
        bytes=_bytes(report.asset.size_bytes, facts),
        gpu_bytes=file["primitive_list"]["geometry_bytes"]
        + sum(image["gpu_bytes"] or 0 for image in facts["images"] if image["slots"]),
        texel_density=_texel_density(facts["mesh_list"] or ()),
    )


def _images(facts: dict[str, Any]) -> list[ImageExtract]:
    decoded = {pixels["image"]: pixels for pixels in facts["pixels"] or () if not pixels["broken"]}
    return [
        ImageExtract(
            name=image["name"],
            mime_type=image["mime_type"],
            size_bytes=image["size_bytes"],
            gpu_bytes=image["gpu_bytes"],
            width=image["width"],
            height=image["height"],
            sha256=image["sha256"],
            fingerprint=decoded[index]["fingerprint"] if index in decoded else None,
            mean=decoded[index]["mean"] if index in decoded else None,
        )
        for index, image in enumerate(facts["images"])
    ]


def _bytes(size_bytes: int, facts: dict[str, Any]) -> dict[str, int]:
    """By kind, the whole never more than the file: what accessors declare may overlap, or be decoded from less."""
    file = facts["file"]
    inside = (image["size_bytes"] or 0 for image in facts["images"] if image["source"] in ("bin", "data"))
    claims = {
        "json": file["json_bytes"],
        "textures": sum(inside),
        "geometry": sum(mesh["size_bytes"] for mesh in file["geometry"]),
        "animations": file["animation_bytes"],
    }
    left = size_bytes
    kinds = {}
    for kind, claim in claims.items():
        kinds[kind] = min(claim, left)
        left -= kinds[kind]
    return {kind: kinds.get(kind, left) for kind in BYTE_KINDS}


def _texel_density(meshes: Iterable[dict[str, Any]]) -> float | None:
    densities: list[tuple[float, float]] = sorted(
        (density["median_uv_per_m"] * density["texture_px"], density["area_m2"])
        for mesh in meshes
        for uv_map in mesh["uv_maps"]
        for density in uv_map["densities"]
        if density["texture_px"]
    )
    half = sum(area for _, area in densities) / 2
    for value, area in densities:
        half -= area
        if half <= 0:
            return value
    return None


class Place(NamedTuple):
    """A finding's identity from run to run."""

    code: str
    where: str
    """Pointer, mesh or object; "" for the asset as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of an asset's findings since the run before; those that are waived left out."""

    new: tuple[Place, ...]
    fixed: tuple[Place, ...]
    still: tuple[Place, ...]


def places_of(findings: Iterable[dict[str, Any]]) -> list[Place]:
    """Of those that are not waived, each once, sorted."""
    return sorted({place_of(finding) for finding in findings if not finding["waived"]})


def place_of(finding: Mapping[str, Any]) -> Place:
    return Place(finding["code"], finding["pointer"] or finding["mesh"] or finding["object"] or "")


def change(before: Iterable[Place], now: Iterable[Place]) -> Change:
    """From the findings of one run to those of a later one."""
    old, new = set(before), set(now)
    return Change(new=tuple(sorted(new - old)), fixed=tuple(sorted(old - new)), still=tuple(sorted(old & new)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One asset of a run."""

    key: str
    uri: str
    report: str
    """URI of its report."""
    state: str
    """`done`, `skipped` (unchanged since its report was written) or `pending` (of an interrupted run)."""
    verdict: Verdict | None
    """None while pending, and then `brief` is empty and `extract` None."""
    brief: Mapping[str, Any]
    """`Report.brief`; `preview` in it is the URI of its picture, or None."""
    extract: Extract | None
    change: Change | None = None
    """None where no earlier run has looked at it."""

    def row(self) -> dict[str, Any]:
        """The asset's row in `summary.json`."""
        return {
            "key": self.key,
            "state": self.state,
            "verdict": self.verdict,
            "report": self.report,
            **self.brief,
        }


Entries = Callable[[], Iterable[Entry]]
"""The assets of a run in the order of keys, anew at each call: a library may be larger than memory."""
