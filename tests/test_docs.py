"""What the documentation says is so: pages and schema are those of the code, links lead somewhere, options exist."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from glb_batch_validator_addon.rules.catalogue import RULES
from glb_batch_validator_addon.rules.profiles import SHIPPED, load_policy, profile_names
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "rules").glob("*.md"))]
TODAY = datetime.date(2026, 1, 1)

OF_BLENDER = {"--python-exit-code", "--python-expr", "--command", "--offline-mode"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, DOCS / "generate.py", folder], check=True, cwd=folder)
    return texts_below(folder)


def texts_below(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.suffix in (".md", ".json")]
    return {path.relative_to(folder).as_posix(): read(path) for path in paths}


def test_pages_and_schema_are_what_make_docs_writes(generated: dict[str, str]) -> None:
    there = {name: text for name, text in texts_below(DOCS).items() if name in generated or name.startswith("rules/")}
    assert there.keys() == generated.keys(), "run `make docs`"
    assert [name for name in there if there[name] != generated[name]] == [], "run `make docs`"


def test_every_rule_has_a_page_with_its_texts_and_thresholds(generated: dict[str, str]) -> None:
    assert {name for name in generated if "GLBV_" in name} == {f"rules/{code}.md" for code in RULES}
    for code, rule in RULES.items():
        page = generated[f"rules/{code}.md"]
        assert code in generated["rules/README.md"]
        for text in (rule.title, rule.what, rule.why, rule.how, *rule.thresholds):
            assert text, code
            assert text in page, code


def test_every_code_that_is_named_is_that_of_a_rule() -> None:
    named = {(page.name, code) for page in PAGES for code in re.findall(r"\bGLBV_[A-Z0-9_]+[A-Z0-9]\b", read(page))}
    variables = {"GLBV_CACHE", *(f"GLBV_{name}{end}" for name in ("BROKER", "DATABASE") for end in ("", "_FILE"))}
    assert sorted((page, code) for page, code in named if code not in RULES.keys() | variables) == []


@pytest.mark.parametrize("name", profile_names())
def test_a_shipped_profile_names_what_exists(name: str) -> None:
    """Its reader refuses any other key, rule, threshold or severity; here it is held against the rules once more."""
    load_policy(name, today=TODAY)
    document = tomllib.loads((SHIPPED / f"{name}.toml").read_text("utf-8"))
    assert document["title"]
    for code, table in document.get("rules", {}).items():
        assert table.keys() <= {"severity", *RULES[code].thresholds}, code


def test_every_shipped_profile_is_named_where_profiles_are_explained() -> None:
    text = read(DOCS / "checks.md")
    assert [name for name in profile_names() if f"`{name}`" not in text] == []


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", read(page), flags=re.DOTALL)
    yield from (target for target in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in links(page):
        name, _, heading = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{target} leads nowhere"
        assert not heading or heading in headings(path), f"{target} names no heading"


def headings(page: Path) -> set[str]:
    """As they are named in links."""
    lines = re.findall(r"^#+ (.+)$", read(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "checks.md"], ids=lambda page: page.name)
def test_every_option_that_is_named_is_explained_by_help(page: Path) -> None:
    shown = subprocess.run(
        [sys.executable, ROOT / "run_batch.py", "--help"], check=True, capture_output=True, text=True
    )
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", read(page)))
    assert named - OF_BLENDER - set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) == set()


def test_the_example_of_a_profile_and_of_a_rule_work(tmp_path: Path) -> None:
    """Those of docs/checks.md, as they stand there."""
    blocks = re.findall(r"```(toml|python)\n(.*?)```", read(DOCS / "checks.md"), flags=re.DOTALL)
    profile, rule = (next(text for kind, text in blocks if kind == wanted) for wanted in ("toml", "python"))
    (tmp_path / "example.toml").write_text(profile, "utf-8")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/example.py").write_text(rule, "utf-8")
    script = (
        "import sys; from glb_batch_validator_addon.rules.custom import load_custom_rules as load;"
        "from glb_batch_validator_addon.rules.catalogue import RULES;"
        "assert load(sys.argv[1]) == () and 'STUDIO_MATERIAL_PREFIX' in RULES"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "rules"], check=True, cwd=ROOT)
    policy = load_policy(str(tmp_path / "example.toml"), today=TODAY)
    assert policy.profile.levels["GLBV_TEXTURE_TOO_LARGE"] == "error"
    assert [waiver.owner for waiver in policy.waivers] == ["mira"]


def read(page: Path) -> str:
    return page.read_text("utf-8")
