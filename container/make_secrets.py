"""Makes the secrets of compose.yaml: new ones, in the folder `secrets` beside this file, for this machine alone.

    python container/make_secrets.py

What is there stays. A container reads its own through a mount, whatever user it runs as; on this machine only the
folder's owner gets to them.
"""

from __future__ import annotations

import secrets
from pathlib import Path

PLACE = Path(__file__).resolve().parent / "secrets"


def contents() -> dict[str, str]:
    """By file name. Letters and digits alone: they stand in addresses too."""
    broker, database, key, secret = (secrets.token_hex(24) for _ in range(4))
    key = f"glbv{key[:16]}"
    return {
        "aws-credentials": f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n",
        "broker-url": f"amqp://farm:{broker}@broker:5672//\n",
        "database-password": database,
        "database-url": f"postgresql+pg8000://farm:{database}@database:5432/farm\n",
        "rabbitmq.conf": f"default_user = farm\ndefault_pass = {broker}\n",
        "s3-access-key": key,
        "s3-secret-key": secret,
    }


def main() -> None:
    PLACE.mkdir(mode=0o700, exist_ok=True)
    if any(PLACE.iterdir()):
        print(f"There are secrets in {PLACE}: they stay.")
        return
    for name, text in contents().items():
        path = PLACE / name
        path.write_text(text, "utf-8")
        path.chmod(0o444)
    print(f"Made {PLACE}.")


if __name__ == "__main__":
    main()
