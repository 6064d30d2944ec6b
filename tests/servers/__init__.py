"""S3 servers that a test session starts on the loopback interface and ends again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Server:
    """Where a running server is reached and with which credentials; they are made up for the session."""

    endpoint_url: str
    access_key: str
    secret_key: str
    region: str
