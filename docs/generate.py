"""Writes what the documentation says of the code from the code: a page a rule, and the schemas.

    python docs/generate.py [FOLDER]

`make docs` calls it; a test fails when what lies here is not what it writes.
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from glb_batch_validator_addon.model import facts as facts_module  # noqa: E402
from glb_batch_validator_addon.model.facts import Facts, FileFacts, SceneFacts  # noqa: E402
from glb_batch_validator_addon.model.finding import Finding, Verdict  # noqa: E402
from glb_batch_validator_addon.model.khronos import KhronosReport  # noqa: E402
from glb_batch_validator_addon.model.library import StoredObject  # noqa: E402
from glb_batch_validator_addon.model.preview import Preview  # noqa: E402
from glb_batch_validator_addon.model.report import SCHEMA_VERSION, Failure, Report  # noqa: E402
from glb_batch_validator_addon.model.survey import RunHead, Survey  # noqa: E402
from glb_batch_validator_addon.reports.summary import SUMMARY_VERSION  # noqa: E402
from glb_batch_validator_addon.rules.catalogue import RULES, Rule  # noqa: E402
from glb_batch_validator_addon.rules.judgement import Uncovered  # noqa: E402

Schema = dict[str, Any]


def main(folder: Path) -> None:
    """Write everything below `folder`; pages of rules that are gone are removed."""
    pages = folder / "rules"
    pages.mkdir(parents=True, exist_ok=True)
    for left in pages.glob("*.md"):
        left.unlink()
    for rule in RULES.values():
        (pages / f"{rule.code}.md").write_text(page_of(rule), "utf-8")
    (pages / "README.md").write_text(index(), "utf-8")
    for name, schema in (("report", report_schema()), ("summary", summary_schema())):
        (folder / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", "utf-8")


# Rules


def page_of(rule: Rule) -> str:
    lines = [
        f"# {rule.code}: {rule.title}",
        "",
        f"Family *{rule.family}*, severity **{rule.severity}** unless a profile says otherwise. It looks at: "
        f"{', '.join(f'`{need}`' for need in rule.needs)}.",
        "",
        "## What",
        "",
        rule.what,
        "",
        "## Why",
        "",
        rule.why,
        "",
        "## How to comply",
        "",
        rule.how,
        "",
        "## In a profile",
        "",
        "```toml",
        f"[rules.{rule.code}]",
        f'severity = "{rule.severity}"  # error, warning, info, hint or off',
        *(f"{name} = {_toml(threshold.default)}" for name, threshold in rule.thresholds.items()),
        "```",
        "",
    ]
    if rule.thresholds:
        lines += ["| threshold | default | meaning |", "| --- | --- | --- |"]
        for name, threshold in rule.thresholds.items():
            lines.append(f"| `{name}` | {_toml(threshold.default)} | {threshold.meaning} |")
        lines.append("")
    return "\n".join(lines)


def index() -> str:
    lines = [
        "# Rules",
        "",
        "What they need is explained in [checks.md](../checks.md); profiles set severities and thresholds.",
        "",
    ]
    family = ""
    for rule in RULES.values():
        if rule.family != family:
            family = rule.family
            lines += ["", f"## {family.capitalize()}", "", "| rule | severity | what is wrong |", "| --- | --- | --- |"]
        lines.append(f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.title} |")
    return "\n".join([*lines, ""])


def _toml(value: Any) -> str:
    return '"none"' if value is None else json.dumps(list(value) if isinstance(value, tuple) else value)


# The schema of reports


def report_schema() -> Schema:
    definitions: dict[str, Schema] = {}
    asset = _object(StoredObject, definitions)
    asset["properties"] = {
        "uri": {"type": "string", "format": "uri"},
        **asset["properties"],
        "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
    }
    asset["required"] = list(asset["properties"])
    asset["properties"]["last_modified"]["pattern"] = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$"
    texts = _descriptions(Report)
    properties: Schema = {
        "schema_version": {"const": SCHEMA_VERSION},
        "verdict": {"enum": list(get_args(Verdict)), "description": _constant_text("Verdict")},
        "asset": asset,
        "error": _nullable(_reference(Failure, definitions)),
        "findings": {"type": "array", "items": _reference(Finding, definitions)},
        "coverage": {"type": "array", "items": _reference(Uncovered, definitions)},
        "facts": _nullable(_facts(definitions)),
        "khronos": _nullable(_reference(KhronosReport, definitions)),
        "run": {
            "type": "object",
            "properties": {
                "written_at": {"type": "string", "format": "date-time"},
                "settings": {"type": "string", "pattern": r"^[0-9a-f]{16}\.[0-9a-f]{16}$"},
                "seconds": {
                    "type": "object",
                    "additionalProperties": {"type": "number", "minimum": 0},
                    "description": "By stage.",
                },
                "versions": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "required": ["glb_batch_validator"],
                },
                "preview": _nullable(_reference(Preview, definitions)),
            },
            "required": ["written_at", "settings", "seconds", "versions", "preview"],
            "additionalProperties": False,
        },
    }
    for name, schema in properties.items():
        if name in texts and "description" not in schema:
            schema["description"] = texts[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:glb-batch-validator:report:{SCHEMA_VERSION}",
        "title": "GLB Batch Validator: report of one asset",
        "description": "The same bytes under the same settings give the same report but for `run`.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": definitions,
    }


def summary_schema() -> Schema:
    """`RunHead` and `Survey` from the code; the counts and the rows of assets are written by hand, in the file."""
    schema: Schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text("utf-8"))
    definitions: dict[str, Schema] = {}
    run = _object(RunHead, definitions)
    run["properties"]["counts"] = schema["properties"]["run"]["properties"]["counts"]
    properties = {
        "schema_version": {"const": SUMMARY_VERSION},
        "run": run,
        "library": _object(Survey, definitions),
        "assets": schema["properties"]["assets"],
    }
    schema |= {"$id": f"urn:glb-batch-validator:summary:{SUMMARY_VERSION}", "properties": properties}
    return schema | {"required": list(properties), "additionalProperties": False, "$defs": definitions}


def _facts(definitions: dict[str, Schema]) -> Schema:
    """As `facts_document` lays it out: the scene's members on top, null where there was no import."""
    scene = _object(SceneFacts, definitions)["properties"]
    file = _object(FileFacts, definitions)["properties"]
    others = _object(Facts, definitions)["properties"]
    flat: Schema = {name: _nullable(schema) for name, schema in scene.items()}
    flat |= {name: file[name] for name in facts_module.TOLD}
    flat |= {facts_module.OWN_NAME.get(name, name): others[name] for name in facts_module.OTHERS}
    rest = {name: schema for name, schema in file.items() if name not in facts_module.TOLD}
    flat["file"] = {
        "type": "object",
        "properties": rest,
        "required": list(rest),
        "additionalProperties": False,
        "description": inspect.getdoc(FileFacts),
    }
    for name in ("SceneFacts", "FileFacts"):
        definitions.pop(name, None)
    return {"type": "object", "properties": flat, "required": list(flat), "additionalProperties": False}


def _object(kind: type, definitions: dict[str, Schema]) -> Schema:
    hints, texts = get_type_hints(kind), _descriptions(kind)
    properties = {}
    for field in fields(kind):
        schema = _of(hints[field.name], definitions)
        if field.name in texts:
            schema = {**schema, "description": texts[field.name]}
        properties[field.name] = schema
    return {
        "type": "object",
        "description": inspect.getdoc(kind),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _reference(kind: type, definitions: dict[str, Schema]) -> Schema:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # it may refer to itself
        definitions[kind.__name__] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}


def _of(hint: Any, definitions: dict[str, Schema]) -> Schema:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _reference(hint, definitions)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        others = [argument for argument in arguments if argument is not type(None)]
        schema = _of(others[0], definitions) if len(others) == 1 else {"enum": [v for o in others for v in get_args(o)]}
        return _nullable(schema) if len(others) < len(arguments) else schema
    if origin in (tuple, list):
        if arguments[-1] is Ellipsis or origin is list:
            return {"type": "array", "items": _of(arguments[0], definitions)}
        items = [_of(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    raise TypeError(f"no schema for {hint}")


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    description = {"description": schema["description"]} if "description" in schema else {}
    rest = {name: value for name, value in schema.items() if name != "description"}
    return {"anyOf": [rest, {"type": "null"}], **description}


def _descriptions(kind: type) -> dict[str, str]:
    """The docstrings below the fields, of the class and of those that it derives from."""
    return {name: text for base in reversed(kind.__mro__[:-1]) for name, text in _field_texts(base)}


@functools.cache
def _field_texts(kind: type) -> list[tuple[str, str]]:
    module = sys.modules[kind.__module__]
    body = next(node.body for node in _tree(module) if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    return list(_texts(body))


def _constant_text(name: str) -> str:
    return dict(_texts(_tree(sys.modules[Finding.__module__])))[name]


def _tree(module: types.ModuleType) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(module)).body


def _texts(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise(body):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if (
            isinstance(target := targets[0], ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            yield target.id, inspect.cleandoc(str(following.value.value)).replace("\n", " ")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
