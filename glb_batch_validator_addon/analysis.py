"""One asset through the rooms: container, import, measure. Runs in the worker, and answers whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from .blender.arrival import missing
from .blender.measure import measure
from .blender.scene import import_glb
from .errors import AssetError, UnsupportedAssetError
from .glb.container import read_container
from .glb.document import JsonObject, parse_document, printable, require_gltf_2
from .glb.layout import lay_out
from .glb.references import Reference, Refused, Resolved, keys_of, targets_of
from .glb.summary import file_facts
from .model.facts import FileFacts, Missing, ReferenceFacts, SceneFacts
from .model.report import Failure, Stage
from .model.wire import Outcome, Reply, Request, Resource

MAX_MESSAGE = 1000
"""Characters of an error's message."""


class Analysis:
    """The way of one asset. `enter` is told each stage before it begins, so that a crash can be placed."""

    def __init__(self, request: Request, *, managed: frozenset[str] | None, enter: Callable[[Stage], None]) -> None:
        self._request = request
        self._managed = managed
        self._enter = enter
        self._stage: Stage = "container"
        self._seconds: dict[str, float] = {}
        self._sha256: str | None = None
        self._facts: dict[str, Any] | None = None

    def run(self) -> Reply:
        """The reply to the request, `memory_bytes` left out. Never raises an Exception."""
        try:
            with contextlib.ExitStack() as self._at_the_end:
                return self._run()
        except UnsupportedAssetError as error:
            return self._reply("unsupported", error=self._failure(error.kind, str(error)))
        except AssetError as error:
            return self._reply("error", error=self._failure(error.kind, str(error)))
        except MemoryError:
            return self._reply("error", error=self._failure("OutOfMemory", "The asset does not fit into memory."))
        except Exception as error:
            text = f"The validator itself failed on this asset ({type(error).__name__}: {error}). Please report it."
            return self._reply("error", error=self._failure("InternalError", text))

    def _run(self) -> Reply:
        request = self._request
        with self._in_stage("container"):
            data = Path(request.path).read_bytes()
            self._sha256 = hashlib.sha256(data).hexdigest()
            container = read_container(data, request.limits)
            document = parse_document(container, request.limits)
            targets = targets_of(container, document, asset_key=request.key, root=request.root, limits=request.limits)
            wanted = keys_of(targets)
            if wanted and request.resources is None:
                return self._reply("needs", needs=wanted)
            resources = request.resources or {}
            references = tuple(_reference_facts(*reference, resources) for reference in targets.items())
            fetched = {
                reference.pointer: Path(resource.path)
                for reference, target in targets.items()
                if isinstance(target, Resolved) and (resource := resources[target.key]).path
            }
            file = file_facts(container, document, references, fetched)
            self._facts = _facts(file)
            require_gltf_2(document)
            self._require_extensions(document)
            path = Path(request.path)
            if targets:
                top = Path(f"{path}.layout")
                shutil.rmtree(top, ignore_errors=True)  # of a worker that died over it
                self._at_the_end.callback(shutil.rmtree, top, ignore_errors=True)
                path = lay_out(container, targets, resources, top)
            del data, container  # the importer reads the file anew
        with self._in_stage("import"):
            messages = import_glb(path, folder=path.parent)
        with self._in_stage("measure"):
            scene = measure()
            lost = missing(document, scene, references, self._managed)
            self._facts = _facts(file, scene, lost, messages)
        return self._reply("ok")

    def _require_extensions(self, document: JsonObject) -> None:
        """The importer refuses required extensions that it does not read: say so before, and name them all."""
        required = document.texts("extensionsRequired")
        if lacking := [name for name in required if self._managed is not None and name not in self._managed]:
            names = ", ".join(lacking)
            raise UnsupportedAssetError(
                "ExtensionRequired", f"The asset requires {names}, which this Blender does not read."
            )

    @contextlib.contextmanager
    def _in_stage(self, stage: Stage) -> Iterator[None]:
        self._stage = stage
        self._enter(stage)
        started = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[stage] = time.perf_counter() - started

    def _failure(self, kind: str, message: str) -> Failure:
        if len(message) > MAX_MESSAGE:  # a hostile file may put its own text into an exception
            message = f"{message[:MAX_MESSAGE]} ..."
        return Failure(stage=self._stage, type=kind, message=message)

    def _reply(self, outcome: Outcome, *, needs: tuple[str, ...] = (), error: Failure | None = None) -> Reply:
        return Reply(
            id=self._request.id,
            outcome=outcome,
            needs=needs,
            sha256=self._sha256,
            facts=self._facts,
            error=error,
            seconds=self._seconds,
        )


# What the container tells for want of a better witness stands beside what Blender measured.
_TOLD = ("primitives", "draw_calls", "images", "animations", "references")
_REST = tuple(field.name for field in fields(FileFacts) if field.name not in _TOLD)


def _facts(
    file: FileFacts, scene: SceneFacts | None = None, missing: tuple[Missing, ...] = (), messages: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The `facts` block; what was not measured is null."""
    return {
        **{field.name: getattr(scene, field.name, None) for field in fields(SceneFacts)},
        **{name: getattr(file, name) for name in _TOLD},
        "missing": missing,
        "importer_messages": messages,
        "file": {name: getattr(file, name) for name in _REST},
    }


def _reference_facts(
    reference: Reference, target: Resolved | Refused, resources: Mapping[str, Resource]
) -> ReferenceFacts:
    if isinstance(target, Refused):
        key, outcome, reason = None, "refused", target.reason
    else:
        resource = resources[target.key]
        key, reason = printable(target.key), resource.reason
        outcome = "fetched" if resource.path else "missing"
    return ReferenceFacts(
        pointer=reference.pointer, uri=printable(reference.uri), key=key, outcome=outcome, reason=reason
    )
