"""The picture of an asset: rendered, looked at, and kept by what is in it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np
import numpy.typing as npt

from ..model.preview import LOOK, Order, Preview
from . import studio
from .fingerprint import fingerprint
from .studio import NoPictureError

_GPUS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")
"""How Cycles reaches a GPU, the fastest first."""

_STEP = 2 / 255
"""What differs less from the background is the background: WebP changes colours a little."""

_Pixels = npt.NDArray[np.float32]


class Previews:
    """Makes pictures in this Blender. One each worker, as it remembers which device renders."""

    def __init__(self, *, threads: int = 0) -> None:
        """With so many threads, or as many as there are cores for 0. Blender's own `--threads` counts in any case."""
        self._threads = threads
        self._device: str | None = None

    def take(self, order: Order, *, contents: Sequence[str], at: Path) -> Preview:
        """The picture of the imported asset, from the folder of the order or rendered into it.

        `contents` are digests of all that decides what the asset looks like; `at` is free for the file that is being
        rendered. Raises `NoPictureError`.
        """
        device = self._choose(order)
        path = _path(order, contents, device)
        pixels = _kept(path, order.size)
        if pixels is None:
            studio.set_up(order, threads=self._threads)
            try:
                device = self._render(at, device)
                path = _path(order, contents, device)
                pixels = _pixels(at)
                if np.abs(pixels - pixels[0, 0]).max() <= _STEP:
                    raise NoPictureError("Nothing of the asset is to be seen in its picture.")
                _keep(at, path)
            except RuntimeError as error:
                text = str(error).strip().removeprefix("Error: ")
                raise NoPictureError(f"Blender did not render it: {text}") from error
            except OSError as error:
                raise NoPictureError(f"The picture cannot be kept in {order.folder}: {error.strerror}.") from error
            finally:
                at.unlink(missing_ok=True)
        return Preview(
            file=path.name,
            width=order.size,
            height=order.size,
            engine=order.engine,
            device=device,
            fingerprint=fingerprint(pixels),
        )

    def _choose(self, order: Order) -> str:
        if order.engine == "workbench":
            return "OPENGL"
        if not order.gpu:
            return "CPU"
        if self._device is None:
            self._device = choose_device()
        return self._device

    def _render(self, at: Path, device: str) -> str:
        """Returns the device that did it, as a GPU that fails is not asked again. Raises RuntimeError."""
        try:
            _render(at, device)
        except RuntimeError:
            if device in ("CPU", "OPENGL"):
                raise
            self._device = device = "CPU"
            _render(at, device)
        return device


def render_nothing(path: str) -> None:
    """Render an empty scene with Workbench. Raises RuntimeError, or takes the process down, where that cannot be."""
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = 16
    _render(Path(path), "OPENGL")


def choose_device() -> str:
    """Let Cycles use the best GPU there is; returns how it is reached, or `CPU` where there is none or it fails."""
    addon = bpy.context.preferences.addons.get("cycles")
    for kind in _GPUS if addon else ():
        try:
            addon.preferences.compute_device_type = kind  # TypeError where this Blender does not know it
            found = any(device.type == kind for device in addon.preferences.get_devices_for_type(kind))
        except Exception:  # drivers fail in many ways
            continue
        if found:
            for device in addon.preferences.devices:
                device.use = device.type == kind
            return kind
    return "CPU"


def _path(order: Order, contents: Sequence[str], device: str) -> Path:
    """Where a picture is kept: its name is a digest of all that decides what it shows."""
    decisive = (LOOK, order.engine, order.size, device, bpy.app.version[:2], *contents)
    return Path(order.folder, f"{hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:32]}.{order.format}")


def _render(at: Path, device: str) -> None:
    """Raises RuntimeError."""
    scene = bpy.context.scene
    if device != "OPENGL":
        scene.cycles.device = "CPU" if device == "CPU" else "GPU"
    scene.render.filepath = str(at)
    with _silence():
        bpy.ops.render.render(write_still=True)
    if not at.is_file():
        raise RuntimeError("Blender rendered no picture.")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without Cycles' words about its progress on stdout: 5 kB a picture. Errors are on stderr."""
    sys.stdout.flush()
    stdout, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(nowhere)


def _kept(path: Path, size: int) -> _Pixels | None:
    """The pixels of a picture that is there and whole; looking at it makes it young again."""
    try:
        os.utime(path)
        pixels = _pixels(path)
    except (OSError, RuntimeError):
        return None
    return pixels if pixels.shape[:2] == (size, size) else None


def _keep(at: Path, path: Path) -> None:
    """Move a picture into the folder, whole or not at all: other workers look into it at the same time."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(at, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _pixels(path: Path) -> _Pixels:
    """Shape (height, width, 4), the top row first, as the file stores them. Raises RuntimeError if it is no picture."""
    image = bpy.data.images.load(str(path), check_existing=False)
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        flat = np.empty(width * height * 4, dtype=np.float32)
        if len(image.pixels) != len(flat) or not len(flat):
            raise RuntimeError("The picture cannot be read.")
        image.pixels.foreach_get(flat)
    finally:
        bpy.data.images.remove(image)
    return flat.reshape(height, width, 4)[::-1]
