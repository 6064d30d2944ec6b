"""Reads GLB bytes without Blender: container, JSON, external references, image headers."""
