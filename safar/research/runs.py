"""Model runs in the store: a valuation written whole or not at all, and what the newest one says.

The predictions of a run come first, its row in `model_runs` last: until that row is there nothing of the run counts,
and what a killed run left behind expires with the others. A run that failed leaves a row that says why.
"""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

import pandas as pd
from tqdm import tqdm

from safar import __version__
from safar.clock import Clock, system_clock
from safar.errors import DataRefused, SafarError
from safar.research.valuation import Terms, Valuation, value_customers
from safar.store import Store

_ROWS_AT_ONCE = 100_000

_VALUES = "SELECT * FROM customer_value WHERE source = {source:String} AND currency = {currency:String} ORDER BY person"

_RUNS = """
SELECT * FROM model_runs WHERE source = {source:String} ORDER BY finished_at DESC, run_id DESC LIMIT {most:UInt32}
"""


def run(store: Store, source: str, terms: Terms | None = None, *, clock: Clock = system_clock) -> Valuation:
    """Value the customers of `source` and write what was found; show progress on a terminal.

    When it fails, the error is written too, and raised.
    """
    terms, started_at = terms or Terms(), clock()
    steps = tqdm(total=4, disable=None, bar_format="{desc}: {n_fmt}/{total_fmt} [{elapsed}]")
    with steps:

        def step(name: str) -> None:
            steps.set_description(f"{source}: {name}")
            steps.update()

        try:
            valuation = value_customers(store, source, terms, step=step)
            step("writing")
            save(store, valuation, started_at, clock)
        except SafarError as error:
            with suppress(SafarError):  # a store that cannot take this either must not hide the reason
                _write_run(store, _row(source, terms, started_at, clock(), status="failed", message=str(error)))
            raise
    return valuation


def save(store: Store, valuation: Valuation, started_at: datetime, clock: Clock = system_clock) -> str:
    """Write the predictions, then the row that makes them count. Returns the `run_id`.

    Raises StoreUnavailable: then the run does not count, whatever of it was written.
    """
    observation, terms = valuation.observation, valuation.terms
    row = _row(observation.source, terms, started_at, clock(), status="complete", message=valuation.why) | {
        "currency": observation.currency,
        "observed_until": observation.until.isoformat(),
        "model": valuation.model,
        "parameters": valuation.parameters,
        "log_likelihood": valuation.log_likelihood,
        "customers": len(valuation.customers),
    }
    same = {name: row[name] for name in ("source", "currency", "run_id")} | {"made_at": f"{clock():%Y-%m-%d %H:%M:%S}"}
    for start in range(0, len(valuation.customers), _ROWS_AT_ONCE):
        rows = valuation.customers.iloc[start : start + _ROWS_AT_ONCE].reset_index().assign(**same)
        lines = rows.to_json(orient="records", lines=True, double_precision=15)
        store.insert_lines("predictions", lines.encode(), f"{row['run_id']}:{start}")
    _write_run(store, row | {"finished_at": clock().isoformat()})
    return str(row["run_id"])


def _row(
    source: str, terms: Terms, started_at: datetime, now: datetime, *, status: str, message: str
) -> dict[str, Any]:
    asked = {name: value for name, value in asdict(terms).items() if name != "model"}
    return asked | {
        "source": source,
        "run_id": f"{started_at:%Y%m%dT%H%M%S}-{uuid4().hex}",
        "status": status,
        "message": message,
        "started_at": started_at.isoformat(),
        "finished_at": now.isoformat(),
        "version": __version__,
    }


def _write_run(store: Store, row: dict[str, Any]) -> None:
    store.insert_lines("model_runs", json.dumps(row).encode(), f"run:{row['run_id']}")


def runs(store: Store, source: str, *, most: int = 20) -> pd.DataFrame:
    """The last runs of `source`, newest first: the columns of `model_runs`, also of those that failed."""
    return store.query_df(_RUNS, {"source": source, "most": most})


def customer_value(store: Store, source: str, *, currency: str = "") -> pd.DataFrame:
    """What the newest complete run says of each customer, indexed by `person`: columns of `Valuation.customers`.

    Raises DataRefused when there is no run, or runs in several currencies and none is chosen.
    """
    found = store.query_df(
        "SELECT DISTINCT currency FROM customer_value WHERE source = {source:String}", {"source": source}
    )
    currencies = [] if found.empty else sorted(found["currency"])
    if not currencies or (currency and currency not in currencies):
        raise DataRefused(
            f"No run has valued the customers of {source!r}{currency and f' in {currency}'}: `safar clv` does."
        )
    if not currency and len(currencies) > 1:
        raise DataRefused(f"Customers of {source!r} are valued in {', '.join(currencies)}: choose one with currency=.")
    return store.query_df(_VALUES, {"source": source, "currency": currency or currencies[0]}).set_index("person")
