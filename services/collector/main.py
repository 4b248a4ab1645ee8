"""The collector's composition root: picks the log, builds the parts, listens until told to stop."""

import asyncio

from safar.clock import system_clock
from safar.config import Config
from safar.contract.accept import load_contract
from safar.http import listen
from safar.log import open_log
from safar.log.spool import Spool, SpoolingWriter
from safar.sources import Sources
from safar.telemetry import CollectorMetrics, new_registry
from services.collector.app import CollectorApp
from services.collector.ingest import Ingest
from services.collector.publish import Publisher


async def serve(config: Config, stop: asyncio.Event) -> None:
    """Take events until `stop`; then answer what is at hand, append what is waiting, and let go of the log."""
    load_contract()
    sources = Sources(config.sources_file)
    spool = Spool(config.spool_dir, config.spool_max_bytes) if config.spool_max_bytes else None
    log = open_log(config.log_url, spool=spool)
    writer = log.writer()
    metrics = CollectorMetrics(new_registry())
    if isinstance(writer, SpoolingWriter):
        metrics.spool_bytes.set_function(lambda: writer.spooled_bytes)
    publisher = Publisher(writer, metrics, config.queue_max_bytes, config.record_max_bytes)
    ingest = Ingest(config, sources, publisher, log.partitions, metrics, system_clock)
    try:
        async with listen(CollectorApp(ingest), config.collector_host, config.collector_port, "SAFAR_COLLECTOR_PORT"):
            await stop.wait()
    finally:
        await publisher.close()
        log.close()
