"""A fence: the right to insert what comes from some log partitions, which ends when somebody takes them over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fence:
    """The right to insert what comes from some partitions of a log, until somebody takes it anew."""

    log_id: str
    partitions: tuple[int, ...]
    token: int
    newest: str
    """The SQL that asks for the highest token there is."""

    @property
    def condition(self) -> str:
        """True in SQL while the right lasts; else the statement fails and inserts nothing."""
        return f"throwIf(({self.newest}) > {self.token}, 'fenced') = 0"

    @property
    def comment(self) -> str:
        """What the inserts of this log are called among the running statements."""
        return f"safar-insert {self.log_id}"
