"""The closed set of errors.

Each class is one kind of failure, with the tag that metrics and answers carry, the HTTP status it maps
to, and whether the same request may succeed later::

    SafarError
      ConfigError               bad_configuration     500
      DirectoryOwned            directory_owned       500
      RequestError
        MalformedRequest        malformed_request     400
        InvalidParameter        invalid_parameter     400
        UnknownWriteKey         unknown_write_key     401
        TokenRequired           token_required        401
        QueryRefused            query_refused         403
        UnknownReport           unknown_report        404
        BodyTooLarge            body_too_large        413
        UnsupportedEncoding     unsupported_encoding  415
      EventRejected             (tags below)          400
      DataRefused               data_refused          422
      CollectorBusy             collector_busy        503  retryable
      LogUnavailable            log_unavailable       503  retryable
      LogFull                   log_full              503  retryable
      LogCorrupt                log_corrupt           500
      LogReplaced               log_replaced          500
      StoreUnavailable          store_unavailable     503  retryable
      ServiceUnreachable        service_unreachable   503  retryable

The tag is for machines and of low cardinality; the message is for people. Neither holds personal data.
"""

from enum import StrEnum
from typing import ClassVar


class RejectionTag(StrEnum):
    """Why one event was refused while its neighbours went on."""

    MALFORMED_EVENT = "malformed_event"
    """Not a JSON object, or not readable at all."""
    EVENT_TOO_LARGE = "event_too_large"
    """More bytes than `SAFAR_EVENT_MAX_BYTES`."""
    INVALID_FIELD = "invalid_field"
    """A field breaks a rule of the contract."""
    MISSING_FIELD = "missing_field"
    """A field that the contract requires is absent."""
    UNKNOWN_EVENT = "unknown_event"
    """The source is strict and the contract does not know this name."""
    UNREADABLE_RECORD = "unreadable_record"
    """The aggregator could not read a record of the log, or the store refused its row."""


class SafarError(Exception):
    """Any failure this project raises on purpose; `str(error)` is one clear sentence."""

    tag: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False


class ConfigError(SafarError):
    """A setting is unknown, malformed, or cannot work on this machine."""

    tag = "bad_configuration"


class DirectoryOwned(SafarError):
    """Another process already works in this data directory."""

    tag = "directory_owned"


class RequestError(SafarError):
    """The caller asked for something that cannot be done as asked."""

    tag = "bad_request"
    status = 400


class MalformedRequest(RequestError):
    """The body is not what the endpoint reads: bad JSON, bad gzip, a batch that is no list."""

    tag = "malformed_request"


class InvalidParameter(RequestError):
    """A report was asked for with a parameter it does not have, or with a value, source or step that there is not."""

    tag = "invalid_parameter"


class UnknownWriteKey(RequestError):
    """The write key is missing or belongs to no source."""

    tag = "unknown_write_key"
    status = 401


class TokenRequired(RequestError):
    """This door needs a token, and the one sent is missing or wrong."""

    tag = "token_required"
    status = 401


class QueryRefused(RequestError):
    """A SQL door lets through only what it knows: queries that read; for the writer inserts, tables and views too."""

    tag = "query_refused"
    status = 403


class UnknownReport(RequestError):
    """No report has this name."""

    tag = "unknown_report"
    status = 404


class BodyTooLarge(RequestError):
    """The body, or what it inflates to, is over the limit."""

    tag = "body_too_large"
    status = 413


class UnsupportedEncoding(RequestError):
    """Only plain and gzip bodies are read."""

    tag = "unsupported_encoding"
    status = 415


class EventRejected(SafarError):
    """One event breaks the contract.

    `tag` (a `RejectionTag`) says the kind, `field` where ("properties.revenue"), `rule` what was expected.
    """

    status = 400

    def __init__(self, rejection: RejectionTag, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}" if field else rule)
        self.rejection = rejection
        self.field = field
        self.rule = rule


class DataRefused(SafarError):
    """A measure or a model cannot be had from this data: too few people, mixed currencies, no maximum."""

    tag = "data_refused"
    status = 422


class CollectorBusy(SafarError):
    """The bounded queue in front of the log is full; nothing of this request was taken."""

    tag = "collector_busy"
    status = 503
    retryable = True


class LogUnavailable(SafarError):
    """The log did not confirm the append: the events may or may not be in it; send them again."""

    tag = "log_unavailable"
    status = 503
    retryable = True


class LogFull(SafarError):
    """The log, or the spool in front of it, is as large as it may be; nothing of this request was taken."""

    tag = "log_full"
    status = 503
    retryable = True


class LogCorrupt(SafarError):
    """A record's checksum does not match its bytes."""

    tag = "log_corrupt"


class LogReplaced(SafarError):
    """The store has positions that this log cannot have given: another log, or one that lost its tail."""

    tag = "log_replaced"


class StoreUnavailable(SafarError):
    """The store cannot be reached or did not confirm."""

    tag = "store_unavailable"
    status = 503
    retryable = True


class ServiceUnreachable(SafarError):
    """A client of ours got no usable answer from the collector or the report API, however often it asked."""

    tag = "service_unreachable"
    status = 503
    retryable = True
