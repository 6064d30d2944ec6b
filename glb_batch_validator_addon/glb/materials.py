"""Materials with the defaults of glTF filled in, and which images they use for what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from ..model.facts import MaterialFacts, TextureUse
from .document import JsonObject, printable
from .places import Gaps
from .primitives import Primitive

_CORE = (
    ("baseColor", "baseColorTexture", True),
    ("metallicRoughness", "metallicRoughnessTexture", True),
    ("normal", "normalTexture", False),
    ("occlusion", "occlusionTexture", False),
    ("emissive", "emissiveTexture", False),
)
"""Slot, property, and whether it is one of pbrMetallicRoughness."""

MAX_MATERIALS = 10_000
_MAX_TEXTURES = 100
"""Of one material: glTF and Khronos' extensions together define about 25."""
_MAX_UV_SET = 9999


def texture_infos(material: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Slot and textureInfo of each texture: those of glTF itself, then any `...Texture` of its extensions."""
    return islice(_texture_infos(material), _MAX_TEXTURES)


def _texture_infos(material: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    members = material.members
    pbr = members.get("pbrMetallicRoughness")
    for slot, name, in_pbr in _CORE:
        holder = pbr if in_pbr else members
        if isinstance(holder, dict) and isinstance(info := holder.get(name), dict):
            yield slot, JsonObject(info)
    for extension, content in material.child("extensions").members.items():
        if isinstance(content, dict):
            for name, info in content.items():
                if isinstance(info, dict) and name.endswith("Texture"):
                    yield printable(f"{extension}.{name}"), JsonObject(info)


def uv_set(info: JsonObject) -> int:
    """The n of TEXCOORD_n that a textureInfo asks for."""
    moved = info.child("extensions").child("KHR_texture_transform").index("texCoord")
    return min((info.index("texCoord") or 0) if moved is None else moved, _MAX_UV_SET)


def material_list(
    document: JsonObject, primitives: Iterable[Primitive], shown: Container[int], gaps: Gaps
) -> tuple[MaterialFacts, ...]:
    """The first `MAX_MATERIALS`; `shown` are the meshes that the default scene shows."""
    materials = document.objects("materials")
    if not materials:
        return ()
    if len(materials) > MAX_MATERIALS:
        gaps.add(f"The file has more than {MAX_MATERIALS:,} materials (MAX_MATERIALS).", f"/materials/{MAX_MATERIALS}")
        del materials[MAX_MATERIALS:]
    uses, colored = Counter[int](), set[int]()
    for primitive in primitives:
        if primitive.mesh in shown:
            uses.update(set(primitive.materials))
        if "COLOR_0" in primitive.attributes:
            colored.update(primitive.materials)
    sources = texture_images(document)
    firsts: dict[str, int] = {}

    def facts(index: int, material: JsonObject) -> MaterialFacts:
        pbr = material.child("pbrMetallicRoughness")
        # With text as the key, no file can choose numbers whose hashes collide
        first = firsts.setdefault(_content(material), index) if len(materials) > 1 else index
        red, green, blue, alpha = _numbers(pbr, "baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        emissive_red, emissive_green, emissive_blue = _numbers(material, "emissiveFactor", (0.0, 0.0, 0.0))
        return MaterialFacts(
            name=material.text("name") or "",
            pointer=f"/materials/{index}",
            primitives=uses[index],
            alpha_mode=material.text("alphaMode") or "OPAQUE",
            alpha_cutoff=_number(material, "alphaCutoff", 0.5),
            double_sided=material.members.get("doubleSided") is True,
            base_color=(red, green, blue, alpha),
            metallic=_number(pbr, "metallicFactor", 1.0),
            roughness=_number(pbr, "roughnessFactor", 1.0),
            emissive=(emissive_red, emissive_green, emissive_blue),
            textures=tuple(_use(slot, info, sources) for slot, info in texture_infos(material)),
            extensions=tuple(map(printable, islice(material.child("extensions").members, _MAX_TEXTURES))),
            same_as=None if first == index else first,
            vertex_colors=index in colored,
        )

    return tuple(facts(index, material) for index, material in enumerate(materials))


def texture_images(document: JsonObject) -> list[list[int]]:
    """By texture: that of glTF itself first, then the images of KHR_texture_basisu and the like, those in range."""
    count = len(document.array("images"))

    def images(texture: JsonObject) -> list[int]:
        sources = [texture.index("source")]
        if "extensions" in texture.members:
            contents = texture.child("extensions").members.values()
            sources += [JsonObject(content).index("source") for content in contents if isinstance(content, dict)]
        return [source for source in sources if source is not None and source < count]

    return [images(texture) for texture in document.objects("textures")]


def image_slots(document: JsonObject) -> dict[int, set[str]]:
    """By image: the slots of all materials that use it."""
    sources = texture_images(document)
    slots: dict[int, set[str]] = {}
    for material in document.objects("materials") if sources else ():
        for slot, info in texture_infos(material):
            index = info.index("index")
            for image in sources[index] if index is not None and index < len(sources) else ():
                slots.setdefault(image, set()).add(slot)
    return slots


def _use(slot: str, info: JsonObject, sources: Sequence[list[int]]) -> TextureUse:
    index = info.index("index")
    images = sources[index] if index is not None and index < len(sources) else []
    return TextureUse(slot=slot, image=images[0] if images else None, uv_set=uv_set(info))


def _content(material: JsonObject) -> str:
    """The material without its name, as text: equal for materials that are equal."""
    return repr(_plain({name: value for name, value in material.members.items() if name != "name"}))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, _plain(member)) for name, member in sorted(value.items())]
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    return float(value) if type(value) is int and abs(value) < 2**53 else value


def _number(holder: JsonObject, name: str, default: float) -> float:
    value = finite(holder.members.get(name))
    return default if value is None else value


def _numbers(holder: JsonObject, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    values = [finite(value) for value in holder.array(name)]
    numbers = tuple(value for value in values if value is not None)
    return numbers if len(numbers) == len(values) == len(default) else default


def finite(value: object) -> float | None:
    """A JSON number that a float holds; None for anything else."""
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
