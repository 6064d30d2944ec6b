"""Certificates for servers on the loopback interface."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..rig.sandbox import enter

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Tls:
    """PEM files: the authority that clients should trust, and the server's certificate with its key."""

    ca: Path
    certificate: Path
    key: Path


def make(rootfs: Path, folder: Path) -> Tls:
    """A new authority and a certificate of it for 127.0.0.1 and localhost, in ``folder``."""
    ca_key = folder / "ca.key"
    tls = Tls(ca=folder / "ca.pem", certificate=folder / "server.pem", key=folder / "server.key")
    authority = ("-subj", "/CN=authority of a test", "-keyout", str(ca_key), "-out", str(tls.ca))
    _openssl_req(rootfs, *authority, "-addext", "keyUsage=critical,keyCertSign")
    server = ("-subj", "/CN=localhost", "-keyout", str(tls.key), "-out", str(tls.certificate))
    signed = ("-CA", str(tls.ca), "-CAkey", str(ca_key), "-addext", "basicConstraints=critical,CA:FALSE")
    _openssl_req(rootfs, *server, *signed, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    return tls


def _openssl_req(rootfs: Path, *arguments: str) -> None:
    subprocess.run((*enter(rootfs), "openssl", "req", "-x509", *_NEW_KEY, *arguments), check=True, capture_output=True)
