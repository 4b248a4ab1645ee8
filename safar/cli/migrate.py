"""Bring the store's tables up to date with schemas/tables.

example: safar migrate --store-dsn http://writer:secret@127.0.0.1:8123/default
example: safar migrate --cluster main --print
"""

import argparse

from safar.config import Config
from safar.store import migrate, open_store
from safar.store.cluster import Cluster
from safar.store.migrate import script

NAME = "migrate"
READS = ("data_dir", "store_dsn")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("--cluster", metavar="NAME", help="make replicated and distributed tables on this cluster")
    parser.add_argument("--print", action="store_true", help="print the statements instead of running them")


def run(config: Config, options: argparse.Namespace) -> int:
    """Print the files applied, or the statements."""
    cluster = Cluster(options.cluster) if options.cluster else None
    if options.print:
        print("".join(f"{statement};\n\n" for statement in script(cluster)), end="")
        return 0
    store = open_store(config.store_dsn)
    try:
        applied = migrate(store, cluster)
    finally:
        store.close()
    print("\n".join(applied) if applied else "The tables are up to date.")
    return 0
