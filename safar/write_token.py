"""The password of the user `writer` at the SQL port: the setting, or a file that only the owner of the data can read.

Whoever may read the data directory may change everything in it anyway; the file lets their other processes write while
the aggregator has the embedded store open.
"""

import os
import secrets
from pathlib import Path

from safar.config import Config

_NAME = "write-token"


def made_write_token(config: Config) -> str:
    """The token that writers need: the one set, else that of the file, which is made if it is not there."""
    path = Path(config.data_dir) / _NAME
    if not config.write_token and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{_NAME}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(32), encoding="ascii")
        new.replace(path)
    return known_write_token(config)


def known_write_token(config: Config) -> str:
    """The token to write with; empty when none is set and no aggregator made one."""
    path = Path(config.data_dir) / _NAME
    return config.write_token or (path.read_text(encoding="ascii") if path.exists() else "")
