"""What is logged of an unexpected error."""

import logging

from safar.fault import ImpersonalFilter, kind_and_place


def fail(text: str) -> None:
    int(text)


def caught(text: str) -> Exception:
    try:
        fail(text)
    except ValueError as error:
        return error
    raise AssertionError


def test_an_error_is_named_by_kind_and_innermost_place():
    line = fail.__code__.co_firstlineno + 1
    assert kind_and_place(caught("sara")) == f"ValueError at test_fault.py:{line}"
    assert kind_and_place(KeyError("sara")) == "KeyError"


def test_a_record_of_an_error_loses_its_message_and_traceback(caplog):
    logger = logging.getLogger("test-fault")
    logger.addFilter(ImpersonalFilter())
    logger.error("Error handling request from %s", "203.0.113.77", exc_info=caught("sara@example.org"))
    assert "not handled: ValueError at test_fault.py:" in caplog.text
    assert "203.0.113.77" not in caplog.text
    assert "sara" not in caplog.text


def test_a_record_without_an_error_stays(caplog):
    logger = logging.getLogger("test-fault")
    logger.addFilter(ImpersonalFilter())
    logger.warning("starting on %d", 8080)
    assert caplog.messages == ["starting on 8080"]
