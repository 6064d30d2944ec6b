"""A worker without Blender: speaks the real wire and does what the content of the asset tells it, for better or worse.

ok 12               answers with 12 triangles
error Kind          answers with an error report of that type
needs a/b.png       asks for that key and answers with the bytes it got
crash               dies of SIGSEGV;  exit 7: ends with that code;  memory: as a worker that outgrew its limit
crash-once FILE     the same, unless FILE exists, which it makes first
hang                never answers
unpaintable         dies in the stage `preview` where a picture is wanted
unpaintable-at-all  the same, and of the import when it comes again without

A picture that is wanted has the content of the asset.

Asked again without Blender, it answers with the failure of before.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from glb_batch_validator_addon.model.facts import Facts, facts_document
from glb_batch_validator_addon.model.preview import Preview
from glb_batch_validator_addon.model.report import Failure
from glb_batch_validator_addon.model.wire import (
    EXIT_MEMORY,
    MEMORY_LIMIT,
    STAGE_FILE,
    Hello,
    Reply,
    Request,
    decode_request,
    encode,
)
from tests.rules.making import empty

LONG = "/".join(["n" * 200] * 5)


def answer(request: Request) -> Reply:
    content = Path(request.path).read_bytes().decode()
    word, _, rest = content.partition(" ")
    stage = Path(os.environ[STAGE_FILE])
    stage.write_bytes(b"import".ljust(16, b"\0"))
    painted = bool(request.failed and request.failed.stage == "preview")
    if word.startswith("unpaintable") and request.preview and not request.failed:
        stage.write_bytes(b"preview".ljust(16, b"\0"))
        word = "crash"
    elif word == "unpaintable-at-all" and painted:
        word = "crash"
    if word == "crash-once":
        marker = Path(rest)
        word = "ok" if marker.exists() else "crash"
        marker.touch()
    if request.failed and not painted:
        return Reply(id=request.id, error=request.failed, khronos={"asked": "without Blender"})
    if word == "crash":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    if word in ("exit", "memory"):
        os._exit(EXIT_MEMORY if word == "memory" else int(rest))
    if word == "hang":
        time.sleep(3600)
    if word == "error":
        failure = Failure(stage="container", type=rest, message="It is what it is.")
        return Reply(id=request.id, error=failure, sha256="0" * 64)
    facts = facts_document(empty(Facts))
    facts |= {"triangles": int(rest) if rest.isdigit() else 0, "vertices": 3, "materials": ["a"]}
    if word == "needs-all" and request.resources is None:
        return Reply(id=request.id, needs=tuple(f"{LONG}/{number}.png" for number in range(30)))
    if word == "needs":
        if request.resources is None:
            return Reply(id=request.id, needs=(rest,))
        resource = request.resources[rest]
        facts["resource"] = Path(resource.path).read_text() if resource.path else resource.reason
    preview = None
    if request.preview and not painted:
        name = f"{Path(request.key).stem}.{request.preview.format}"
        Path(request.preview.folder).mkdir(exist_ok=True)
        Path(request.preview.folder, name).write_bytes(content.encode())
        size, gpu = request.preview.size, request.preview.gpu
        preview = Preview(
            file=name, width=size, height=size, engine="cycles", device="CUDA" if gpu else "CPU", fingerprint="0" * 16
        )
    return Reply(
        id=request.id, verdict="pass", facts=facts, sha256="0" * 64, preview=preview, seconds={"import": 0.001}
    )


def main() -> None:
    told = {STAGE_FILE, MEMORY_LIMIT}
    assert not {name for name in os.environ if name.startswith(("AWS_", "GLBV_"))} - told, "a worker gets no secrets"
    out = sys.stdout.buffer
    out.write(b"Blender 0.0 says hello and other noise\n")
    out.write(encode(Hello(versions={"blender": "0.0", "pid": str(os.getpid())})))
    out.flush()
    for line in sys.stdin.buffer:
        out.write(encode(answer(decode_request(line))))
        out.flush()


if __name__ == "__main__":
    main()
