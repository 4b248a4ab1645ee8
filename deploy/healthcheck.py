"""Container health check: exit code 0 when the address given answers 200, else 1 and the reason in one line."""

import sys
import urllib.error
import urllib.request

_TIMEOUT_S = 4.0


def failure(url: str) -> str:
    """Why `url` does not count as healthy; empty when it does."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return "" if answer.status == 200 else f"{url} answered {answer.status}"
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    sys.exit(failure(sys.argv[1]) or 0)
