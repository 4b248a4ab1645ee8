"""The cluster's parts on this machine without containers: a Kafka broker, the store server, two collectors and two
aggregators, with the demonstration data, until Ctrl-C. `make cluster` runs it.

Everything is kept in one directory; a second run goes on with it and loads nothing twice. Java runs the broker, and
Maven fetches it once.
"""

import argparse
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from safar.cli.child import Child, command
from safar.cli.lifeline import on_lifeline
from safar.cli.supervise import supervise
from safar.config import Config, load_config
from safar.errors import ConfigError, DirectoryOwned
from safar.lock import DirectoryLock
from scripts.kafka_program import ONE_NODE, format_storage, java, missing_tool

TOPIC = "safar-events"
PARTITIONS = 8

_CLUSTER_ID = "c2FmYXItbG9jYWwta2Fma2E"
_BROKER = """listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
log.dirs={directory}/log
# There is no replica: on disk before it is acknowledged. Kept for ever, so that `safar verify` can account for all.
log.flush.interval.messages=1
log.retention.ms=-1
"""


@dataclass(frozen=True)
class Ports:
    """Where everything listens, all on 127.0.0.1; none is one of `make run`."""

    kafka: tuple[int, int]
    """For clients, and for the broker's own controller."""
    sql: int
    collectors: tuple[int, int]
    reports: tuple[int, int]

    def check_free(self) -> None:
        """Raise ConfigError when one of them is taken."""
        for port in (*self.kafka, self.sql, *self.collectors, *self.reports):
            with socket.socket() as probe:
                # As servers do: a connection that has just ended does not count.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise ConfigError(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.") from None


def main() -> int:
    """Run the cluster; exit code 2 when it cannot be started."""
    options = _parser().parse_args()
    kafka, collectors, reports = (tuple(each) for each in (options.kafka, options.collectors, options.reports))
    try:
        _run(options.data_dir.absolute(), Ports(kafka, options.sql, collectors, reports))
    except (ConfigError, DirectoryOwned) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.cluster", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data/cluster"))
    parser.add_argument("--kafka", metavar="PORT", type=int, nargs=2, default=(9192, 9193))
    parser.add_argument("--sql", metavar="PORT", type=int, default=8124)
    parser.add_argument("--collectors", metavar="PORT", type=int, nargs=2, default=(8180, 8190))
    parser.add_argument("--reports", metavar="PORT", type=int, nargs=2, default=(8181, 8191))
    return parser


def _run(directory: Path, ports: Ports) -> None:
    lock = DirectoryLock(directory / "cluster.lock", f"Another cluster runs on {directory}")
    try:
        ports.check_free()
        if tool := missing_tool():
            raise ConfigError(f"The Kafka broker needs {tool}, which is not installed.")
        store, first, second = _configurations(directory, ports)
        stages = [
            [_broker(first, directory / "kafka", ports.kafka), Child(store, "store-server")],
            # The tables are made before two look for them.
            [Child(first, "aggregator")],
            [Child(second, "aggregator"), Child(first, "collector"), Child(second, "collector")],
        ]
        supervise(stages, Child(first, "demo", on_lifeline(command("demo"))), lambda: _announce(first, ports))
    finally:
        lock.release()


def _configurations(directory: Path, ports: Ports) -> tuple[Config, Config, Config]:
    """The settings of the store server, and of each pair of collector and aggregator."""
    token = _write_token(directory / "write-token")
    every = {
        "SAFAR_DATA_DIR": str(directory),
        "SAFAR_SQL_PORT": str(ports.sql),
        "SAFAR_LOG_URL": f"kafka://127.0.0.1:{ports.kafka[0]}/{TOPIC}?partitions={PARTITIONS}",
        "SAFAR_STORE_DSN": f"http://writer:{token}@127.0.0.1:{ports.sql}/default",
    }
    store = load_config(every | {"SAFAR_STORE_DSN": f"chdb://{directory}/store", "SAFAR_WRITE_TOKEN": token})
    first, second = (
        load_config(every | _ports_and_spool(directory, collector, reports))
        for collector, reports in zip(ports.collectors, ports.reports, strict=True)
    )
    return store, first, second


def _ports_and_spool(directory: Path, collector: int, reports: int) -> dict[str, str]:
    """What the two pairs do not share."""
    return {
        "SAFAR_COLLECTOR_PORT": str(collector),
        "SAFAR_REPORTS_PORT": str(reports),
        "SAFAR_SPOOL_DIR": str(directory / f"spool-{collector}"),
    }


def _write_token(path: Path) -> str:
    """The password of the writer, made with the directory."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def _broker(config: Config, directory: Path, ports: tuple[int, int]) -> Child:
    directory.mkdir(exist_ok=True)
    properties = directory / "server.properties"
    client, controller = ports
    properties.write_text((ONE_NODE + _BROKER).format(client=client, controller=controller, directory=directory))
    format_storage(properties, _CLUSTER_ID)
    return Child(config, "Kafka broker", on_lifeline(java("kafka.Kafka", str(properties)), client))


def _announce(config: Config, ports: Ports) -> None:
    collectors = "  and  ".join(f"http://127.0.0.1:{port}/v1/batch" for port in ports.collectors)
    print(f"\nevents     {collectors}")
    print(f"page       http://127.0.0.1:{ports.reports[0]}/  and  http://127.0.0.1:{ports.reports[1]}/")
    print(f"SQL        http://127.0.0.1:{ports.sql}/   (ClickHouse's HTTP interface; read-only without the password)")
    print(f"Kafka      127.0.0.1:{ports.kafka[0]}, topic {TOPIC} of {PARTITIONS} partitions")
    print(f"notebooks  SAFAR_NOTEBOOK_ADDRESS=http://127.0.0.1:{ports.sql} make notebooks")
    print(f"data       {config.data_dir}")
    print(f"check      SAFAR_LOG_URL='{config.log_url}' SAFAR_STORE_DSN={config.store_dsn} .venv/bin/safar verify")
    print("Ctrl-C stops everything; the data stays.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
