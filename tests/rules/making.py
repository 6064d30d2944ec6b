"""Facts for the tests of rules: empty but for what a test names, and what a rule says of them."""

from __future__ import annotations

import types
import typing
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar

from glb_batch_validator_addon.mesh.texels import with_textures
from glb_batch_validator_addon.model.facts import Facts, FileFacts, SceneFacts
from glb_batch_validator_addon.model.finding import Issue
from glb_batch_validator_addon.model.library import StoredObject
from glb_batch_validator_addon.rules.registry import RULES, Subject

_Kind = TypeVar("_Kind")


def empty(kind: type[_Kind], **values: Any) -> _Kind:
    """A dataclass of facts with the named values; the rest is None where that is allowed, else 0, "", () or empty."""
    hints = typing.get_type_hints(kind)
    return kind(**{name: _nothing(hint) for name, hint in hints.items()} | values)


def _nothing(hint: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None
    if origin is tuple:
        parts = typing.get_args(hint)
        return () if Ellipsis in parts else tuple(map(_nothing, parts))
    return empty(hint) if is_dataclass(hint) else (origin or hint)()


def subject(*, file: FileFacts | None = None, scene: SceneFacts | None = None, **values: Any) -> Subject:
    """All that is known of an asset: the values are members of `Facts` and of `Subject`."""
    if file and "meshes" in values:
        values["meshes"] = with_textures(values["meshes"], file)
    names = typing.get_type_hints(Facts)
    facts = empty(
        Facts, file=file or empty(FileFacts), scene=scene, **{key: values.pop(key) for key in names if key in values}
    )
    known = Subject(
        asset=StoredObject(key="a.glb", size_bytes=0, etag="", last_modified=""), facts=facts, khronos=None, error=None
    )
    return replace(known, **values)


def said(code: str, about: Subject, **thresholds: Any) -> list[Issue]:
    """What the rule says, by its own thresholds but for those named."""
    rule = RULES[code]
    assert thresholds.keys() <= rule.thresholds.keys()
    return list(rule.check(about, rule.defaults() | thresholds))
