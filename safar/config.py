"""Settings as data: each is an environment variable `SAFAR_*`, a command-line flag, and a row in the README.

`load_config` is the only code that reads the environment. Whatever it refuses is a ConfigError: one sentence that
names the setting and the rule.
"""

import argparse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from safar.errors import ConfigError

# A failed event keeps 32 KiB as received, and JSON may write each of those bytes as six.
_RECORD_LEAST_BYTES = 256 * 1024


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError("must be a port from 0 to 65535")
    return number


def _directory(text: str) -> str:
    path = str(Path(text).absolute())
    # It becomes part of the addresses of log and store, where these characters end a path.
    if not text or set("?#") & set(path):
        raise ValueError("must be a directory, without ? or # in its path")
    return path


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError("must be above zero")
    return number


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError("must not be below zero")
    return number


@dataclass(frozen=True)
class Setting:
    """One setting: its field in Config, its default as text, how it is read, and what it means."""

    field: str
    default: str
    parse: Callable[[str], Any]
    help: str
    secret: bool = False

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"SAFAR_{self.field.upper()}"

    @property
    def flag(self) -> str:
        """Name of the command-line flag."""
        return f"--{self.field.replace('_', '-')}"

    def read(self, text: str) -> Any:  # noqa: ANN401 - the field's own type, checked by Config
        """Parse `text` or say in one sentence why not."""
        try:
            return self.parse(text)
        except ValueError as error:
            shown = "that value" if self.secret else repr(text)
            reason = str(error) if str(error).startswith("must") else "must be a whole number"
            raise ConfigError(f"{self.variable} {reason}, not {shown}.") from None


SETTINGS: tuple[Setting, ...] = (
    Setting("data_dir", "./data", _directory, "directory of sources.toml, and of log and store when they are embedded"),
    Setting(
        "log_url",
        "",
        str,
        "the log: sqlite:///path or kafka://host:port,host:port/topic; default: in the data directory",
        secret=True,  # a password of Kafka may stand in it
    ),
    Setting(
        "store_dsn",
        "",
        str,
        "the store: chdb:///path or http(s)://user:password@host:port/database; default: in the data directory",
        secret=True,
    ),
    Setting("collector_host", "127.0.0.1", str, "address the collector listens on"),
    Setting("collector_port", "8080", _port, "port the collector listens on"),
    Setting(
        "reader_host",
        "127.0.0.1",
        str,
        "address of page, reports and SQL; anything but loopback needs SAFAR_READ_TOKEN",
    ),
    Setting("reports_port", "8081", _port, "port of the page and the report API"),
    Setting("sql_port", "8123", _port, "port of SQL: ClickHouse's HTTP interface; only the user writer may write"),
    Setting(
        "read_token",
        "",
        str,
        "password of every other user there, and bearer token of the report API",
        secret=True,
    ),
    Setting(
        "write_token",
        "",
        str,
        "password of the user writer at the SQL port; the aggregator of an embedded store makes one by itself",
        secret=True,
    ),
    Setting("body_max_bytes", "4194304", _positive, "largest request body, after inflating"),
    Setting("event_max_bytes", "32768", _positive, "largest single event"),
    Setting("batch_max_events", "2500", _positive, "most events in one batch"),
    Setting(
        "queue_max_bytes",
        "67108864",
        _positive,
        "events waiting for the log before the collector answers 503",
    ),
    Setting(
        "spool_dir",
        "",
        str,
        "what Kafka does not take at once is kept here, one directory a collector; default: in the data directory",
    ),
    Setting("spool_max_bytes", "1073741824", _natural, "most bytes of the spool; 0: answer 503 while Kafka is away"),
    Setting("record_max_bytes", "524288", _positive, "largest packed record in the log"),
    Setting("insert_max_rows", "100000", _positive, "most rows of one insert"),
    Setting("insert_max_bytes", "67108864", _positive, "most bytes of one insert"),
    Setting("id_window_events", "20000000", _positive, "event ids remembered to recognise an event sent twice"),
    Setting("id_window_days", "30", _positive, "how long an event id is remembered"),
)


# Variables of the same prefix that the tests and the notebooks read.
_NOT_OURS = frozenset({"SAFAR_CI", "SAFAR_NOTEBOOK_ADDRESS"})


@dataclass(frozen=True, repr=False)
class Config:
    """Every setting, read and checked."""

    data_dir: str
    log_url: str
    store_dsn: str
    collector_host: str
    collector_port: int
    reader_host: str
    reports_port: int
    sql_port: int
    read_token: str
    write_token: str
    body_max_bytes: int
    event_max_bytes: int
    batch_max_events: int
    queue_max_bytes: int
    spool_dir: str
    spool_max_bytes: int
    record_max_bytes: int
    insert_max_rows: int
    insert_max_bytes: int
    id_window_events: int
    id_window_days: int

    def __repr__(self) -> str:
        """Show the settings, secrets hidden."""
        secrets = {setting.field for setting in SETTINGS if setting.secret}
        shown = (f"{f.name}={'***' if f.name in secrets else getattr(self, f.name)!r}" for f in fields(self))
        return f"Config({', '.join(shown)})"

    @property
    def sources_file(self) -> Path:
        """Where sources and their write keys are listed."""
        return Path(self.data_dir) / "sources.toml"

    def environment(self) -> dict[str, str]:
        """The settings as variables, for a child process."""
        return {setting.variable: str(getattr(self, setting.field)) for setting in SETTINGS}


def add_flags(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Give `parser` a flag for each setting whose field is in `names`; a flag wins over the environment."""
    group = parser.add_argument_group("settings (each also an environment variable)")
    for setting in SETTINGS:
        if setting.field in names:
            default = f" (default: {setting.default})" if setting.default else ""
            group.add_argument(setting.flag, metavar="VALUE", help=f"{setting.help}{default}")


def load_config(environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Config:
    """Read the settings from variables and flags; raise ConfigError for an unknown name or a bad value."""
    known = {setting.variable for setting in SETTINGS}
    for name in environ:
        if name.startswith("SAFAR_") and name not in known and name not in _NOT_OURS:
            raise ConfigError(f"{name} is not a setting of Safar; `safar up --help` lists them.")
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        flag = (flags or {}).get(setting.field)
        text = flag if flag is not None else environ.get(setting.variable, setting.default)
        values[setting.field] = setting.read(text)
    values["log_url"] = values["log_url"] or f"sqlite://{values['data_dir']}/log"
    values["store_dsn"] = values["store_dsn"] or f"chdb://{values['data_dir']}/store"
    values["spool_dir"] = values["spool_dir"] or f"{values['data_dir']}/spool"
    return _checked(Config(**values))


def _checked(config: Config) -> Config:
    if config.record_max_bytes < max(config.event_max_bytes * 2, _RECORD_LEAST_BYTES):
        raise ConfigError(
            f"SAFAR_RECORD_MAX_BYTES must be at least {_RECORD_LEAST_BYTES}, and twice SAFAR_EVENT_MAX_BYTES."
        )
    if config.reader_host not in ("127.0.0.1", "localhost", "::1") and not config.read_token:
        raise ConfigError(
            f"SAFAR_READ_TOKEN must be set when SAFAR_READER_HOST is {config.reader_host!r}: reads need a token there."
        )
    return config
