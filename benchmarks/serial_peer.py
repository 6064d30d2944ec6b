"""The peer that people write today: one loop that lists, downloads, imports, counts and uploads, one file at a time.

    python -m benchmarks.serial_peer BUCKET PREFIX ENDPOINT LIMIT

prints `ready` when Blender and boto3 are loaded, then the number of assets and the seconds they took.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

import boto3
import bpy
from mathutils import Vector


def analyze(path: str) -> dict[str, object]:
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=path)
    vertices = faces = 0
    materials: set[str] = set()
    corners = []
    for thing in bpy.context.scene.objects:
        if thing.type == "MESH":
            vertices += len(thing.data.vertices)
            faces += len(thing.data.polygons)
            materials.update(slot.material.name for slot in thing.material_slots if slot.material)
            corners += [thing.matrix_world @ Vector(corner) for corner in thing.bound_box]
    box = [[f(corner[axis] for corner in corners) for axis in range(3)] for f in (min, max)] if corners else None
    return {"vertices": vertices, "faces": faces, "materials": sorted(materials), "bounding_box": box}


def main(bucket: str, prefix: str, endpoint: str, limit: int) -> None:
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    print("ready", flush=True)
    started = time.perf_counter()
    done = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            key = item["Key"]
            if not key.endswith(".glb") or done == limit:
                continue
            with tempfile.NamedTemporaryFile(suffix=".glb", delete=False) as file:
                path = file.name
            try:
                s3.download_file(bucket, key, path)
                report = {"status": "ok", **analyze(path)}
            except Exception as error:
                report = {"status": "error", "error": str(error)}
            finally:
                os.unlink(path)
            s3.put_object(Bucket=bucket, Key=f"{key[:-4]}_serial.json", Body=json.dumps(report).encode())
            done += 1
    print(json.dumps({"assets": done, "seconds": time.perf_counter() - started}), flush=True)
    os._exit(0)  # the bpy wheel can hang at a regular exit


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
