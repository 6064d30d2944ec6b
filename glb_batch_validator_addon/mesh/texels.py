"""How large the texture is that a UV map lays out: the link between what Blender measured and the file's images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import sqrt

from ..model.facts import DensityFacts, FileFacts, ImageFacts, MeshFacts


def with_textures(meshes: Iterable[MeshFacts], file: FileFacts) -> tuple[MeshFacts, ...]:
    """The meshes with `texture_px` of all densities. A material whose name several have has no texture here."""
    counts = Counter(material.name for material in file.material_list)
    uses = {material.name: material.textures for material in file.material_list if counts[material.name] == 1}

    def textured(density: DensityFacts, uv_set: int) -> DensityFacts:
        indices = [use.image for use in uses.get(density.material, ()) if use.uv_set == uv_set]
        images = [file.images[index] for index in indices if index is not None and index < len(file.images)]
        return replace(density, texture_px=max(map(_side, images), default=0.0))

    return tuple(
        replace(
            mesh,
            uv_maps=tuple(
                replace(uv_map, densities=tuple(textured(density, number) for density in uv_map.densities))
                for number, uv_map in enumerate(mesh.uv_maps)
            ),
        )
        for mesh in meshes
    )


def _side(image: ImageFacts) -> float:
    return round(sqrt((image.width or 0) * (image.height or 0)), 3)
