"""The notebooks on shops that are not the bundled ones: they send orders and nothing else, to a live address."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from bench.customers import DAYS, FIRST_DAY, orders_of
from safar.research.bundled import stored_lines
from safar.store import migrate, open_store
from scripts.execute_notebooks import DIRECTORY, execute, tidy
from tests.support import door_process

_PARAMETERS = {"SOURCE": "'orders'", "CURRENCY": "''", "CALIBRATION_UNTIL": "date(2025, 1, 1)"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the sources `orders`, customers of a BG/NBD, and `faithful`, which no BG/NBD describes."""
    server = door_process.start(tmp_path_factory.mktemp("live"), hosts=["127.0.0.1"], body_max_bytes=1 << 26)
    place = f"127.0.0.1:{server.port}/default"
    writer = open_store(f"http://writer:{door_process.WRITE_TOKEN}@{place}")
    migrate(writer)
    for source, orders in {"orders": orders_of(2_000), "faithful": _faithful(500)}.items():
        writer.insert_lines("events", b"\n".join(stored_lines(source, _calls(orders))), token=source)
    writer.close()
    yield f"http://analyst:{door_process.READ_TOKEN}@{place}"
    assert server.stop() == 0


@pytest.mark.parametrize("name", ["00_quickstart", "01_bgnbd_clv"])
def test_it_runs_on_a_shop_of_orders_alone(name: str, address: str) -> None:
    parameters = _PARAMETERS if "CALIBRATION_UNTIL" in _text(name) else {"SOURCE": "'orders'"}
    executed = tidy(execute(DIRECTORY / f"{name}.ipynb", address, parameters=parameters))
    assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")


def test_it_goes_on_with_the_models_that_can_be_fitted_and_says_which_cannot(address: str) -> None:
    parameters = _PARAMETERS | {"SOURCE": "'faithful'"}
    told = "print(*choice.fitted, choice.why, sep='; ')"
    executed = tidy(execute(DIRECTORY / "02_does_it_hold.ipynb", address, extra=told, parameters=parameters))
    said = executed.cells[-1].outputs[0].text
    assert said.startswith("MBG/NBD; Pareto/NBD; ")
    assert " BG/NBD finds no maximum of the likelihood in this data" in said


def _text(name: str) -> str:
    return (DIRECTORY / f"{name}.ipynb").read_text(encoding="utf-8")


def _calls(orders: pd.DataFrame) -> Iterator[dict[str, object]]:
    for number, order in enumerate(orders.itertuples()):
        at = FIRST_DAY + pd.Timedelta(days=int(order.day))
        yield {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"m{number}",
            "userId": f"u{order.customer}",
            "timestamp": at.isoformat(),
            "properties": {"order_id": f"o{number}", "revenue": round(order.amount, 2), "currency": "USD"},
        }


def _faithful(customers: int) -> pd.DataFrame:
    """Orders of customers half of whom never come again, and of the others hardly anybody ever stops."""
    rng = np.random.default_rng(2)
    first, rate = rng.integers(0, 182, customers), rng.gamma(2.0, 1 / 60, customers)
    waits = rng.exponential(1 / rate[:, None], (customers, 200))
    orders = np.where(rng.random(customers) < 0.5, 1, rng.geometric(0.03, customers))
    days = np.column_stack([first, first[:, None] + waits.cumsum(axis=1)])
    customer, place = np.nonzero((days < DAYS) & (np.arange(201) < orders[:, None]))
    usual = rng.gamma(4.0, 1 / 15.0, customers)
    amount = rng.gamma(6.0, 1 / usual[customer]) + 1
    return pd.DataFrame({"customer": customer, "day": days[customer, place].astype(int), "amount": amount})
