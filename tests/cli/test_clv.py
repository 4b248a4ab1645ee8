"""`safar clv` as a process: beside a running aggregator, which has the store open, and after it."""

import os
import signal
import subprocess

import pytest

from tests.support.pipeline import Pipeline

_SHOWN = "SELECT source, currency, count() AS customers FROM customer_value GROUP BY ALL ORDER BY ALL"
_RUNS = "SELECT source, status, model, level, message FROM model_runs ORDER BY finished_at"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    pipeline = Pipeline(tmp_path_factory.mktemp("pipeline"))
    pipeline.start()
    assert pipeline.safar("demo").returncode == 0
    yield pipeline
    pipeline.end()


def test_beside_a_running_aggregator_every_currency_of_every_source_is_valued(pipeline: Pipeline):
    done = pipeline.safar("clv")
    cdnow, euros, dollars = done.stdout.splitlines()
    assert cdnow == "cdnow on 1998-06-30: 2,357 customers valued by MBG/NBD; mean 28.42 USD over 12 months"
    assert euros.startswith("demo-shop on 2026-06-30: ")
    assert " EUR over 12 months" in euros
    assert dollars.startswith("demo-shop in USD: failed. BG/NBD needs 30 customers who bought on a second day; of ")
    assert done.returncode == 1


def test_a_source_that_nobody_ordered_from_is_refused_and_no_run_is_written(pipeline: Pipeline):
    done = pipeline.safar("clv", "shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "safar: Source 'shop' has no orders; there are orders of cdnow, demo-shop.\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--weeks", "-1"], "weeks must be from 1 to 1040"),
        (["--monthly-discount-rate", "nan"], "monthly_discount_rate must be a share from 0 to 1, not nan"),
        (["--level", "1"], "level must be between 0 and 1, not 1"),
        (["--tz", "Mars"], "tz must be an IANA time zone"),
        (["--every", "0"], "must be above 0"),
    ],
)
def test_what_no_run_can_be_made_by_ends_before_one_begins(pipeline: Pipeline, flags: list[str], words: str):
    done = pipeline.safar("clv", "cdnow", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_currency_that_no_order_names_is_refused_and_small_letters_will_do(pipeline: Pipeline):
    done = pipeline.safar("clv", "cdnow", "--currency", "EUR")
    assert done.stderr == "safar: Source 'cdnow' has no orders in EUR.\n"
    assert pipeline.safar("clv", "cdnow", "--currency", "usd").returncode == 0


def test_of_all_sources_those_with_orders_in_the_currency_are_valued(pipeline: Pipeline):
    done = pipeline.safar("clv", "--currency", "EUR")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["demo-shop"]
    assert "has no orders in GBP" in pipeline.safar("clv", "--currency", "GBP").stderr


def test_with_every_it_goes_on_until_it_is_told_to_stop(pipeline: Pipeline):
    command = [*pipeline.launcher, "clv", "cdnow", "--model", "BG/NBD", "--every", "0.0001"]
    with subprocess.Popen(command, env=pipeline.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        os.kill(process.pid, signal.SIGTERM)
    assert set(lines) == {"cdnow on 1998-06-30: 2,357 customers valued by BG/NBD; mean 28.82 USD over 12 months\n"}


def test_without_the_token_nobody_writes(pipeline: Pipeline):
    environment = pipeline.environment | {"SAFAR_WRITE_TOKEN": "guessed"}
    done = subprocess.run(
        [*pipeline.launcher, "clv", "cdnow"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "write token" in done.stderr


def test_after_the_aggregator_the_store_is_written_directly_and_has_the_runs_of_before(pipeline: Pipeline):
    pipeline.stop()
    done = pipeline.safar("clv", "cdnow", "--model", "Pareto/NBD", "--months", "6", "--level", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valued by Pareto/NBD" in done.stdout
    cdnow, euros = pipeline.query(_SHOWN)
    assert cdnow == {"source": "cdnow", "currency": "USD", "customers": 2357}
    assert (euros["source"], euros["currency"]) == ("demo-shop", "EUR")
    first, *_, last = pipeline.query(_RUNS)
    assert (first["model"], first["status"]) == ("MBG/NBD", "complete")
    assert (last["model"], last["level"], last["message"]) == ("Pareto/NBD", 0.5, "Pareto/NBD was asked for.")
