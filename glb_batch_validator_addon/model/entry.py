"""One asset of a run as its outputs see it: the report's brief, and what of the report a whole library is told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from .finding import Verdict


class ImageExtract(TypedDict):
    """As in `ImageFacts`; `fingerprint` as in `PixelFacts`."""

    name: str
    mime_type: str | None
    size_bytes: int | None
    gpu_bytes: int | None
    width: int | None
    height: int | None
    sha256: str | None
    fingerprint: str | None


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
    """Of the `facts` block by the same names: `objects`, `meshes`, `materials` (names), `bones`, `shape_keys`, `lights`,
    `cameras`, `dimensions_m`, and of the file `extensions_used`, `skins`. Empty without facts."""
    images: list[ImageExtract]
    geometry: list[GeometryExtract]
    bytes: dict[str, int]
    """Of the file by kind: `BYTE_KINDS`. Empty where the container could not be read."""
    gpu_bytes: int | None
    """Of images with their mip levels and of geometry, as the rule GLBV_BUDGET_GPU_MEMORY counts it."""
    texel_density: float | None
    """Pixels per metre: median over the asset's textured surface, by area."""
    versions: dict[str, str]


BYTE_KINDS = ("textures", "geometry", "animations", "json", "rest")


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
