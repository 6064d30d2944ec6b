"""Profiles, waivers and data sheets: TOML and CSV on disk, read into a `Policy`. Mistakes are told with their place."""

from __future__ import annotations

import csv
import datetime
import difflib
import math
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UsageError
from ..model.finding import PREFIX, SEVERITIES, Vector, Waiver
from ..model.profile import Depth, KhronosOptions, Level, Policy, Profile
from .catalogue import RULES

SHIPPED = Path(__file__).resolve().parent / "profiles"
DEFAULT = "default"

MAX_EXTENDS = 10
"""Profiles in a chain of `extends`."""
NO_LIMIT = "none"
"""Stands for "no limit" in a profile: TOML has no null."""

_KEYS = ("extends", "title", "rules", "khronos", "paths", "waivers", "data-sheet")
_KHRONOS_KEYS = ("max-issues", "ignore", "only", "override")
_WAIVER_KEYS = ("code", "pattern", "owner", "reason", "expires")
_SHEET_COLUMNS = ("pattern", "x_m", "y_m", "z_m")


def profile_names() -> list[str]:
    """Those that ship with the product."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_policy(
    profile: str = DEFAULT,
    *,
    waivers: Path | None = None,
    today: datetime.date,
    depth: Depth = "standard",
    rules_folder: Path | None = None,
    custom: bool = False,
) -> Policy:
    """The policy of a profile, by its name or its file, with the waivers of another file besides its own.

    With `custom`, or a folder of custom rules, it may name rules that are not known here.

    Raises `UsageError` for anything in these files that is not understood.
    """
    loaded = _load(_path_of(profile, Path()), custom=custom or rules_folder is not None)
    own = [*loaded.waivers, *(read_waivers(waivers) if waivers else ())]
    if rules_folder:
        _check_custom(rules_folder)
    return Policy(
        profile=loaded.profile,
        by_path=tuple(loaded.by_path),
        waivers=tuple(own),
        expected_m=tuple(loaded.expected_m),
        today=today.isoformat(),
        depth=depth,
        rules_folder=str(rules_folder.resolve()) if rules_folder else None,
    )


def read_profile(profile: str) -> Profile:
    """A profile by its name or its file, for what it is called and where its lines are drawn. Raises `UsageError`."""
    return _load(_path_of(profile, Path()), custom=True).profile


def read_waivers(path: Path) -> list[Waiver]:
    """The `[[waivers]]` of a file that holds nothing else. Raises `UsageError`."""
    reader = _Reader(path, custom=True)
    document = reader.document()
    reader.known(document, ("waivers",), "")
    return list(reader.waivers(document))


def waiver_text(waiver: Waiver) -> str:
    """As it is appended to a file of waivers."""
    lines = [f"{name} = {_toml(getattr(waiver, name))}" for name in _WAIVER_KEYS[:-1]]
    return "\n".join(["", "[[waivers]]", *lines, f"expires = {waiver.expires}", ""])


def _toml(text: str) -> str:
    """A basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else f"\\u{ord(letter):04X}" for letter in escaped) + '"'


@dataclass(frozen=True, slots=True)
class _Loaded:
    profile: Profile
    by_path: list[tuple[str, Profile]] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    expected_m: list[tuple[str, Vector]] = field(default_factory=list)


def _path_of(name: str, folder: Path) -> Path:
    """A shipped profile, or a file by its path relative to `folder`."""
    if name in profile_names():
        return SHIPPED / f"{name}.toml"
    path = folder / Path(name).expanduser()
    if path.suffix == ".toml" and path.is_file():
        return path
    ways = f"It is one of {', '.join(profile_names())}, or a file that ends in .toml."
    raise UsageError(f"There is no profile {name}.{_nearest(name, profile_names())} {ways}")


def _load(path: Path, *, custom: bool, chain: tuple[Path, ...] = ()) -> _Loaded:
    """A profile on top of what it extends. One that extends nothing starts from the rules' own defaults."""
    reader = _Reader(path, custom=custom)
    path = path.resolve()
    if path in chain or len(chain) >= MAX_EXTENDS:
        reader.refuse("extends", "the profiles extend each other in a circle")
    document = reader.document()
    reader.known(document, _KEYS, "")
    base = _Loaded(Profile(name=""))
    extends = document.get("extends", None if path.parent == SHIPPED else DEFAULT)
    if extends is not None:
        base = _load(_path_of(reader.text(extends, "extends"), path.parent), custom=custom, chain=(*chain, path))
    profile = reader.profile(document, base.profile)
    by_path = []
    for number, entry in enumerate(reader.tables(document, "paths")):
        place = f"paths[{number}]"
        reader.known(entry, ("pattern", "profile"), place, all_of_them=True)
        other = _path_of(reader.text(entry["profile"], f"{place}.profile"), path.parent)
        by_path.append(
            (
                reader.text(entry["pattern"], f"{place}.pattern"),
                _load(other, custom=custom, chain=(*chain, path)).profile,
            )
        )
    sheet = document.get("data-sheet")
    return _Loaded(
        profile,
        [*by_path, *base.by_path],
        [*base.waivers, *reader.waivers(document)],
        [*(read_sheet(path.parent / reader.text(sheet, "data-sheet")) if sheet else ()), *base.expected_m],
    )


class _Reader:
    """One file, and where in it something is wrong."""

    def __init__(self, path: Path, *, custom: bool) -> None:
        self._path = path
        self._custom = custom

    def refuse(self, place: str, why: str) -> NoReturn:
        where = f"{place}: " if place else ""
        raise UsageError(f"{self._path}: {where}{why}.")

    def document(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.refuse("", f"not valid TOML: {error}")
        except OSError as error:
            self.refuse("", f"cannot be read: {error.strerror}")

    def known(self, table: Mapping[str, Any], keys: Collection[str], place: str, *, all_of_them: bool = False) -> None:
        for key in table:
            if key not in keys:
                self.refuse(place, f"there is no key {key!r}.{_nearest(key, keys)} Known are {', '.join(keys)}")
        if all_of_them and (lacking := [key for key in keys if key not in table]):
            self.refuse(place, f"{lacking[0]!r} is missing")

    def text(self, value: object, place: str) -> str:
        if not isinstance(value, str) or not value.strip():
            self.refuse(place, "a text is needed")
        return value

    def texts(self, value: object, place: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(place, "a list of texts is needed")
        return tuple(value)

    def table(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.refuse(key, "a table is needed")
        return value

    def tables(self, table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(key, f"an array of tables is needed: [[{key}]]")
        return value

    def profile(self, document: Mapping[str, Any], base: Profile) -> Profile:
        levels, thresholds = dict(base.levels), {code: dict(values) for code, values in base.thresholds.items()}
        for code, table in self.table(document, "rules").items():
            place = f"rules.{code}"
            if not isinstance(table, dict):
                self.refuse(place, 'a table is needed, such as {severity = "off"}')
            for name, value in table.items():
                if name == "severity":
                    levels[code] = self.level(value, f"{place}.severity")
                else:
                    thresholds.setdefault(code, {})[name] = self.threshold(code, name, value, place)
            self.rule(code, place)
        return Profile(
            name=self._path.stem,
            levels=levels,
            thresholds=thresholds,
            khronos=self.khronos(self.table(document, "khronos"), base.khronos),
        )

    def rule(self, code: str, place: str) -> None:
        if code not in RULES and (code.startswith(PREFIX) or not self._custom):
            self.refuse(place, f"there is no rule {code}.{_nearest(code, RULES)}")

    def level(self, value: object, place: str) -> Level:
        if value in (*SEVERITIES, "off"):
            return value  # type: ignore[return-value]
        self.refuse(place, f"a severity is one of {', '.join(SEVERITIES)} and off, not {value!r}")

    def threshold(self, code: str, name: str, value: object, place: str) -> Any:
        if code not in RULES:
            self.rule(code, place)
            return value  # of a custom rule
        known = RULES[code].thresholds
        self.known({name: value}, (*known, "severity"), place)
        if value == NO_LIMIT:
            return None
        right, needed = _TYPES[known[name].kind]
        if not right(value):
            self.refuse(f"{place}.{name}", f"{needed} is needed, or {NO_LIMIT!r} for no limit")
        return value

    def khronos(self, table: Mapping[str, Any], base: KhronosOptions) -> KhronosOptions:
        self.known(table, _KHRONOS_KEYS, "khronos")
        options = base
        if (number := table.get("max-issues")) is not None:
            if not _whole(number) or number < 0:
                self.refuse("khronos.max-issues", "a whole number from 0 is needed; 0 is no limit")
            options = replace(options, max_issues=number)
        for name in ("ignore", "only"):
            if name in table:
                codes: dict[str, Any] = {name: self.texts(table[name], f"khronos.{name}")}
                options = replace(options, **codes)
        if "override" in table:
            override = {
                code: SEVERITIES[value] if _whole(value) and 0 <= value < len(SEVERITIES) else self.level(value, place)
                for code, value in self.table(table, "override").items()
                for place in (f"khronos.override.{code}",)
            }
            options = replace(options, override={**options.override, **override})
        return options

    def waivers(self, document: Mapping[str, Any]) -> Iterable[Waiver]:
        for number, entry in enumerate(self.tables(document, "waivers")):
            place = f"waivers[{number}]"
            self.known(entry, _WAIVER_KEYS, place, all_of_them=True)
            expires = entry["expires"]
            if type(expires) is not datetime.date:
                self.refuse(f"{place}.expires", "a date without quotes is needed, such as 2026-12-31")
            code = self.text(entry["code"], f"{place}.code")
            if code.startswith(PREFIX):
                self.rule(code, f"{place}.code")
            texts = {name: self.text(entry[name], f"{place}.{name}") for name in ("pattern", "owner", "reason")}
            yield Waiver(code=code, expires=expires.isoformat(), **texts)


def read_sheet(path: Path) -> list[tuple[str, Vector]]:
    """Glob and dimensions of a CSV with the columns pattern, x_m, y_m, z_m (metres, Blender's axes: Z up).

    Raises `UsageError`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if lacking := [name for name in _SHEET_COLUMNS if name not in (reader.fieldnames or ())]:
                raise UsageError(f"{path}: the column {lacking[0]} is missing. It needs {', '.join(_SHEET_COLUMNS)}.")
            rows = []
            for row in reader:
                try:
                    x, y, z = (float(row[name]) for name in _SHEET_COLUMNS[1:])
                    if not (row["pattern"] and all(0 <= size < math.inf for size in (x, y, z))):
                        raise ValueError
                except (TypeError, ValueError):
                    line = f"{path}: line {reader.line_num}"
                    raise UsageError(f"{line} is not a pattern and three sizes in metres.") from None
                rows.append((row["pattern"], (x, y, z)))
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: the data sheet cannot be read: {error}.") from error


def _check_custom(folder: Path) -> None:
    """Custom rules are run in workers alone; here they are compiled, so that a slip of the pen ends no night's run."""
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    if not files:
        raise UsageError(f"There are no custom rules (*.py) in {folder}.")
    for path in files:
        try:
            compile(path.read_bytes(), str(path), "exec")
        except (SyntaxError, ValueError) as error:
            raise UsageError(f"The custom rules in {path} are not valid Python: {error}.") from error


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "number": (_number, "a number"),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "texts": (
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        "a list of texts",
    ),
}


def _nearest(name: str, names: Iterable[str]) -> str:
    """` Do you mean "x"?`, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" Do you mean {found[0]!r}?" if found else ""
