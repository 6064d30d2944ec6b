"""Rules about materials: what they cost, what in them has no effect, and what nothing real looks like."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.facts import MaterialFacts
from ..model.finding import Issue, Saving
from .registry import Subject, Threshold, Thresholds, rule
from .wording import of_sample

_OTHER_MODELS = frozenset(["KHR_materials_unlit", "KHR_materials_pbrSpecularGlossiness"])
"""With these, a reader that knows them does not shade by metallic and roughness."""

_ANIMATING = frozenset(["KHR_animation_pointer", "KHR_interactivity"])
"""These can change factors of materials."""


def _named(material: MaterialFacts) -> str:
    return f'"{material.name}"' if material.name else material.pointer


def _issue(material: MaterialFacts, message: str, saves: Saving | None = None) -> Issue:
    return Issue(message=message, pointer=material.pointer, saves=saves)


def _has(material: MaterialFacts, slot: str) -> bool:
    return any(use.slot == slot for use in material.textures)


def _used(subject: Subject) -> Iterator[MaterialFacts]:
    """Those that something shows: the rest is unused data."""
    return (material for material in subject.file.material_list if material.primitives)


@rule(
    code="GLBV_MATERIAL_DUPLICATE",
    title="Material that is there twice",
    family="materials",
    severity="info",
    needs=("file",),
    what="It names materials that equal an earlier one in all but the name.",
    why="Each material is a draw call or a change of state of its own, and whoever changes the look must find them"
    " all.",
    how="Assign the first one to all faces, and delete the others; or `gltf-transform dedup`.",
)
def material_duplicate(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    materials = subject.file.material_list
    for material in materials:
        if material.same_as is not None:
            first = _named(materials[material.same_as])
            yield _issue(material, f"The material {_named(material)} is the same as {first}.")


@rule(
    code="GLBV_MATERIAL_ALPHA_BLEND",
    title="Blended transparency",
    family="materials",
    severity="info",
    needs=("file",),
    what="It names used materials of the alpha mode BLEND.",
    why="Blended surfaces are drawn from back to front, object by object: where they cross or lie within each other,"
    " the order is wrong, and each layer is drawn in full.",
    how="Use MASK for what is either there or not, such as leaves; KHR_materials_transmission for glass.",
)
def material_alpha_blend(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for material in _used(subject):
        if material.alpha_mode == "BLEND":
            yield _issue(material, f"The material {_named(material)} is blended with what is behind it.")


@rule(
    code="GLBV_MATERIAL_DOUBLE_SIDED",
    title="Double-sided material",
    family="materials",
    severity="warning",
    needs=("file",),
    what="It names used materials that are double-sided, where a profile does not allow them.",
    why="Twice as many faces are drawn; back sides hide inverted faces that other tools then show as holes.",
    how="Switch Backface Culling on in the material's settings, and give thin things a thickness.",
    thresholds={"allowed": Threshold(True, "Whether they are allowed.", kind="flag")},
)
def material_double_sided(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for material in _used(subject):
        if material.double_sided and not at["allowed"]:
            yield _issue(material, f"The material {_named(material)} is double-sided.")


@rule(
    code="GLBV_MATERIAL_ALBEDO_RANGE",
    title="Base colour too dark or too bright",
    family="materials",
    severity="info",
    needs=("file",),
    what="It speaks when the base colour of a used material without texture is below the range in red, green and blue,"
    " or above it in all three; metals may be brighter. Unlit, emitting and transmitting materials, see-through ones"
    " and those with vertex colours are let pass.",
    why="Nothing real is darker than coal or brighter than fresh snow: such a surface looks flat in any light and does"
    " not go with others.",
    how="Choose a base colour within the range, and leave light and shadow to the renderer.",
    thresholds={
        "min_srgb": Threshold(
            30,
            "Least value of 255, sRGB: the charts for physically based albedo of Allegorithmic's PBR Guide, and"
            " pbrColorRange of the Khronos Asset Auditor.",
        ),
        "max_srgb": Threshold(240, "Greatest value of 255, sRGB, from the same sources."),
    },
)
def material_albedo_range(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    least, most = at["min_srgb"], at["max_srgb"]
    exempt = {*_OTHER_MODELS, "KHR_materials_transmission", "KHR_materials_diffuse_transmission"}
    for material in _used(subject):
        see_through = material.alpha_mode == "BLEND" and material.base_color[3] < 1
        if _has(material, "baseColor") or material.vertex_colors or any(material.emissive) or see_through:
            continue
        color = [_srgb(value) * 255 for value in material.base_color[:3]]
        dark = least is not None and max(color) < least
        bright = most is not None and min(color) > most and material.metallic == 0
        if (dark or bright) and exempt.isdisjoint(material.extensions):
            values = ", ".join(f"{value:.0f}" for value in color)
            bound = f"below {least}" if dark else f"above {most}"
            yield _issue(material, f"The base colour of the material {_named(material)} is sRGB ({values}), {bound}.")


@rule(
    code="GLBV_MATERIAL_METALLIC_BETWEEN",
    title="Neither metal nor not",
    family="materials",
    severity="info",
    needs=("file",),
    what="It speaks when the metallic factor of a used material without texture for it is strictly between the limits.",
    why="A surface is either metal or not; what is between is only at borders of rust and the like, and belongs into a"
    " texture. Such materials look like neither.",
    how="Set Metallic to 0 or 1; for shine, lower the roughness.",
    thresholds={
        "min_factor": Threshold(0.1, "Metallic, 0 to 1, up to which it is no metal."),
        "max_factor": Threshold(0.9, "Metallic, 0 to 1, from which on it is one."),
    },
)
def material_metallic_between(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    least, most = at["min_factor"], at["max_factor"]
    for material in _used(subject):
        between = least is not None and most is not None and least < material.metallic < most
        if between and not _has(material, "metallicRoughness") and _OTHER_MODELS.isdisjoint(material.extensions):
            yield _issue(material, f"The metallic factor of the material {_named(material)} is {material.metallic:g}.")


@rule(
    code="GLBV_MATERIAL_FACTOR_ZERO_TEXTURE",
    title="Texture multiplied by zero",
    family="materials",
    severity="warning",
    needs=("file",),
    what="It speaks when a texture has no effect: a base colour texture under a black factor in an opaque material,"
    " metallic and roughness both 0 under their texture, an emissive texture under an emissive factor of 0, which is"
    " what glTF takes if there is none. Files that animate materials are let pass.",
    why="The texture is downloaded and kept on the GPU for nothing. Mostly the factor is the fault: the lamp does not"
    " glow.",
    how="Set the factor to 1 (in Blender: the strength of the emission), or take the texture out.",
)
def material_factor_zero_texture(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if not _ANIMATING.isdisjoint(subject.file.extensions_used):
        return
    materials = subject.file.material_list
    alive = {use.image for material in materials for use in material.textures if not _is_dead(material, use.slot)}
    counted: set[int | None] = set(alive)
    for material in materials:
        for use in material.textures:
            if _is_dead(material, use.slot):
                saves = None
                if use.image is not None and use.image not in counted:
                    counted.add(use.image)
                    image = subject.file.images[use.image]
                    saves = Saving(bytes=image.size_bytes or 0, gpu_bytes=image.gpu_bytes or 0)
                text = f"The factor of the {use.slot} texture of the material {_named(material)} is 0."
                yield _issue(material, text, saves)


def _is_dead(material: MaterialFacts, slot: str) -> bool:
    """Whether the factor of this slot makes its texture of no effect."""
    if slot == "baseColor":
        return not any(material.base_color[:3]) and (material.alpha_mode == "OPAQUE" or not material.base_color[3])
    if slot == "metallicRoughness":
        return not material.metallic and not material.roughness
    return slot == "emissive" and not any(material.emissive)


@rule(
    code="GLBV_MATERIAL_MISSING",
    title="Mesh without a material",
    family="materials",
    severity="info",
    needs=("file",),
    what="It names primitives without a material.",
    why="Readers show them in the default of glTF, a white metal as rough as can be, or in any other way.",
    how="Assign a material to all faces, or switch the export of materials on.",
)
def material_missing(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    yield from of_sample(subject.file.primitive_list.without_material, "primitive", "without a material")


@rule(
    code="GLBV_MATERIAL_MISSING_TEXTURE",
    title="Required texture missing",
    family="materials",
    severity="warning",
    needs=("file",),
    what="It names used materials that lack a texture in one of the slots that the profile requires.",
    why="The studio wants all its assets to have them: a plain factor looks out of place beside textured ones.",
    how="Bake or paint the texture, and connect it to the Principled BSDF.",
    thresholds={
        "required": Threshold(
            None, "Slots: baseColor, metallicRoughness, normal, occlusion, emissive, or EXTENSION.name.", kind="texts"
        )
    },
)
def material_missing_texture(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for material in _used(subject):
        if lacking := [slot for slot in at["required"] or () if not _has(material, slot)]:
            yield _issue(material, f"The material {_named(material)} has no texture for {', '.join(lacking)}.")


def _srgb(linear: float) -> float:
    """Linear to sRGB, 0 to 1: IEC 61966-2-1."""
    clamped = min(max(linear, 0.0), 1.0)
    return clamped * 12.92 if clamped <= 0.0031308 else float(1.055 * clamped ** (1 / 2.4) - 0.055)
