"""An asset on disk as Blender's importer wants it, and nothing outside of the folder that it may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from glb_batch_validator_addon.errors import AssetError
from glb_batch_validator_addon.glb.container import read_container
from glb_batch_validator_addon.glb.document import parse_document
from glb_batch_validator_addon.glb.layout import ASSET_NAME, lay_out, safe_name
from glb_batch_validator_addon.glb.references import keys_of, targets_of
from glb_batch_validator_addon.model.limits import Limits
from glb_batch_validator_addon.model.wire import Resource
from tests.glb.documents import glb_of

LIMITS = Limits()
ABSENT = Resource(path=None, reason="There is no such file in the library.")


def laid_out(top: Path, *uris: str, key: str = "props/chairs/a.glb", absent: str = "", name: str = ASSET_NAME) -> Path:
    """An asset with images of these URIs; each fetched file holds its own key."""
    container = read_container(glb_of({"images": [{"uri": uri} for uri in uris]}), LIMITS)
    document = parse_document(container, LIMITS)
    targets = targets_of(container, document, asset_key=key, root="", limits=LIMITS)
    resources = {}
    for number, wanted in enumerate(keys_of(targets)):
        path = top.parent / str(number)
        path.write_text(wanted)
        resources[wanted] = ABSENT if wanted == absent else Resource(path=str(path))
    return lay_out(container, targets, resources, top, name=name)


def uris_of(path: Path) -> list[str | None]:
    document = parse_document(read_container(path.read_bytes(), LIMITS), LIMITS)
    return [image.string("uri") for image in document.objects("images")]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_lie_where_their_uris_lead(tmp_path: Path) -> None:
    uris = ["wood.png", "tex/a%20b.png", "../shared/c.png", "../../d.png", "x/../e.png"]
    path = laid_out(tmp_path / "top", *uris)
    assert uris_of(path) == uris
    keys = ["props/chairs/wood.png", "props/chairs/tex/a b.png", "props/shared/c.png", "d.png", "props/chairs/e.png"]
    paths = ["wood.png", "tex/a b.png", "../shared/c.png", "../../d.png", "e.png"]
    assert [(path.parent / relative).read_text() for relative in paths] == keys
    assert len(files_below(tmp_path / "top")) == 6


def test_what_was_refused_or_could_not_be_had_is_not_there(tmp_path: Path) -> None:
    path = laid_out(tmp_path / "top", "/etc/passwd", "gone.png", "../../../up.png", absent="props/chairs/gone.png")
    assert uris_of(path) == ["glbv-refused-0", "gone.png", "glbv-refused-1"]
    assert files_below(tmp_path / "top") == {ASSET_NAME}


def test_a_file_of_the_library_cannot_take_the_place_of_the_asset(tmp_path: Path) -> None:
    path = laid_out(tmp_path / "top", "chair.glb", "x/../chair.glb", name="chair.glb")
    assert uris_of(path) == ["chair.glb", "x/../chair.glb"]


def test_names_that_exclude_each_other_are_the_fault_of_the_asset(tmp_path: Path) -> None:
    with pytest.raises(AssetError) as raised:
        laid_out(tmp_path / "top", "a", "a/b.png")
    assert raised.value.kind == "ReferencesClash"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("props/chair.glb", "chair.glb"),
        ("Stuhl – grün (2).GLB", "Stuhl – grün (2).GLB"),
        ("100%25.glb", "100%25.glb"),
        ('a/<b>:"c"|d?e*\\f.glb', "_b___c__d_e__f.glb"),
        ("line\nbreak\x1b\u202e\udcff.glb", "line_break___.glb"),
        (".glb", ASSET_NAME),
        ("a/..", ASSET_NAME),
        ("a/", ASSET_NAME),
        ("NUL.glb", ASSET_NAME),
        ("com1.x.glb", ASSET_NAME),
        ("x" * 252 + ".glb", ASSET_NAME),
        ("script.py", ASSET_NAME),
    ],
)
def test_a_copy_has_the_name_of_the_asset_where_that_is_safe(key: str, name: str) -> None:
    assert safe_name(key) == name
