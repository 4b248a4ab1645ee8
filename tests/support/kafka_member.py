"""A member of a consumer group in a process of its own, which can be stopped and continued as an overloaded one is."""

import multiprocessing
import os
import signal
from contextlib import closing
from multiprocessing.connection import Connection

from safar.log import LogReader, open_log
from tests.support.logs import after, owns, read, until, values

_PATIENCE_S = 60


class Member:
    """Reads `count` records of the log, keeps them, and does what it is told; `close` ends it, stopped or not."""

    def __init__(self, url: str, group: str, count: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._told, told = spawn.Pipe()
        self._process = spawn.Process(target=_live, args=(url, group, count, told), daemon=True)
        self._process.start()
        self.generation: int = self._answer()

    def stop(self) -> None:
        """Let the whole process, its heartbeats too, stand still."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again, as if no time had passed."""
        os.kill(self._pid, signal.SIGCONT)

    def commit(self) -> tuple[int, dict[int, int]]:
        """Commit all it has read; generation and assignment after that."""
        return self._do("commit")

    def read_again(self) -> list[str]:
        """Wait until it owns a partition again and has read as many records as at first; their values."""
        return self._do("read_again")

    def close(self) -> None:
        """End the process without any notice."""
        self._process.kill()
        self._process.join()

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def _do(self, order: str):
        self._told.send(order)
        return self._answer()

    def _answer(self):
        assert self._told.poll(_PATIENCE_S), "the member did not answer"
        return self._told.recv()


def _live(url: str, group: str, count: int, told: Connection) -> None:
    with closing(open_log(url).reader(group)) as reader:
        records = read(reader, count)
        told.send(reader.assignment().generation)
        while True:
            if told.recv() == "commit":
                reader.commit(after(records))
                told.send((reader.assignment().generation, dict(reader.assignment().committed)))
            else:
                told.send(values(_again(reader, count)))


def _again(reader: LogReader, count: int):
    until(lambda: owns(reader, 1), lambda: reader.poll(0.2))
    return read(reader, count)
