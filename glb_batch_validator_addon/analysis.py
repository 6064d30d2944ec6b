"""One asset through the rooms: container, conformance, import, measure, judge. Runs in the worker, and answers whatever
happens: what fails costs the asset nothing but the checks that needed it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from .blender.arrival import missing
from .blender.measure import measure
from .blender.meshes import measure_meshes
from .blender.pixels import measure_pixels
from .blender.preview import Previews
from .blender.scene import import_glb
from .errors import AssetError, UnsupportedAssetError
from .glb.container import Container, read_container
from .glb.document import JsonObject, parse_document, printable, require_gltf_2
from .glb.layout import lay_out
from .glb.references import Reference, Refused, Resolved, keys_of, targets_of
from .glb.summary import file_facts
from .khronos.validator import NotCheckedError, NoValidator, Validator
from .mesh.texels import with_textures
from .model.facts import (
    MAX_PLACES,
    Facts,
    FileFacts,
    Gap,
    MeshFacts,
    Missing,
    Need,
    PixelFacts,
    Place,
    ReferenceFacts,
    Sample,
    SceneFacts,
    facts_document,
)
from .model.khronos import KhronosReport
from .model.library import StoredObject
from .model.preview import Order, Preview
from .model.report import Failure, Stage
from .model.wire import Reply, Request, Resource
from .rules.custom import load_custom_rules, without_custom_rules
from .rules.judgement import judge
from .rules.registry import Subject

MAX_MESSAGE = 1000
"""Characters of an error's message."""

_BLENDER: tuple[Need, ...] = ("scene", "meshes", "pixels", "deep")
"""What takes an import."""


class Analysis:
    """The way of one asset. `enter` is told each stage before it begins, so that a crash can be placed."""

    def __init__(
        self,
        request: Request,
        *,
        managed: frozenset[str] | None,
        validator: Validator | NoValidator,
        previews: Previews,
        enter: Callable[[Stage], None],
    ) -> None:
        """`managed` are the extensions that this Blender reads."""
        self._request = request
        self._managed = managed
        self._validator = validator
        self._previews = previews
        self._enter = enter
        self._stage: Stage = "container"
        self._seconds: dict[str, float] = {}
        self._gaps: list[Gap] = []
        self._sha256: str | None = None
        self._data = b""
        self._size_bytes = 0
        self._container: Container | None = None
        self._document = JsonObject({})
        self._targets: dict[Reference, Resolved | Refused] = {}
        self._references: tuple[ReferenceFacts, ...] = ()
        self._file: FileFacts | None = None
        self._scene: SceneFacts | None = None
        self._meshes: tuple[MeshFacts, ...] | None = None
        self._pixels: tuple[PixelFacts, ...] | None = None
        self._missing: tuple[Missing, ...] = ()
        self._messages: tuple[str, ...] = ()
        self._khronos: KhronosReport | None = None
        self._preview: Preview | None = None

    def run(self) -> Reply:
        """The reply to the request, `memory_bytes` left out. Never raises an Exception."""
        request = self._request
        error = self._attempt("container", self._read)
        if error is None and request.resources is None and (wanted := keys_of(self._targets)):
            return Reply(id=request.id, needs=wanted)
        if request.failed and request.failed.stage == "khronos":
            self._lack(("khronos",), f"The Khronos validator did not get to the end of it: {request.failed.message}")
        else:
            self._attempt("khronos", self._conform)
        blender: tuple[Need, ...] = (*_BLENDER, "preview") if request.preview else _BLENDER
        if error is None:
            error = request.failed if request.failed and request.failed.stage != "preview" else None
            if request.demand.depth == "quick":
                self._lack(blender, "Depth `quick` leaves Blender out.")
            else:
                error = error or self._attempt("container", self._require_extensions) or self._in_blender()
                if error:
                    self._lack(blender, f"Blender did not get to the end of it: {error.message}")
        elif self._file is None:
            self._lack(("file", "data", *blender), f"The file could not be read: {error.message}")
        else:
            self._lack(blender, f"Blender was not asked: {error.message}")
        return self._judged(error)

    def _read(self) -> None:
        request = self._request
        self._data = Path(request.path).read_bytes()
        self._size_bytes = len(self._data)
        self._sha256 = hashlib.sha256(self._data).hexdigest()
        self._container = read_container(self._data, request.limits)
        self._document = parse_document(self._container, request.limits)
        self._targets = targets_of(
            self._container, self._document, asset_key=request.key, root=request.root, limits=request.limits
        )
        resources = request.resources
        if resources is None:
            if keys_of(self._targets):
                return
            resources = {}
        self._references = tuple(_reference_facts(*reference, resources) for reference in self._targets.items())
        fetched = {reference.pointer: path for reference, path in self._fetched()}
        self._file, gaps = file_facts(self._container, self._document, self._references, fetched)
        self._gaps += gaps
        require_gltf_2(self._document)

    def _fetched(self) -> Iterator[tuple[Reference, Path]]:
        for reference, target in self._targets.items():
            if isinstance(target, Resolved) and (path := (self._request.resources or {})[target.key].path):
                yield reference, Path(path)

    def _conform(self) -> None:
        """Conformance is checked whatever else fails: the validator has its own words for what is no GLB at all."""
        try:
            resources = {reference.uri: path for reference, path in self._fetched()} or None
            self._khronos = self._validator.validate(self._data, resources=resources)
        except NotCheckedError as error:
            self._lack(("khronos",), str(error))
            return
        if not self._khronos.complete:
            self._gaps.append(Gap(need="khronos", reason=self._khronos.reason, places=Sample()))
        if self._file and (compressed := self._file.primitive_list.compressed).count:
            reason = "The Khronos validator does not look inside compressed data."
            self._gaps.append(Gap(need="khronos", reason=reason, places=compressed))
        if self._file and (ktx2 := _ktx2_images(self._file)).count:
            reason = "The Khronos validator does not look inside KTX2 images."
            self._gaps.append(Gap(need="khronos", reason=reason, places=ktx2))

    def _require_extensions(self) -> None:
        """The importer refuses required extensions that it does not read: say so before, and name them all."""
        required = self._document.texts("extensionsRequired")
        if lacking := [name for name in required if self._managed is not None and name not in self._managed]:
            names = ", ".join(lacking)
            raise UnsupportedAssetError(
                "ExtensionRequired", f"The asset requires {names}, which this Blender does not read."
            )

    def _in_blender(self) -> Failure | None:
        path = Path(self._request.path)
        with contextlib.ExitStack() as at_the_end:
            top = Path(f"{path}.layout")

            def read() -> None:
                nonlocal path
                if self._targets:
                    shutil.rmtree(top, ignore_errors=True)  # of a worker that died over it
                    at_the_end.callback(shutil.rmtree, top, ignore_errors=True)
                    assert self._container
                    path = lay_out(self._container, self._targets, self._request.resources or {}, top)
                self._data, self._container = b"", None  # the importer reads the file anew
                messages = import_glb(path, folder=path.parent)
                self._messages = tuple(message.replace(f"{top}{os.sep}", "") for message in messages)

            if error := self._attempt("import", read) or self._attempt("measure", self._measure):
                return error
            # What goes wrong here costs the asset these facts, and nothing else.
            if failed := self._attempt("meshes", self._measure_meshes):
                self._lack(("meshes", "deep"), failed.message)
            if failed := self._attempt("pixels", self._measure_pixels):
                self._lack(("pixels",), failed.message)
            if order := self._request.preview:
                self._attempt_preview(order)
        return None

    def _attempt_preview(self, order: Order) -> None:
        failed = self._request.failed  # of this stage: after any other, Blender is left out
        failed = failed or self._attempt("preview", lambda: self._take_picture(order))
        if failed:
            self._lack(("preview",), failed.message)

    def _measure(self) -> None:
        self._scene = measure()
        self._missing = missing(self._document, self._scene, self._references, self._managed)

    def _measure_meshes(self) -> None:
        deep = self._request.demand.depth == "deep"
        meshes, gaps = measure_meshes(self._document, deep=deep)
        assert self._file
        self._meshes = with_textures(meshes, self._file)
        self._gaps += gaps
        if not deep:
            self._lack(("deep",), "Depth `standard` leaves it out; `--depth deep` looks.")

    def _measure_pixels(self) -> None:
        assert self._file
        self._pixels, gaps = measure_pixels(self._file.images)
        self._gaps += gaps

    def _take_picture(self, order: Order) -> None:
        assert self._sha256
        contents = [self._sha256]
        fetched = {reference.pointer: path for reference, path in self._fetched()}
        for reference in self._targets:
            path = fetched.get(reference.pointer)
            contents.append(hashlib.sha256(path.read_bytes()).hexdigest() if path else "")
        self._preview = self._previews.take(order, contents=contents, at=Path(f"{self._request.path}.picture"))

    def _judged(self, error: Failure | None) -> Reply:
        bare = Reply(
            id=self._request.id, sha256=self._sha256, error=error, preview=self._preview, seconds=self._seconds
        )
        judged = [bare]
        if failed := self._attempt("judge", lambda: judged.append(self._judge(bare))):
            return replace(bare, error=failed)
        return judged[-1]

    def _judge(self, bare: Reply) -> Reply:
        request, facts = self._request, self._facts()
        subject = Subject(
            asset=StoredObject(key=request.key, size_bytes=self._size_bytes, etag="", last_modified=""),
            facts=facts,
            khronos=self._khronos,
            error=bare.error,
            expected_m=request.demand.expected_m,
        )
        demand = request.demand
        if request.failed and request.failed.stage == "judge":  # by one of them, for ours do not end a process
            demand = without_custom_rules(demand)
            self._lack(("custom",), f"Rules of your own were left out: {request.failed.message}")
        judgement = judge(subject, demand, gaps=[*self._gaps, *load_custom_rules(demand.rules_folder)])
        return replace(
            bare,
            verdict=judgement.verdict,
            findings=judgement.findings,
            coverage=judgement.coverage,
            khronos=self._khronos,
            facts=facts_document(facts) if facts else None,
        )

    def _facts(self) -> Facts | None:
        if self._file is None:
            return None
        return Facts(
            file=self._file,
            scene=self._scene,
            meshes=self._meshes,
            pixels=self._pixels,
            missing=self._missing,
            importer_messages=self._messages,
        )

    def _attempt(self, stage: Stage, step: Callable[[], None]) -> Failure | None:
        """Take a step; what goes wrong becomes a Failure."""
        self._stage = stage
        self._enter(stage)
        started = time.perf_counter()
        try:
            step()
        except AssetError as error:
            return self._failure(error.kind, str(error), unsupported=isinstance(error, UnsupportedAssetError))
        except MemoryError:
            return self._failure("OutOfMemory", "The asset does not fit into memory.")
        except Exception as error:
            text = f"The validator itself failed on this asset ({type(error).__name__}: {error}). Please report it."
            return self._failure("InternalError", text)
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.perf_counter() - started
        return None

    def _failure(self, kind: str, message: str, *, unsupported: bool = False) -> Failure:
        if len(message) > MAX_MESSAGE:  # a hostile file may put its own text into an exception
            message = f"{message[:MAX_MESSAGE]} ..."
        return Failure(stage=self._stage, type=kind, message=message, unsupported=unsupported)

    def _lack(self, needs: tuple[Need, ...], reason: str) -> None:
        self._gaps += [Gap(need=need, reason=reason) for need in needs]


def _ktx2_images(file: FileFacts) -> Sample:
    """The images that are KTX2 by their bytes."""
    places = [
        Place(pointer=f"/images/{index}", name=image.name)
        for index, image in enumerate(file.images)
        if image.mime_type == "image/ktx2"
    ]
    return Sample(count=len(places), first=tuple(places[:MAX_PLACES]))


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
