"""Pictures of assets in the panel, from the folder of this machine that keeps them; loaded when they are drawn."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

MAX_LOADED = 200
"""Pictures that Blender holds for us at once, at 0.3 MB each. Those that were not drawn for longest go."""


class Pictures:
    """Icons by the names of files in a folder. Blender reads a file in the background when its icon is drawn."""

    def __init__(self) -> None:
        self._loaded: bpy.utils.previews.ImagePreviewCollection | None = None
        self._icons: dict[str, int] = {}  # the one that was drawn last comes last

    def icon(self, folder: Path | None, name: str | None) -> int:
        """To be given as `icon_value`; 0 if there is no such picture, and without a window."""
        if folder is None or not name:
            return 0
        if name not in self._icons:
            if Path(name).name != name or not (folder / name).is_file():
                return 0
            self._load(folder / name, name)
        icon = self._icons[name] = self._icons.pop(name)
        return icon

    def _load(self, path: Path, name: str) -> None:
        if self._loaded is None:
            self._loaded = bpy.utils.previews.new()
        while len(self._icons) >= MAX_LOADED:
            oldest = next(iter(self._icons))
            del self._icons[oldest], self._loaded[oldest]
        self._icons[name] = self._loaded.load(name, str(path), "IMAGE").icon_id

    def close(self) -> None:
        """Let go of all of them."""
        if self._loaded is not None:
            bpy.utils.previews.remove(self._loaded)
        self._loaded, self._icons = None, {}


PICTURES = Pictures()
