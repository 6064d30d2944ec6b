"""Shard files made up without a run."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from glb_batch_validator_addon.cli.outputs import Outputs
from glb_batch_validator_addon.cli.results import Results
from glb_batch_validator_addon.engine.pictures import Pictures
from glb_batch_validator_addon.model.entry import Entry
from glb_batch_validator_addon.model.shard import Shard, shard_of
from glb_batch_validator_addon.model.survey import RunHead
from glb_batch_validator_addon.reports.shards import ShardHead, entry_line, shard_lines
from tests.reports.entries import made
from tests.survey import large

SETUP = {"library": "s3://studio/library/", "--reports-to": "", "settings": "1234.5678", "--include": []}
ROOT = "library/"


def leave(
    folder: Path,
    text: str,
    assets: Iterable[Entry],
    *,
    setup: dict[str, Any] | None = None,
    formats: tuple[str, ...] = (),
    **run: Any,
) -> Path:
    """What a run over these assets leaves as the shard of `text`, of those that are in it; the path of its file."""
    shard = Shard.parse(text)
    own = tuple(asset for asset in assets if shard.holds(asset.key))
    head = replace(made(own).head, **run)
    results = Results(head=head, root=ROOT, entries=lambda: own)
    folder.mkdir(exist_ok=True)
    outputs = Outputs(
        results, pictures=Pictures(folder / "none"), reports=None, shard=head_of(shard, head, setup or {})
    )
    return outputs.write(folder, formats)[-1]


def leave_large(folder: Path, count: int, *, parts: int) -> None:
    """The shards of a library of `count` assets, written side by side."""
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as opened:
        files = []
        for part in range(parts):
            shard = Shard(part, part, parts)
            files.append(opened.enter_context(gzip.open(folder / shard.name("shard.jsonl.gz"), "wt", compresslevel=1)))
            files[-1].writelines(shard_lines(head_of(shard, large.head(count // parts), {}), ()))
        for number, asset in enumerate(large.entries(count)):
            key = f"library/{number // 200:03}/{number:06}.glb"  # in order
            files[shard_of(key, parts)].write(entry_line(replace(asset, key=key)))


def head_of(shard: Shard, run: RunHead, setup: dict[str, Any]) -> ShardHead:
    return ShardHead(
        shard=shard,
        setup={**SETUP, "number of shards": shard.count, **setup},
        root=ROOT,
        reports="s3://studio/",
        without_facts=0,
        judge_only=False,
        command=("--bucket", "studio", "--prefix", "library/ä b"),
        run=run,
    )


def leave_whole(folder: Path, assets: Iterable[Entry], formats: tuple[str, ...], **run: Any) -> None:
    """What one run over all of these assets leaves."""
    own = tuple(assets)
    results = Results(head=replace(made(own).head, **run), root=ROOT, entries=lambda: own)
    folder.mkdir(exist_ok=True)
    Outputs(results, pictures=Pictures(folder / "none"), reports=None).write(folder, formats)
