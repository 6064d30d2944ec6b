"""What the container, its JSON and its accessors say of an asset, without Blender."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..model.facts import FileFacts, Gap, ReferenceFacts
from .accessors import Accessors, Buffers
from .animations import Animation, animation_list, read_animations
from .container import Container
from .content import Fetched, buffer_contents
from .document import JsonObject
from .geometry import geometry_list
from .hierarchy import nodes_facts, read_tree
from .materials import image_slots, material_list
from .places import Gaps
from .primitives import MAX_BYTES, primitives_facts, read_primitives
from .rigs import skin_list
from .scene_graph import shown_meshes
from .textures import image_list
from .usage import referred_nodes, unused_facts


def file_facts(
    container: Container,
    document: JsonObject,
    references: tuple[ReferenceFacts, ...],
    fetched: Fetched,
) -> tuple[FileFacts, tuple[Gap, ...]]:
    """Facts of the file, and what could not be read of its data; `references` are passed through.

    Names and URIs are cut at `document.MAX_TEXT` characters. Indices that lead nowhere are passed over. Raises
    OSError only if a fetched file cannot be read.
    """
    with np.errstate(all="ignore"):  # numbers of the file are no reason to warn
        return _file_facts(container, document, references, fetched)


def _file_facts(
    container: Container, document: JsonObject, references: tuple[ReferenceFacts, ...], fetched: Fetched
) -> tuple[FileFacts, tuple[Gap, ...]]:
    gaps = Gaps()
    buffers = Buffers(document, buffer_contents(container, document, fetched))
    accessors = Accessors(document, buffers)
    asset = document.child("asset")
    nodes, meshes = document.objects("nodes"), document.objects("meshes")
    tree, animations = read_tree(nodes), read_animations(document)
    primitives = read_primitives(document, meshes)
    placements = Counter(shown_meshes(document))
    materials = material_list(document, primitives, placements, gaps)
    facts = FileFacts(
        generator=asset.text("generator"),
        gltf_version=asset.text("version"),
        json_bytes=len(container.json),
        bin_bytes=0 if container.bin is None else len(container.bin),
        extensions_used=document.texts("extensionsUsed"),
        extensions_required=document.texts("extensionsRequired"),
        scenes=len(document.array("scenes")),
        nodes=len(nodes),
        meshes=len(meshes),
        primitives=len(primitives),
        draw_calls=sum(placements[primitive.mesh] for primitive in primitives),
        materials=len(document.array("materials")),
        textures=len(document.array("textures")),
        accessors=len(accessors),
        skins=len(document.array("skins")),
        joints=len(
            {joint for skin in document.objects("skins") for joint in skin.indices("joints") if joint < len(nodes)}
        ),
        morph_targets=sum(_morph_targets(mesh) for mesh in meshes),
        lights=len(document.child("extensions").child("KHR_lights_punctual").array("lights")),
        cameras=len(document.array("cameras")),
        images=image_list(document, buffers, fetched, image_slots(document), gaps),
        animations=animation_list(document, animations, accessors, gaps),
        references=references,
        material_list=materials,
        skin_list=skin_list(document, nodes, tree, primitives, accessors, gaps),
        hierarchy=nodes_facts(document, nodes, tree, referred_nodes(document, animations)),
        unused=unused_facts(document, animations, buffers),
        primitive_list=primitives_facts(primitives, materials, accessors, placements, gaps),
        geometry=geometry_list(document, meshes, primitives, buffers),
        animation_bytes=min(sum(map(accessors.size_bytes, _animation_accessors(animations))), MAX_BYTES),
    )
    return facts, gaps.all()


def _animation_accessors(animations: Iterable[Animation]) -> set[int]:
    samplers = (sampler for animation in animations for sampler in animation.samplers)
    return {index for sampler in samplers for index in (sampler.input, sampler.output) if index is not None}


def _morph_targets(mesh: JsonObject) -> int:
    return max((len(primitive.array("targets")) for primitive in mesh.objects("primitives")), default=0)
