"""The threads that run reports for API and page: a few, and never more than a bounded number of reports at once."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from safar.errors import StoreUnavailable
from safar.reports import Configured, Report, definition_of, run
from safar.store import Store
from safar.telemetry import AggregatorMetrics

_THREADS = 2
_MOST_AT_ONCE = 32

_Question = tuple[str, frozenset[tuple[str, str]]]


class ReportPool:
    """Answers reports. The same question, asked again while it is being answered, is answered once."""

    def __init__(self, store: Store, metrics: AggregatorMetrics, configured: Configured) -> None:
        self._store = store
        self._configured = configured
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="report")
        self._running: dict[_Question, asyncio.Future[Report]] = {}

    async def ask(self, name: str, params: Mapping[str, str]) -> Report:
        """As `safar.reports.run`; StoreUnavailable also when too many are being answered already."""
        definition_of(name)  # an unknown name becomes no label of a metric
        question = (name, frozenset(params.items()))
        answer = self._running.get(question)
        if answer is None:
            answer = self._start(question, name, dict(params))
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Wait for the reports at work; those that wait are given up."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    def _start(self, question: _Question, name: str, params: Mapping[str, str]) -> asyncio.Future[Report]:
        if len(self._running) >= _MOST_AT_ONCE:
            raise StoreUnavailable(f"{_MOST_AT_ONCE} reports are being answered; ask again in a moment.")
        loop = asyncio.get_running_loop()
        answer = asyncio.ensure_future(loop.run_in_executor(self._threads, self._run, name, params))
        self._running[question] = answer
        answer.add_done_callback(lambda _: self._running.pop(question))
        return answer

    def _run(self, name: str, params: Mapping[str, str]) -> Report:
        with self._metrics.report_seconds.labels(name).time():
            return run(name, self._store, params, self._configured)
