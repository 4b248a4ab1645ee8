"""The rows of a checked statement, sent as the engine makes them where the format allows it."""

from collections.abc import Iterator
from contextlib import closing

from safar.store.door import allowed
from safar.store.door.answer import Answer
from safar.store.door.engine import Session
from safar.store.door.guard import Statement, check_format
from safar.store.door.native import SINCE, with_block_info
from safar.store.door.request import Ask


def send_rows(session: Session, statement: Statement, ask: Ask, answer: Answer, whole_max_bytes: int) -> None:
    """Run a statement that gives rows and send them; `whole_max_bytes` bounds what must stay in memory."""
    output = statement.output or check_format(ask.default_format) or ""
    newer = output == "Native" and ask.protocol >= SINCE
    if statement.streams and output in allowed.STREAMED_FORMATS:
        with closing(session.stream(statement.sql, output, ask.parameters)) as blocks:
            answer.send(output, map(with_block_info, blocks) if newer else blocks, {})
    else:
        session.set({"max_result_bytes": str(whole_max_bytes)})
        result = session.run(statement.sql, output, ask.parameters)
        answer.send(output, _in_one(result.chunks()) if newer else result.chunks(), result.counts())


def _in_one(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The only way to be sure that no block is divided."""
    yield with_block_info(b"".join(chunks))
