"""Looks at every asset of a run twice, and says what only all of them together show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..model.entry import BYTE_KINDS, Entries
from ..model.finding import SEVERITIES, VERDICTS
from ..model.survey import MAX_GROUPS, PastRun, RunHead, Survey
from .changes import ChangeLog
from .duplicates import Copies, image_parts, mesh_parts
from .outliers import Distribution
from .ranking import Ranking
from .scorecards import Scorecards, exporter_of, folder_of
from .similar import Lookalikes


def survey(entries: Entries, *, head: RunHead, root: str, before: Sequence[PastRun] = ()) -> Survey:
    """The library as a whole, as the run of `head` found it. `root` is what all keys start with.

    What is kept in memory is some 100 bytes an asset, an image and a mesh: 100,000 assets take about 100 MB.
    """
    kinds, findings, totals = Counter[str](), Counter[str](), Counter[str]()
    ranking, changes, distribution, lookalikes = Ranking(), ChangeLog(), Distribution(), Lookalikes()
    assets, images, meshes = Copies(), Copies(), Copies()
    exporters, folders = Scorecards(exporter_of), Scorecards(lambda entry: folder_of(entry, root))
    for entry in entries():
        extract = entry.extract
        if extract is None:
            continue
        kinds.update(extract["bytes"])
        findings.update(finding["severity"] for finding in extract["findings"] if not finding["waived"])
        totals["waived"] += sum(finding["waived"] for finding in extract["findings"])
        totals["size_bytes"] += entry.brief["size_bytes"]
        totals["triangles"] += entry.brief["rendered_triangles"] or 0
        totals["gpu_bytes"] += extract["gpu_bytes"] or 0
        assets.count(extract["sha256"])
        images.count_all(image_parts(extract))
        meshes.count_all(mesh_parts(extract))
        lookalikes.count(extract)
        for part in (ranking, changes, distribution, exporters, folders):
            part.take(entry)
    for entry in entries():
        extract = entry.extract
        if extract is None:
            continue
        assets.take(entry.key, [(extract["sha256"], entry.key, entry.brief["size_bytes"])])
        images.take(entry.key, image_parts(extract))
        meshes.take(entry.key, mesh_parts(extract))
        lookalikes.take(entry.key, extract)
    outliers = distribution.outliers()
    return Survey(
        bytes={kind: kinds[kind] for kind in BYTE_KINDS},
        triangles=totals["triangles"],
        size_bytes=totals["size_bytes"],
        gpu_bytes=totals["gpu_bytes"],
        findings={severity: findings[severity] for severity in SEVERITIES},
        waived=totals["waived"],
        rules=ranking.rules(),
        assets=assets.groups(),
        asset_copies=assets.copies,
        asset_copies_bytes=assets.saves_bytes,
        images=images.groups(),
        image_copies=images.copies,
        image_copies_bytes=images.saves_bytes,
        meshes=meshes.groups(),
        mesh_copies=meshes.copies,
        mesh_copies_bytes=meshes.saves_bytes,
        similar=lookalikes.groups(),
        similar_count=lookalikes.group_count,
        outliers=outliers[:MAX_GROUPS],
        outlier_count=len(outliers),
        exporters=exporters.cards(),
        folders=folders.cards(),
        changes=changes.changes(),
        history=(*before, _present(head, findings)),
    )


def _present(head: RunHead, findings: Counter[str]) -> PastRun:
    return PastRun(
        id=head.id,
        finished_at=head.finished_at,
        counts={name: head.counts[name] for name in (*VERDICTS, "total")},
        findings={severity: findings[severity] for severity in SEVERITIES},
    )
