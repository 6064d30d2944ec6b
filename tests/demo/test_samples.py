from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from demo.samples import Sample, small_assets, small_library, write_samples
from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import JsonObject, parse_document, require_gltf_2
from glb_batch_validator_addon.glb.references import Refused, external_references, resolve
from glb_batch_validator_addon.glb.summary import file_facts
from glb_batch_validator_addon.model.facts import FileFacts
from glb_batch_validator_addon.model.library import is_asset
from glb_batch_validator_addon.model.limits import Limits


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Sample]]:
    folder = tmp_path_factory.mktemp("library")
    return folder, write_samples(folder)


def read(path: Path) -> tuple[JsonObject, FileFacts]:
    container = read_container(path.read_bytes(), Limits())
    document = parse_document(container, Limits())
    require_gltf_2(document)
    return document, file_facts(container, document, (), {})[0]


def test_each_sample_is_an_asset_and_fails_as_it_says(library: tuple[Path, list[Sample]]) -> None:
    folder, samples = library
    for sample in samples:
        assert is_asset(sample.name)
        if sample.error in ("", "ExtensionRequired", "Crashed"):  # only Blender can say
            _, facts = read(folder / sample.name)
            assert (sample.error == "ExtensionRequired") == bool(facts.extensions_required)
        else:
            with pytest.raises(AssetError) as caught:
                read(folder / sample.name)
            assert caught.value.kind == sample.error


def test_samples_show_what_they_say(library: tuple[Path, list[Sample]]) -> None:
    folder, _ = library
    facts = {path.stem: read(path)[1] for path in (folder / "good").glob("*.glb")}
    assert [(image.mime_type, image.width) for image in facts["textured crate"].images] == [("image/png", 64)]
    assert [animation.seconds for animation in facts["animated"].animations] == [2.0]
    assert facts["skinned"].joints == 2
    assert facts["morph"].morph_targets == 2
    assert (facts["instanced"].primitives, facts["instanced"].draw_calls) == (1, 25)
    assert (facts["light and camera"].lights, facts["light and camera"].cameras) == (1, 1)
    assert [image.mime_type for image in facts["basisu fallback"].images] == ["image/ktx2", "image/png"]


def test_references_lead_to_a_file_of_the_library_or_are_refused(library: tuple[Path, list[Sample]]) -> None:
    folder, _ = library
    targets = {}
    for name in ("external texture", "leaves the library"):
        key = f"references/props/{name}.glb"
        document, _ = read(folder / key)
        references = external_references(document, Limits())
        targets[name] = [resolve(reference.uri, asset_key=key, root="") for reference in references]
    [texture] = targets["external texture"]
    assert not isinstance(texture, Refused)
    assert (folder / texture.key).is_file()
    assert len(targets["leaves the library"]) == 6
    assert all(isinstance(target, Refused) for target in targets["leaves the library"])


def test_samples_are_the_same_each_time(library: tuple[Path, list[Sample]], tmp_path: Path) -> None:
    folder, samples = library
    assert write_samples(tmp_path) == samples
    for sample in samples:
        assert (tmp_path / sample.name).read_bytes() == (folder / sample.name).read_bytes()


def test_small_assets_are_distinct_of_the_size_they_claim_and_valid(tmp_path: Path) -> None:
    names = small_library(tmp_path, 60, seed=3)
    contents = [(tmp_path / name).read_bytes() for name in names]
    assert len({hashlib.sha256(content).digest() for content in contents}) == 60
    assert all(24_000 <= len(content) <= 40_000 for content in contents)
    assert {len(read(tmp_path / name)[1].images) for name in names} == {0, 1}
    assert list(small_assets(60, seed=3)) == list(zip(names, contents, strict=True))
    assert next(small_assets(1, seed=4))[1] != contents[0]
