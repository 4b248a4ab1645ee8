"""The durable log: `open_log(url)` is one of the two places where one machine and a cluster differ."""

from safar.log.contract import Assignment, Log, LogReader, LogRecord, LogWriter, NewRecord
from safar.log.open import open_log

__all__ = ["Assignment", "Log", "LogReader", "LogRecord", "LogWriter", "NewRecord", "open_log"]
