"""Rules about two readers of one file: what the Khronos validator and Blender's importer do not agree on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from ..model.facts import Missing
from ..model.finding import Issue
from ..model.report import PASSING
from .registry import Subject, Thresholds, rule

_MAX_NAMED = 3
"""Things that a message names."""


@rule(
    code="GLBV_READERS_BLENDER_REJECTS",
    title="Valid, and Blender does not import it",
    family="readers",
    severity="error",
    needs=("khronos",),
    what="It speaks when the Khronos validator has no error, and Blender's importer refused the file, failed or"
    " crashed. An extension or a decoder that this Blender lacks does not count, nor do limits of time and memory.",
    why="What is right by the specification cannot be opened in Blender: whoever gets the file to work on is stuck.",
    how="Try a newer Blender. Otherwise pass the file once through another tool (glTF-Transform, another program's"
    " exporter), and report it to the importer's developers with the file.",
)
def readers_blender_rejects(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    error = subject.error
    if subject.khronos is None or error is None or error.stage != "import" or error.unsupported:
        return
    passing = error.type in PASSING and error.type != "Crashed"
    if not subject.khronos.counts["error"] and subject.khronos.complete and not passing:
        yield Issue(message=f"The Khronos validator finds no error, but Blender did not import it. {error.message}")


@rule(
    code="GLBV_READERS_KHRONOS_REJECTS",
    title="Invalid, and Blender imports it",
    family="readers",
    severity="info",
    needs=("khronos", "scene"),
    what="It speaks when the Khronos validator has errors, and Blender imported the file all the same. The errors count"
    " by themselves.",
    why="That it works in Blender says nothing of other readers: stricter ones refuse it or show something else.",
    how="Put the errors right. An export from Blender often does it.",
)
def readers_khronos_rejects(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    report = subject.khronos
    if report and report.counts["error"]:
        codes = Counter(message.code for message in report.messages if message.severity == "error")
        named = ", ".join(code for code, _ in codes.most_common(_MAX_NAMED))
        count = report.counts["error"]
        errors = f"{count:,} {'error' if count == 1 else 'errors'}{f' ({named})' if named else ''}"
        yield Issue(message=f"Blender imported the file in spite of {errors}.")


@rule(
    code="GLBV_BLENDER_DROPPED",
    title="Did not arrive in Blender",
    family="readers",
    severity="warning",
    needs=("scene",),
    what="It names what is in the file and not in Blender, by kind: images, meshes, animations, skins, lights and"
    " cameras. The importer says nothing of most of it.",
    why="Nobody sees it in Blender, and it is gone from the next export.",
    how="Each has its reason: remove what is not used, put the file into a scene, bring the textures along.",
)
def blender_dropped(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    kinds: defaultdict[str, list[Missing]] = defaultdict(list)
    for missing in _missing(subject):
        if missing.what != "extension":
            kinds[missing.what].append(missing)
    for kind, entries in kinds.items():
        named = " ".join(f'"{entry.name}": {entry.reason}' for entry in entries[:_MAX_NAMED])
        rest = len(entries) - _MAX_NAMED
        text = f"Not in Blender, of the kind {kind}: {named}{f' And {rest} more.' if rest > 0 else ''}"
        yield Issue(message=text, count=len(entries))


@rule(
    code="GLBV_BLENDER_IGNORES_EXTENSION",
    title="Extension that Blender passes over",
    family="readers",
    severity="info",
    needs=("scene",),
    what="It names the extensions that the file uses, does not require, and that this Blender's importer does not read."
    " What is lost with them and can be told (an image, a mesh) is a finding of its own.",
    why="Nobody sees in Blender what they say, and they are gone from the next export.",
    how="Edit such files in tools that keep the extension, or use a newer Blender, which may read it.",
)
def blender_ignores_extension(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for missing in _missing(subject):
        if missing.what == "extension":
            yield Issue(message=f"{missing.name}: {missing.reason}")


@rule(
    code="GLBV_BLENDER_ALTERED",
    title="Triangles lost in Blender",
    family="readers",
    severity="info",
    needs=("file", "khronos", "scene"),
    what="It compares the triangles of all meshes in the file, by the Khronos validator, with those that Blender made"
    " of them. It says nothing where not every mesh arrived as one: where some are not shown, or one has several"
    " skins. Vertices are not compared: Blender keeps those that indices use, once for each primitive.",
    why="Blender drops triangles with the same corner twice and triangles that are there twice (mesh.validate). They"
    " cannot be seen, but what is exported is another mesh than what came in.",
    how="Delete degenerate and double faces where the mesh was made (Mesh, Clean Up, Degenerate Dissolve).",
)
def blender_altered(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    info = subject.khronos.info if subject.khronos else {}
    in_file, in_blender = info.get("totalTriangleCount"), subject.scene.triangles
    lost = any(missing.what in ("mesh", "more") for missing in _missing(subject))
    comparable = subject.scene.meshes == subject.file.meshes and not lost
    if comparable and isinstance(in_file, int) and in_file != in_blender:
        yield Issue(message=f"The file holds {in_file:,} triangles, Blender {in_blender:,} of them.")


@rule(
    code="GLBV_BLENDER_MESSAGES",
    title="The importer has something to say",
    family="readers",
    severity="hint",
    needs=("scene",),
    what="It passes on the warnings and errors that Blender's glTF importer logged.",
    why="They tell of things that it ignored or replaced.",
    how="Each is as the importer words it; most name the extension or the file that they are about.",
)
def blender_messages(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for message, count in Counter(subject.facts.importer_messages if subject.facts else ()).items():
        yield Issue(message=message, count=count)


def _missing(subject: Subject) -> tuple[Missing, ...]:
    return subject.facts.missing if subject.facts else ()
