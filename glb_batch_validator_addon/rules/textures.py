"""Rules about textures: what they take, what is in them, and what materials make of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ..model.facts import ImageFacts, MaterialFacts, PixelFacts, TextureUse
from ..model.finding import Issue, Saving
from .registry import Subject, Threshold, Thresholds, rule

MIB = 1024 * 1024

_MAX_NAMED = 3
"""Uses of an image that a message names."""

_COLOR_ENDINGS = ("baseColor", "emissive", "ColorTexture", "diffuseTexture", "specularGlossinessTexture")
"""Ends of the slots whose red, green and blue are sRGB: glTF 2.0, 3.9, and the extensions of Khronos."""
_DATA_ENDINGS = (
    *("metallicRoughness", "normal", "occlusion", "NormalTexture", "clearcoatTexture", "clearcoatRoughnessTexture"),
    *("transmissionTexture", "thicknessTexture", "iridescenceTexture", "iridescenceThicknessTexture"),
    "anisotropyTexture",
)
"""Of those whose red, green or blue are linear. What only reads alpha, which is linear in any image, is in neither."""


def _images(subject: Subject) -> Iterator[tuple[int, ImageFacts]]:
    """The images that materials use, with their indices."""
    return ((index, image) for index, image in enumerate(subject.file.images) if image.slots)


def _pixels(subject: Subject) -> dict[int, PixelFacts]:
    """Of the images that could be decoded, by index: none for a rule that can do without them and has none."""
    pixels = (subject.facts and subject.facts.pixels) or ()
    return {decoded.image: decoded for decoded in pixels if not decoded.broken}


def _issue(image: int, message: str, **more: Any) -> Issue:
    return Issue(message=message, pointer=f"/images/{image}", **more)


def _name(image: ImageFacts) -> str:
    """How messages call it: its name and what it is used for."""
    slots = ", ".join(image.slots[:_MAX_NAMED]) + (", ..." if len(image.slots) > _MAX_NAMED else "")
    return f'"{image.name}" ({slots})' if image.name else f"for {slots}"


def _is_normal(slot: str) -> bool:
    return slot == "normal" or slot.endswith("NormalTexture")


def _size(image: ImageFacts) -> str:
    return f"{image.width} x {image.height}"


def _image(subject: Subject, use: TextureUse) -> ImageFacts | None:
    images = subject.file.images
    return images[use.image] if use.image is not None and use.image < len(images) else None


def _users(subject: Subject, slot: str) -> list[tuple[int, ImageFacts, list[MaterialFacts]]]:
    """The images that materials use in this slot, with their indices and these materials."""
    users: defaultdict[int, list[MaterialFacts]] = defaultdict(list)
    for material in subject.file.material_list:
        for use in material.textures:
            if use.slot == slot and use.image is not None and _image(subject, use):
                users[use.image].append(material)
    return [(index, subject.file.images[index], users[index]) for index in sorted(users)]


@rule(
    code="GLBV_TEXTURE_UNREADABLE",
    title="Texture unreadable",
    family="textures",
    severity="error",
    needs=("file",),
    what="It speaks when the bytes of a used image are no PNG, JPEG, WebP or KTX2, are cut off, or cannot be decoded."
    " Formats that only an extension brings (AVIF, DDS) are let pass where the file names the extension.",
    why="The surface is grey, black or pink, or the whole file is refused, depending on the reader.",
    how="Open the image in an image editor, save it as PNG or JPEG, and export again.",
)
def texture_unreadable(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    pixels = (subject.facts and subject.facts.pixels) or ()
    broken = {decoded.image: decoded.broken for decoded in pixels if decoded.broken}
    foreign = {"EXT_texture_avif", "MSFT_texture_dds"} & set(subject.file.extensions_used)
    for index, image in _images(subject):
        embedded = image.source in ("bin", "data")
        if fault := broken.get(index):
            yield _issue(index, f"The image {_name(image)} cannot be read. {fault}")
        elif image.size_bytes is None and embedded:
            yield _issue(index, f"The data of the image {_name(image)} is not in the file.")
        elif image.size_bytes is not None and image.mime_type is None and not foreign:
            text = f"The image {_name(image)} ({image.size_bytes:,} bytes) is no PNG, JPEG, WebP or KTX2."
            yield _issue(index, text)
        elif image.mime_type and not (image.width and image.height):
            text = f"The image {_name(image)} begins as {image.mime_type}, but tells no size: it is cut off or damaged."
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_TOO_LARGE",
    title="Texture too large",
    family="textures",
    severity="warning",
    needs=("file",),
    what="It speaks when the width or the height of a used image is above the limit.",
    why="Each doubling takes four times the memory and the time to load. WebGL and older phones end at 4096 pixels, and"
    " scale down or show nothing beyond.",
    how="Scale the image down before the export; detail that small needs another UV map or a tiling texture.",
    thresholds={"max_px": Threshold(4096, "Pixels of the longer side. 4096 is what nearly all WebGL devices take.")},
)
def texture_too_large(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["max_px"]
    for index, image in _images(subject):
        longer = max(image.width or 0, image.height or 0)
        if limit is not None and longer > limit:
            saved = int((image.gpu_bytes or 0) * (1 - (limit / longer) ** 2))
            text = f"The image {_name(image)} is {_size(image)} pixels; at most {limit} are allowed."
            yield _issue(index, text, saves=Saving(gpu_bytes=saved))


@rule(
    code="GLBV_TEXTURE_TOO_SMALL",
    title="Texture too small",
    family="textures",
    severity="warning",
    needs=("file",),
    what="It speaks when the width or the height of a used image is below the limit.",
    why="Seen from near it is blurred; a placeholder may have been exported in place of the real texture.",
    how="Export the texture at the size that the target asks for.",
    thresholds={"min_px": Threshold(None, "Pixels of the shorter side.")},
)
def texture_too_small(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["min_px"]
    for index, image in _images(subject):
        if limit is not None and image.width and image.height and min(image.width, image.height) < limit:
            text = f"The image {_name(image)} is {_size(image)} pixels; at least {limit} are needed."
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_NOT_POWER_OF_TWO",
    title="Texture size is no power of two",
    family="textures",
    severity="info",
    needs=("file",),
    what="It speaks when the width or the height of a used image is none of 1, 2, 4, 8 and so on.",
    why="WebGL 1 makes no mip levels of such images and does not repeat them; other readers scale them first, which"
    " blurs them and takes time. Block compression pads them.",
    how="Scale the image to the nearest power of two.",
)
def texture_not_power_of_two(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, image in _images(subject):
        odd = [side for side in (image.width, image.height) if side and side & (side - 1)]
        if odd:
            text = f"The image {_name(image)} is {_size(image)} pixels, and {odd[0]} is no power of two."
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_NOT_SQUARE",
    title="Texture not square",
    family="textures",
    severity="hint",
    needs=("file",),
    what="It speaks when the width and the height of a used image differ, where a profile does not allow that.",
    why="Some targets (PVRTC on older phones, marketplaces) take squares only.",
    how="Lay the UV map out for a square.",
    thresholds={"allowed": Threshold(True, "Whether other shapes are allowed.", kind="flag")},
)
def texture_not_square(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, image in _images(subject):
        if not at["allowed"] and image.width and image.height and image.width != image.height:
            yield _issue(index, f"The image {_name(image)} is {_size(image)} pixels, no square.")


@rule(
    code="GLBV_TEXTURE_BIT_DEPTH",
    title="More bits per channel than are used",
    family="textures",
    severity="info",
    needs=("file",),
    what="It speaks when a used image has more bits per channel than the limit. Normal maps are let pass.",
    why="Colour must have 8 bits (glTF 2.0, 3.9.2), and readers turn the rest into 8 on loading, so the file is twice"
    " as large for nothing. Normal maps are the exception: on smooth reflecting surfaces 8 bits show steps.",
    how="Save the image with 8 bits per channel.",
    thresholds={"max_bits": Threshold(8, "Bits per channel.")},
)
def texture_bit_depth(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    limit = at["max_bits"]
    for index, image in _images(subject):
        normals = all(map(_is_normal, image.slots))
        if limit is not None and (image.bit_depth or 0) > limit and not normals:
            text = f"The image {_name(image)} has {image.bit_depth} bits per channel where {limit} do."
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_CHANNELS",
    title="Channels do not fit the use",
    family="textures",
    severity="info",
    needs=("file",),
    what="It speaks when a used image has an alpha channel and no texture that shows it reads alpha (normal, occlusion,"
    " metallic-roughness, emissive), and when a normal map is stored as grey.",
    why="Alpha that nobody reads makes the file larger, and keeps encoders from the smaller formats without it. A grey"
    " image holds no normals: it is a height map in the wrong place.",
    how="Save the image without alpha. Bake a height map to a normal map first.",
)
def texture_channels(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    without_alpha = ("metallicRoughness", "normal", "occlusion", "emissive")
    for index, image in _images(subject):
        if image.channels in (1, 2) and any(map(_is_normal, image.slots)):
            yield _issue(index, f"The image {_name(image)} is grey: it holds no normals.")
        elif image.channels in (2, 4) and set(image.slots) <= set(without_alpha):
            yield _issue(index, f"The image {_name(image)} has an alpha channel that nothing reads.")


@rule(
    code="GLBV_TEXTURE_COLOR_SPACE",
    title="One image as colour and as data",
    family="textures",
    severity="warning",
    needs=("file",),
    what="It speaks when one image is used as colour (base colour, emissive) and as data (normal, metallic-roughness,"
    " occlusion). Images in which all is 0 or 1 mean the same in both.",
    why="Colour is sRGB, data is linear (glTF 2.0, 3.9): the same pixels mean two things, and readers that keep one"
    " texture per image get one of them wrong.",
    how="Give the material two images.",
)
def texture_color_space(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    for index, image in _images(subject):
        color = [slot for slot in image.slots if slot.endswith(_COLOR_ENDINGS)]
        data = [slot for slot in image.slots if slot.endswith(_DATA_ENDINGS)]
        plain = decoded[index].one_color if index in decoded else None
        if color and data and not (plain and set(plain[:3]) <= {0.0, 1.0}):
            text = (
                f"The image {_name(image)} is read as sRGB for {', '.join(color)} and as linear for {', '.join(data)}."
            )
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_ONE_COLOR",
    title="Texture of one colour",
    family="textures",
    severity="warning",
    needs=("file", "pixels"),
    what="It speaks when all pixels of a used image are the same within half a step of 8 bits, and the image is larger"
    " than the threshold.",
    why="A factor of the material does the same for no bytes, no memory and no download.",
    how="Remove the texture and set the factor: base colour, roughness and metallic, emissive; for a flat normal map"
    " or full occlusion nothing is needed.",
    thresholds={
        "ignore_px": Threshold(16, "Pixels of the longer side up to which it is let pass: such an image costs nothing.")
    },
)
def texture_one_color(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    for index, image in _images(subject):
        plain = decoded[index].one_color if index in decoded else None
        if plain and max(image.width or 0, image.height or 0) > (at["ignore_px"] or 0):
            values = ", ".join(f"{round(value * 255)}" for value in plain)
            text = f"All {_size(image)} pixels of the image {_name(image)} are ({values}) of 255."
            yield _issue(index, text, saves=_all_of(image))


def _all_of(image: ImageFacts) -> Saving:
    """What the file and the GPU are spared if it goes."""
    in_file = image.size_bytes if image.source in ("bin", "data") else 0
    return Saving(bytes=in_file or 0, gpu_bytes=image.gpu_bytes or 0)


@rule(
    code="GLBV_TEXTURE_DUPLICATE",
    title="Texture there twice",
    family="textures",
    severity="warning",
    needs=("file",),
    what="It speaks of each used image whose bytes are those of an earlier one.",
    why="It is downloaded and kept on the GPU once more.",
    how="Let both textures use one image: in Blender, remap users of the copy (Outliner, Blender File, ID Data, Remap"
    " Users).",
)
def texture_duplicate(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    first: dict[str, int] = {}
    for index, image in _images(subject):
        if image.sha256 is not None and (earlier := first.setdefault(image.sha256, index)) != index:
            text = f"The image {_name(image)} has the same {image.size_bytes or 0:,} bytes as /images/{earlier}."
            yield _issue(index, text, saves=_all_of(image))


@rule(
    code="GLBV_TEXTURE_UNUSED_ALPHA",
    title="Alpha of a base colour without use",
    family="textures",
    severity="info",
    needs=("file", "pixels"),
    what="It speaks when the alpha channel of a base colour image is opaque everywhere, and when it is not, but all"
    " materials that use it have the alpha mode OPAQUE.",
    why="The first is ballast. The second is often a mistake: leaves and fences are shown as solid cards.",
    how="Save the image without alpha, or connect its alpha and set the material's alpha mode.",
)
def texture_unused_alpha(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    for index, image, materials in _users(subject, "baseColor"):
        pixels = decoded.get(index)
        if pixels is None or image.channels not in (2, 4) or set(image.slots) - {"baseColor", "emissive"}:
            continue
        if pixels.least_alpha == 1.0:
            text = f"The alpha channel of the image {_name(image)} is opaque everywhere."
        elif all(material.alpha_mode == "OPAQUE" for material in materials):
            text = (
                f"The image {_name(image)} has alpha down to {pixels.least_alpha:.2f}, but all materials that show it"
                " are OPAQUE, so it is not seen."
            )
        else:
            continue
        yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_ORM_NOT_PACKED",
    title="Occlusion and metallic-roughness apart",
    family="textures",
    severity="info",
    needs=("file",),
    what="It speaks when a material has occlusion and metallic-roughness in two images of one size and one UV set.",
    why="Occlusion is red, roughness green, metallic blue (glTF 2.0, 3.9): one image holds them all, for one download"
    " and half the memory.",
    how="Pack the three channels into one image and use it for both (in Blender: glTF Material Output with Occlusion).",
)
def texture_orm_not_packed(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    told: set[tuple[int | None, int | None]] = set()
    for material in subject.file.material_list:
        uses = {use.slot: use for use in material.textures}
        occlusion, rough = uses.get("occlusion"), uses.get("metallicRoughness")
        if not occlusion or not rough or occlusion.uv_set != rough.uv_set or occlusion.image == rough.image:
            continue
        one, other = _image(subject, occlusion), _image(subject, rough)
        pair = (occlusion.image, rough.image)
        if one and other and one.width and _size(one) == _size(other) and pair not in told:
            told.add(pair)
            saved = (one.gpu_bytes or 0) if one.slots == ("occlusion",) else 0
            text = f'The material "{material.name}" has occlusion and metallic-roughness in two images of {_size(one)}.'
            yield Issue(message=text, pointer=material.pointer, saves=Saving(gpu_bytes=saved))


@rule(
    code="GLBV_TEXTURE_ORM_GREY",
    title="Metallic and roughness are the same",
    family="textures",
    severity="info",
    needs=("file", "pixels"),
    what="It speaks when a metallic-roughness image is grey, with more than one colour, and a material that uses it is"
    " metallic.",
    why="Roughness is green and metallic is blue (glTF 2.0, 3.9): in a grey image the rougher a point, the more it is"
    " metal. Nearly always a roughness map was plugged in as it is.",
    how="Set the metallic factor to 0, or pack roughness into green and metallic into blue.",
)
def texture_orm_grey(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    for index, image, materials in _users(subject, "metallicRoughness"):
        metals = [material for material in materials if material.metallic > 0]
        pixels = decoded.get(index)
        if pixels and pixels.grey and not pixels.one_color and metals:
            text = (
                f"The image {_name(image)} is grey, so metallic and roughness are the same"
                f' everywhere; the material "{metals[0].name}" is metallic by {metals[0].metallic:g}.'
            )
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_NORMAL_MAP_INVALID",
    title="Normal map without normals",
    family="textures",
    severity="warning",
    needs=("file", "pixels"),
    what="It speaks when too few pixels of a normal map are unit vectors within 10 %, after 2 * c - 1.",
    why="A height map, a colour map or an image converted from sRGB lights the surface at random.",
    how="Bake a tangent space normal map, and set the image's colour space to Non-Color.",
    thresholds={
        "min_share": Threshold(
            0.5, "Share of the pixels, 0 to 1. Real maps have 0.88 to 1.0 (11 of public assets), padding is the rest."
        )
    },
)
def texture_normal_map_invalid(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    for index, image in _images(subject):
        share = decoded[index].normals if index in decoded else None
        if share is not None and at["min_share"] is not None and share < at["min_share"]:
            text = f"Only {share:.0%} of the pixels of the image {_name(image)} are normals (length 1 within 10 %)."
            yield _issue(index, text)


@rule(
    code="GLBV_TEXTURE_GPU_MEMORY",
    title="Textures take too much GPU memory",
    family="textures",
    severity="error",
    needs=("file",),
    what="It speaks when all used images together take more memory on the GPU than the limit, with mip levels.",
    why="Phones and browsers close the page or drop textures; the size of the file tells nothing of it, because PNG and"
    " JPEG are unpacked.",
    how="Scale textures down, share them, or encode them as KTX2, which stays compressed on the GPU.",
    thresholds={"max_mb": Threshold(None, "Megabytes of 1,048,576 bytes.")},
)
def texture_gpu_memory(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    sizes = [(image.gpu_bytes or 0, index, image) for index, image in _images(subject)]
    total = sum(size for size, _, _ in sizes)
    if at["max_mb"] is not None and total > at["max_mb"] * MIB:
        most, index, image = max(sizes, key=lambda entry: entry[0])
        text = (
            f"{len(sizes)} images take {total / MIB:,.1f} MB on the GPU, {at['max_mb']:g} are allowed; the image"
            f" {_name(image)} of {_size(image)} takes {most / MIB:,.1f} of them."
        )
        yield _issue(index, text, saves=Saving(gpu_bytes=int(total - at["max_mb"] * MIB)))


@rule(
    code="GLBV_TEXTURE_FORMAT",
    title="Image format not allowed",
    family="textures",
    severity="warning",
    needs=("file",),
    what="It speaks when the format of a used image, told by its bytes, is not in the list.",
    why="Every reader takes PNG and JPEG. WebP needs EXT_texture_webp, KTX2 needs KHR_texture_basisu: readers without"
    " them, Blender for KTX2, show nothing where there is no fallback.",
    how="Export in a format of the list.",
    thresholds={
        "allowed": Threshold(
            None, "MIME types, of `image/png`, `image/jpeg`, `image/webp` and `image/ktx2`.", kind="texts"
        )
    },
)
def texture_format(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    for index, image in _images(subject):
        if at["allowed"] is not None and image.mime_type and image.mime_type not in at["allowed"]:
            text = f"The image {_name(image)} is {image.mime_type}; allowed are {', '.join(at['allowed'])}."
            yield _issue(index, text)


@rule(
    code="GLBV_MATERIAL_ALPHA_NEEDLESS",
    title="Transparency without anything transparent",
    family="textures",
    severity="warning",
    needs=("file", "pixels"),
    what="It speaks when the alpha mode of a material is BLEND and its alpha is 1 everywhere, or MASK and nowhere below"
    " the cutoff: factor and base colour image, without vertex colours.",
    why="Blended surfaces are sorted instead of depth-tested, which shows back sides in front and hides things behind;"
    " both modes cost drawing time that nobody sees.",
    how="Set the alpha mode to OPAQUE: in Blender, disconnect Alpha and set it to 1.",
)
def material_alpha_needless(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    if {"KHR_animation_pointer", "KHR_interactivity"} & set(subject.file.extensions_used):  # it may fade
        return
    decoded = _pixels(subject)
    for material in subject.file.material_list:
        least = _least_alpha(subject, material, decoded)
        needed = 1.0 if material.alpha_mode == "BLEND" else material.alpha_cutoff
        if material.alpha_mode in ("BLEND", "MASK") and least is not None and least >= needed:
            text = f'The material "{material.name}" has the alpha mode {material.alpha_mode}, but its alpha is'
            yield Issue(message=f"{text} {least:g} or more everywhere.", pointer=material.pointer)


def _least_alpha(subject: Subject, material: MaterialFacts, decoded: dict[int, PixelFacts]) -> float | None:
    """The least alpha of factor and base colour image; None if it cannot be said."""
    if material.vertex_colors or "KHR_materials_pbrSpecularGlossiness" in material.extensions:
        return None
    use = next((use for use in material.textures if use.slot == "baseColor"), None)
    if use is None:
        return material.base_color[3]
    image = _image(subject, use)
    if image and image.channels in (1, 3):
        return material.base_color[3]
    pixels = None if use.image is None else decoded.get(use.image)
    return material.base_color[3] * pixels.least_alpha if pixels else None


@rule(
    code="GLBV_ALBEDO_RANGE_TEXTURE",
    title="Base colour image too dark or too bright",
    family="textures",
    severity="info",
    needs=("file", "pixels"),
    what="It speaks when the mean of a base colour image times its factor is below or above the range in red, green and"
    " blue. Metals may be brighter; unlit, emitting and transmitting materials and those with vertex colours are let"
    " pass, and so are images of one colour.",
    why="Nothing real is darker than coal or brighter than fresh snow: such a surface looks flat in any light and does"
    " not go with others. Often light was painted or baked into it.",
    how="Bring the image into the range, and leave light and shadow to the renderer.",
    thresholds={
        "min_srgb": Threshold(30, "Least value of 255, sRGB: the charts for physically based albedo of Allegorithmic's"
        " PBR Guide, and pbrColorRange of the Khronos Asset Auditor."),
        "max_srgb": Threshold(240, "Greatest value of 255, sRGB, from the same sources."),
    },
)  # fmt: skip
def albedo_range_texture(subject: Subject, at: Thresholds) -> Iterator[Issue]:
    decoded = _pixels(subject)
    least, most = at["min_srgb"], at["max_srgb"]
    exempt = {"KHR_materials_unlit", "KHR_materials_transmission", "KHR_materials_pbrSpecularGlossiness"}
    for index, image, materials in _users(subject, "baseColor"):
        pixels = decoded.get(index)
        if pixels is None or pixels.one_color or not pixels.visible:
            continue
        for material in materials:
            if material.vertex_colors or any(material.emissive) or exempt.intersection(material.extensions):
                continue
            factors = material.base_color[:3]
            mean = [_srgb(_linear(value) * factor) * 255 for value, factor in zip(pixels.mean, factors, strict=True)]
            dark = least is not None and max(mean) < least
            bright = most is not None and min(mean) > most and material.metallic == 0
            if dark or bright:
                text = (
                    f"The mean of the image {_name(image)} in the material"
                    f' "{material.name}" is sRGB ({", ".join(f"{value:.0f}" for value in mean)}),'
                    f" {f'below {least}' if dark else f'above {most}'}."
                )
                yield Issue(message=text, pointer=material.pointer)
                break  # one material an image is enough


def _linear(value: float) -> float:
    """sRGB to linear, 0 to 1: IEC 61966-2-1."""
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _srgb(value: float) -> float:
    """Linear to sRGB, 0 to 1: IEC 61966-2-1."""
    return value * 12.92 if value <= 0.0031308 else float(1.055 * value ** (1 / 2.4) - 0.055)
