"""What the container and its JSON say of an asset: counts, extensions, images, animations."""

from __future__ import annotations

import math

from ..model.facts import AnimationFacts, FileFacts, ImageFacts, ReferenceFacts
from .container import Container
from .content import Fetched, buffer_contents, read, size_bytes, uri_content
from .document import JsonObject, printable
from .images import HEAD_BYTES, image_header
from .references import is_data
from .scene_graph import shown_meshes


def file_facts(
    container: Container,
    document: JsonObject,
    references: tuple[ReferenceFacts, ...],
    fetched: Fetched,
) -> FileFacts:
    """Facts of the file; `references` are passed through.

    Names and URIs are cut at `document.MAX_TEXT` characters. Indices that lead nowhere are passed over. Raises
    OSError only if a fetched file cannot be read.
    """
    asset = document.child("asset")
    nodes = document.objects("nodes")
    meshes = document.objects("meshes")
    return FileFacts(
        generator=asset.text("generator"),
        gltf_version=asset.text("version"),
        json_bytes=len(container.json),
        bin_bytes=0 if container.bin is None else len(container.bin),
        extensions_used=document.texts("extensionsUsed"),
        extensions_required=document.texts("extensionsRequired"),
        scenes=len(document.array("scenes")),
        nodes=len(nodes),
        meshes=len(meshes),
        primitives=sum(len(mesh.array("primitives")) for mesh in meshes),
        draw_calls=sum(len(meshes[index].array("primitives")) for index in shown_meshes(document)),
        materials=len(document.array("materials")),
        textures=len(document.array("textures")),
        accessors=len(document.array("accessors")),
        skins=len(document.array("skins")),
        joints=len(
            {index for skin in document.objects("skins") for index in skin.indices("joints") if index < len(nodes)}
        ),
        morph_targets=sum(_morph_targets(mesh) for mesh in meshes),
        lights=len(document.child("extensions").child("KHR_lights_punctual").array("lights")),
        cameras=len(document.array("cameras")),
        images=_images(container, document, fetched),
        animations=_animations(document),
        references=references,
    )


def _morph_targets(mesh: JsonObject) -> int:
    return max((len(primitive.array("targets")) for primitive in mesh.objects("primitives")), default=0)


def _animations(document: JsonObject) -> tuple[AnimationFacts, ...]:
    ends = [_number(accessor.array("max")) for accessor in document.objects("accessors")]

    def facts(animation: JsonObject) -> AnimationFacts:
        inputs = (sampler.index("input") for sampler in animation.objects("samplers"))
        known = (ends[index] for index in inputs if index is not None and index < len(ends))
        return AnimationFacts(
            name=animation.text("name") or "",
            seconds=max((end for end in known if end is not None), default=None),
            channels=len(animation.array("channels")),
        )

    return tuple(facts(animation) for animation in document.objects("animations"))


def _number(values: list[object]) -> float | None:
    """The only element of `values`, if it is a number that a float can hold."""
    if len(values) != 1 or not isinstance(values[0], (int, float)) or isinstance(values[0], bool):
        return None
    try:
        return value if math.isfinite(value := float(values[0])) else None
    except OverflowError:
        return None


def _images(container: Container, document: JsonObject, fetched: Fetched) -> tuple[ImageFacts, ...]:
    views = document.objects("bufferViews")
    buffers = buffer_contents(container, document, fetched)

    def view_content(index: int | None) -> tuple[int | None, bytes | memoryview]:
        """Length and first bytes of a bufferView; (None, b"") if it is not all there."""
        view = views[index] if index is not None and index < len(views) else JsonObject({})
        buffer, offset, size = view.index("buffer"), view.index("byteOffset") or 0, view.index("byteLength")
        content = buffers[buffer] if buffer is not None and buffer < len(buffers) else None
        if content is None or size is None or offset + size > size_bytes(content):
            return None, b""
        return size, read(content, offset, min(size, HEAD_BYTES))

    def facts(index: int, image: JsonObject) -> ImageFacts:
        uri = image.string("uri")
        if uri is None:
            source = "bin"
            size, head = view_content(image.index("bufferView"))
        else:
            source = "data" if is_data(uri) else printable(uri)
            content = uri_content(image, f"/images/{index}", fetched)
            size, head = (None, b"") if content is None else (size_bytes(content), read(content, 0, HEAD_BYTES))
        header = image_header(head)
        return ImageFacts(
            name=image.text("name") or "",
            mime_type=header.mime_type,
            size_bytes=size,
            width=header.width,
            height=header.height,
            channels=header.channels,
            bit_depth=header.bit_depth,
            source=source,
        )

    return tuple(facts(index, image) for index, image in enumerate(document.objects("images")))
