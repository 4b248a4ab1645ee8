"""What a log may say of an unexpected error: its kind and its place. Its message may quote what somebody sent."""

import logging
import traceback
from pathlib import Path


def kind_and_place(error: BaseException) -> str:
    """Such as "ValueError at values.py:26"."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


class ImpersonalFilter(logging.Filter):
    """Reduces a library's records of errors, which name callers and quote requests, to kind and place."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; let it pass."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg, record.args = "not handled: %s", (kind_and_place(error),)
            record.exc_info = record.exc_text = record.stack_info = None
        return True
