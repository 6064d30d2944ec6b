"""What of a file no scene and no animation leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from ..model.facts import UnusedFacts
from .accessors import DRACO, MESHOPT, Buffers, UnreadableError
from .animations import Animation, Channel
from .document import JsonObject, is_index
from .materials import texture_infos
from .places import Tally
from .primitives import VARIANTS
from .references import is_data

Edge = tuple[str, int | None]
"""Name of a glTF array and an index in it, which may be out of range."""

ARRAYS = (
    *("nodes", "skins", "meshes", "cameras", "materials", "textures", "samplers", "images"),
    *("accessors", "bufferViews", "buffers"),
)
"""In the order in which they lead to each other."""

_WITHOUT_INDICES = frozenset(
    [
        *("KHR_lights_punctual", "KHR_mesh_quantization", "KHR_node_visibility", "KHR_texture_transform"),
        *("KHR_xmp", "KHR_xmp_json_ld"),
    ]
)
"""Extensions whose numbers are no indices of these arrays; nor are those of KHR_materials_*, but for textures."""
_IMAGE_SOURCES = ("KHR_texture_basisu", "EXT_texture_webp", "EXT_texture_avif", "MSFT_texture_dds", "KHR_texture_ktx")
_POINTER = re.compile(r"/([A-Za-z]+)/(0|[1-9][0-9]{0,8})(?:/|$)")


def unused_objects(document: JsonObject, animations: Sequence[Animation]) -> dict[str, list[int]]:
    """Indices by the name of the array: what scenes, animations and extensions of the file itself do not lead to.

    Whatever an extension that is not known here may mean by a number counts as used. A file without scenes is a library
    of single entities (glTF 2.0, 3.5.1): there, only what nothing at all refers to is unused, and nodes never are.
    """
    reach = _Reach(document)
    for animation in animations:
        for sampler in animation.samplers:
            reach.follow((("accessors", sampler.input), ("accessors", sampler.output)))
        for channel in animation.channels:
            reach.follow(_channel(channel))
    if scenes := document.objects("scenes"):
        for scene in scenes:
            reach.follow(("nodes", index) for index in scene.indices("nodes"))
            reach.follow_extensions(scene)
    else:
        reach.follow(("nodes", index) for index in range(len(reach.objects["nodes"])))
        for name in ARRAYS:
            for item in reach.objects[name]:
                reach.visit(name, item)
    reach.follow_extensions(document)
    reach.run()
    return {name: [index for index, mark in enumerate(marks) if not mark] for name, marks in reach.used.items()}


def referred_nodes(document: JsonObject, animations: Sequence[Animation]) -> set[int]:
    """The nodes that animations move, and the joints and skeletons of skins."""
    edges = [edge for animation in animations for channel in animation.channels for edge in _channel(channel)]
    edges += (edge for skin in document.objects("skins") for edge in _skin(skin))
    count = len(document.array("nodes"))
    return {index for name, index in edges if name == "nodes" and index is not None and index < count}


def unused_facts(document: JsonObject, animations: Sequence[Animation], buffers: Buffers) -> tuple[UnusedFacts, ...]:
    """By array, those of which something is unused."""
    unused = {name: indices for name, indices in unused_objects(document, animations).items() if indices}
    if not unused:
        return ()
    views, images = set(unused.get("bufferViews", ())), document.objects("images")
    # What unused images lie in counts with them
    of_images = views.intersection(images[index].index("bufferView") for index in unused.get("images", ()))
    sizes = {
        "images": _view_bytes(of_images, buffers)
        + sum(_data_bytes(images[index]) for index in unused.get("images", ())),
        "bufferViews": _view_bytes(views - of_images, buffers),
    }

    def facts(name: str, indices: list[int]) -> UnusedFacts:
        tally, items = Tally(), document.objects(name)
        for index in indices:
            tally.add(f"/{name}/{index}", items[index].string("name"))
        return UnusedFacts(what=name, sample=tally.sample(), bytes=sizes.get(name, 0))

    return tuple(facts(name, indices) for name, indices in unused.items())


def _view_bytes(views: Iterable[int], buffers: Buffers) -> int:
    """Of bufferViews that are all there; they may overlap, so no more than there is."""
    size = 0
    for view in views:
        with suppress(UnreadableError):
            size += buffers.span(view)[2]
    return min(size, buffers.total_bytes)


def _data_bytes(image: JsonObject) -> int:
    """Of the text of a data: URI in the JSON."""
    uri = image.string("uri")
    return len(uri) if uri is not None and is_data(uri) else 0


class _Reach:
    """What is used so far, and what it leads to."""

    def __init__(self, document: JsonObject) -> None:
        self.objects = {name: document.objects(name) for name in ARRAYS}
        self.used = {name: bytearray(len(items)) for name, items in self.objects.items()}
        self._pending: list[tuple[str, JsonObject]] = []
        self._longest = max(map(len, self.objects.values()))
        self._numbers = bytearray(self._longest)
        """The numbers that extensions of unknown meaning hold."""

    def run(self) -> None:
        """Visit all that was followed to, until nothing new comes."""
        while self._pending:
            self.visit(*self._pending.pop())

    def follow(self, edges: Iterable[Edge]) -> None:
        """Mark these as used, and visit them later."""
        for name, index in edges:
            if index is not None and index < len(marks := self.used[name]) and not marks[index]:
                marks[index] = True
                self._pending.append((name, self.objects[name][index]))

    def visit(self, name: str, item: JsonObject) -> None:
        """Follow to all that an element of that array refers to."""
        if name == "accessors":
            self.follow(_accessor(item))
        elif name == "bufferViews":
            self.follow((("buffers", item.index("buffer")),))
        elif name == "nodes":
            self.follow(_node(item))
        elif name == "meshes":
            for primitive in item.objects("primitives"):
                self.follow(_primitive(primitive))
                self.follow_extensions(primitive)
        elif name == "materials":
            for _, info in texture_infos(item):
                self.follow((("textures", info.index("index")),))
                self.follow_extensions(info)
        elif name == "textures":
            self.follow((("images", item.index("source")), ("samplers", item.index("sampler"))))
        elif name == "images":
            self.follow((("bufferViews", item.index("bufferView")),))
        elif name == "skins":
            self.follow(_skin(item))
        self.follow_extensions(item)

    def follow_extensions(self, item: JsonObject) -> None:
        """Follow to what the extensions of an object refer to, as far as it is known, else to all that it may be."""
        if "extensions" not in item.members:
            return
        for extension, value in item.child("extensions").members.items():
            content = JsonObject(value if isinstance(value, dict) else {})
            if extension == DRACO:
                self.follow((("bufferViews", content.index("bufferView")),))
            elif extension in MESHOPT:
                self.follow((("buffers", content.index("buffer")),))
            elif extension in _IMAGE_SOURCES:
                self.follow((("images", content.index("source")),))
            elif extension == VARIANTS:
                self.follow(("materials", mapping.index("material")) for mapping in content.objects("mappings"))
            elif extension == "EXT_mesh_gpu_instancing":
                self.follow(
                    ("accessors", index) for index in content.child("attributes").members.values() if is_index(index)
                )
            elif extension not in _WITHOUT_INDICES and not extension.startswith("KHR_materials_"):
                self._follow_numbers(value)

    def _follow_numbers(self, value: object) -> None:
        pending = [value]
        while pending:
            item = pending.pop()
            if isinstance(item, dict):
                pending += item.values()
            elif isinstance(item, list):
                pending += item
            elif is_index(item) and item < self._longest and not self._numbers[item]:
                self._numbers[item] = True
                self.follow((name, item) for name in ARRAYS)


def _node(node: JsonObject) -> Iterator[Edge]:
    members = node.members
    if "children" in members:
        yield from (("nodes", index) for index in node.indices("children"))
    if "mesh" in members:
        yield "meshes", node.index("mesh")
        yield "skins", node.index("skin")
    if "camera" in members:
        yield "cameras", node.index("camera")


def _skin(skin: JsonObject) -> Iterator[Edge]:
    yield from (("nodes", index) for index in skin.indices("joints"))
    yield "nodes", skin.index("skeleton")
    yield "accessors", skin.index("inverseBindMatrices")


def _primitive(primitive: JsonObject) -> Iterator[Edge]:
    for attributes in (primitive.members.get("attributes"), *primitive.array("targets")):
        if isinstance(attributes, dict):
            yield from (("accessors", index) for index in attributes.values() if is_index(index))
    yield "accessors", primitive.index("indices")
    yield "materials", primitive.index("material")


def _accessor(accessor: JsonObject) -> Iterator[Edge]:
    yield "bufferViews", accessor.index("bufferView")
    if "sparse" in accessor.members:
        sparse = accessor.child("sparse")
        yield "bufferViews", sparse.child("indices").index("bufferView")
        yield "bufferViews", sparse.child("values").index("bufferView")


def _channel(channel: Channel) -> Iterator[Edge]:
    yield "nodes", channel.node
    if channel.pointer and (match := _POINTER.match(channel.pointer)) and match[1] in ARRAYS:
        yield match[1], int(match[2])
