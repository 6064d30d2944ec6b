"""One asset through the Khronos glTF-Validator: its npm build, on V8 in this process.

What goes wrong with an asset costs that asset its verdict and nothing else: a time-out, a full heap or a crash inside
the validator is a `NotCheckedError`, and the next asset finds a new V8 context.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

from ..errors import GlbvError
from ..model.finding import SEVERITIES
from ..model.khronos import KhronosMessage, KhronosOverflow, KhronosReport

if TYPE_CHECKING:
    from .context import Context

MIB = 1024 * 1024

MAX_BYTES = 512 * MIB
"""Of an asset and the files it refers to: they lie in ArrayBuffers, which the heap's limit does not count."""
HEAP_BYTES = 512 * MIB
"""Of V8. 60 MB of JSON take 400 MiB; the largest JSON of 505 public GLBs has 7 MB."""
TIMEOUT_SECONDS = 60.0
"""For one asset: 100 MB of meshes take 1.5 s, a chain of 100,000 nodes minutes."""
MAX_ISSUES = 10_000
"""At so many the validator stops. They cost 0.05 s more than 1,000, and most floods of issues need no second round."""
MAX_ROUNDS = 8
"""How often an asset is validated, each time without the codes that flooded the rounds before."""
MAX_PER_CODE = 100
"""Messages of one code that are kept."""
MAX_TEXT = 500
"""Characters of a message, a pointer, or a text in `info`."""
MAX_ITEMS = 1000
"""Of a list in `info`."""

_MAX_CAUSE = 200
"""Characters of what V8 says of a failure."""


class NotCheckedError(GlbvError):
    """There is no verdict on this asset; the message is a sentence that says why."""


class Validator:
    """Keeps a V8 context for one asset after the other. One thread at a time."""

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        heap_bytes: int = HEAP_BYTES,
        max_issues: int = MAX_ISSUES,
        max_rounds: int = MAX_ROUNDS,
        max_per_code: int = MAX_PER_CODE,
    ) -> None:
        """Raises ImportError without the wheel, OSError without the script or where the wheel does not load."""
        self._max_bytes = max_bytes
        self._heap_bytes = heap_bytes
        self._max_rounds = max_rounds
        self._limits = {"issues": max_issues, "perCode": max_per_code, "text": MAX_TEXT, "items": MAX_ITEMS}
        self._context: Context | None = None
        self.version = self._opened().version
        """Of the Khronos validator, such as `2.0.0-dev.3.10`."""

    def close(self) -> None:
        """Let go of V8, at the latest before the interpreter ends. Another `validate` starts it again."""
        context, self._context = self._context, None
        if context is not None:
            context.close()

    def validate(
        self,
        data: bytes | memoryview,
        *,
        resources: Mapping[str, Path | bytes] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> KhronosReport:
        """What the validator says of these bytes, be they a GLB or not.

        `resources` are the files that the asset refers to, by their URI as it is written or decoded. One that is not
        among them, or cannot be read, is an IO_ERROR of the report; so is each of them with None.

        Raises `NotCheckedError`.
        """
        end = time.monotonic() + timeout_seconds
        files = None if resources is None else dict(_read(resources, at_most=self._max_bytes))
        if len(data) + sum(map(len, (files or {}).values())) > self._max_bytes:
            raise NotCheckedError(f"The asset and its files are larger than {self._max_bytes / MIB:g} MiB.")

        def ask(ignored: list[str]) -> dict[str, Any]:
            with self._one_chance(timeout_seconds):
                return self._opened().validate(len(data), ignored, end=end)

        with self._one_chance(timeout_seconds):
            self._opened().load(memoryview(data), files)
        report = _in_rounds(ask, at_most=self._max_rounds)
        self._tidy()
        return report

    def _opened(self) -> Context:
        if self._context is None:
            from .context import Context

            self._context = Context(heap_bytes=self._heap_bytes, limits=self._limits)
        return self._context

    @contextmanager
    def _one_chance(self, timeout_seconds: float) -> Iterator[None]:
        """Whatever is raised inside ends the context: a validator that was interrupted may say anything."""
        try:
            yield
        except BaseException as error:
            full = self._context is not None and self._context.is_full
            self.close()
            if not isinstance(error, Exception):
                raise
            if full:
                sentence = f"The Khronos validator needs more than {self._heap_bytes // MIB} MiB of memory for it."
            elif isinstance(error, TimeoutError):
                sentence = f"The Khronos validator took longer than {timeout_seconds:g} s."
            else:
                cause = str(error).partition("\n")[0][:_MAX_CAUSE]
                sentence = f"The Khronos validator failed on it ({type(error).__name__}: {cause})."
            raise NotCheckedError(sentence) from error

    def _tidy(self) -> None:
        """Leave the context fit for the next asset, or leave none."""
        if self._context is not None:
            try:
                self._context.unload()
                fit = not self._context.is_full
            except Exception:
                fit = False
            if not fit:
                self.close()


class NoValidator:
    """Stands for a validator that could not be loaded: it checks nothing, and says why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def validate(self, data: bytes | memoryview, *, resources: Mapping[str, Path | bytes] | None = None) -> NoReturn:
        raise NotCheckedError(self._reason)


def open_validator() -> Validator | NoValidator:
    """A validator; where the wheel or the script does not load, one that says so of every asset."""
    try:
        return Validator()
    except Exception as error:
        cause = str(error).partition("\n")[0][:_MAX_CAUSE]
        return NoValidator(f"The Khronos validator could not be loaded ({type(error).__name__}: {cause}).")


def _read(resources: Mapping[str, Path | bytes], *, at_most: int) -> Iterator[tuple[str, bytes]]:
    """The files that can be read, by their place beside the asset; none after they were more than so many bytes."""
    total = 0
    for uri, content in resources.items():
        if isinstance(content, Path):
            try:
                with content.open("rb") as file:
                    content = file.read(at_most - total + 1)
            except OSError:
                continue
        total += len(content)
        # As the validator asks for it, which resolves "." and "..", once what it percent-encodes is decoded.
        yield normpath(unquote(uri.replace("\\", "/"))), content
        if total > at_most:
            return


def _in_rounds(ask: Callable[[list[str]], dict[str, Any]], *, at_most: int) -> KhronosReport:
    """Ask until nothing is hidden behind a flood of issues. What was found counts, even if a later round fails."""
    codes: dict[str, Any] = {}
    ignored: list[str] = []
    reason = ""
    for number in range(at_most):
        try:
            answer = ask(ignored)
        except NotCheckedError as error:
            if number == 0:
                raise
            reason = str(error)
            break
        codes |= answer["codes"]  # with what the rounds before found of codes that were ignored in this one
        if not answer["stopped"]:
            break
        flooding = {code for code, of in answer["codes"].items() if of["found"] > len(of["messages"])}
        flooding |= {max(answer["codes"], key=lambda code: answer["codes"][code]["found"])}
        ignored = sorted({*ignored, *flooding})
    else:
        reason = f"The Khronos validator found too many issues: {at_most} rounds did not show them all."
    counts = dict.fromkeys(SEVERITIES, 0)
    for of in codes.values():
        counts[SEVERITIES[of["severity"]]] += of["found"]
    return KhronosReport(
        version=answer["version"],
        info=answer["info"],
        counts=counts,
        messages=tuple(_messages(codes)),
        truncated=tuple(
            KhronosOverflow(
                code=code,
                severity=SEVERITIES[of["severity"]],
                kept=len(of["messages"]),
                found=of["found"],
                exact=code not in ignored,
            )
            for code, of in codes.items()
            if of["found"] > len(of["messages"]) or code in ignored
        ),
        complete=not reason,
        reason=reason,
    )


def _messages(codes: Mapping[str, Any]) -> Iterator[KhronosMessage]:
    """By code, in the order in which the validator came upon the codes."""
    for code, of in codes.items():
        for message, pointer, offset in of["messages"]:
            severity = SEVERITIES[of["severity"]]
            yield KhronosMessage(code=code, severity=severity, message=message, pointer=pointer, offset=offset)
