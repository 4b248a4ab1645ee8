import re
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from urllib.parse import urlencode

import pytest

from safar.errors import LogUnavailable
from safar.log import Log, LogWriter, open_log
from tests.support.kafka_broker import PASSWORD, KafkaBroker, plain
from tests.support.logs import after, lines, read, until, values

WRONG = "not the password"
QUICK = {"bootstrap_timeout_ms": 2500, "request_timeout_ms": 2000}


@pytest.fixture
def topic() -> str:
    return f"network-{uuid.uuid4()}"


def open_topic(address: str, topic: str, options: dict[str, object]) -> Log:
    return open_log(f"kafka://{address}/{topic}?{urlencode({'partitions': 1, **options})}")


def scram(broker: KafkaBroker, **changed: object) -> dict[str, object]:
    sasl = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "ssl_cafile": broker.certificates.authority,
    }
    return {**sasl, "sasl_plain_username": "safar", "sasl_plain_password": PASSWORD, **changed}


def mutual(broker: KafkaBroker) -> dict[str, object]:
    files = {"ssl_cafile": broker.certificates.authority, "ssl_certfile": broker.certificates.client}
    return {"security_protocol": "SSL", **files}


def works(log: Log) -> bool:
    """Whether writer, reader and committed all get through."""
    with closing(log.writer()) as writer, closing(log.reader("group")) as reader:
        writer.append(lines(0, ["a", "b"]))
        records = read(reader, 2)
        reader.commit(after(records))
    return values(records) == ["a", "b"] and log.committed("group") == {0: 2}


def test_the_url_carries_user_and_password(kafka_broker, topic):
    assert works(open_topic(kafka_broker.sasl_address, topic, plain("safar")))


def test_the_url_carries_the_authority_and_the_password_for_tls_with_scram(kafka_broker, topic):
    assert works(open_topic(kafka_broker.tls_address, topic, scram(kafka_broker)))


def test_the_url_carries_a_client_certificate(kafka_broker, topic):
    assert works(open_topic(kafka_broker.mutual_tls_address, topic, mutual(kafka_broker)))


def test_every_call_over_tls_ends_within_its_bound_while_the_broker_stands_still(kafka_broker, topic):
    bounds = {"bootstrap_timeout_ms": 1500, "request_timeout_ms": 1000, "delivery_timeout_ms": 1500}
    log = open_topic(kafka_broker.tls_address, topic, scram(kafka_broker, **bounds))
    with ThreadPoolExecutor() as pool, closing(log.writer()) as writer, closing(log.reader("group")) as reader:
        writer.append(lines(0, ["a"]))
        read(reader, 1)
        with kafka_broker.standing_still():
            calls = [lambda: writer.append(lines(0, ["b"])), reader.ends, log.writer, lambda: log.committed("group")]
            for call in [pool.submit(call) for call in calls]:
                assert isinstance(call.exception(timeout=60), LogUnavailable)
        until(lambda: _appends(writer), lambda: None)
        until(lambda: "c" in values(reader.poll(0.2)), lambda: None)


def _appends(writer: LogWriter) -> bool:
    with suppress(LogUnavailable):
        writer.append(lines(0, ["c"]))
        return True
    return False


@pytest.fixture(scope="module")
def refusals(kafka_broker: KafkaBroker) -> dict[str, str]:
    """What is said to each client that must not come in; asked at the same time, for each takes its whole bound."""
    tls, certificates = kafka_broker.tls_address, kafka_broker.certificates
    by_name = tls.replace("127.0.0.1", "localhost")
    no_authority = scram(kafka_broker)
    del no_authority["ssl_cafile"]
    no_certificate = mutual(kafka_broker)
    del no_certificate["ssl_certfile"]
    with ThreadPoolExecutor(max_workers=11) as pool, socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"127.0.0.1:{silent.getsockname()[1]}"
        clients = {
            "no authority": (tls, no_authority),
            "another authority": (tls, scram(kafka_broker, ssl_cafile=certificates.stranger)),
            "another host name": (by_name, scram(kafka_broker)),
            "a wrong password by SCRAM": (tls, scram(kafka_broker, sasl_plain_password=WRONG)),
            "a wrong password by PLAIN": (kafka_broker.sasl_address, plain("safar", WRONG)),
            "another mechanism": (tls, scram(kafka_broker, sasl_mechanism="SCRAM-SHA-256")),
            "no client certificate": (kafka_broker.mutual_tls_address, no_certificate),
            "no TLS": (tls, {}),
            "TLS where there is none": (kafka_broker.address, scram(kafka_broker)),
            "a server that says nothing": (mute, {}),
            "a server that says nothing to TLS": (mute, scram(kafka_broker)),
        }
        said = pool.map(lambda client: _refused(*client), clients.values(), timeout=60)
        return dict(zip(clients, said, strict=True))


def _refused(address: str, options: dict[str, object]) -> str:
    with pytest.raises(LogUnavailable) as refused:
        open_topic(address, "refused", {**options, **QUICK})
    return str(refused.value)


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        ("no authority", r"no authority of ssl_cafile \(without it: of this system\) has signed its certificate"),
        ("another authority", r"no authority of ssl_cafile \(without it: of this system\) has signed its certificate"),
        ("another host name", "its certificate is for another host name than the URL's"),
        # The broker hangs up after these; where the client notices that first, its answer is lost.
        ("a wrong password by SCRAM", "it refuses the user or the password|check user, password and sasl_mechanism"),
        ("a wrong password by PLAIN", "it refuses the user or the password|check user, password and sasl_mechanism"),
        ("another mechanism", "does not take the sasl_mechanism SCRAM-SHA-256|check user, password and sasl_mechanism"),
        ("no client certificate", r"it does not take this client's certificate \(ssl_certfile, ssl_keyfile\)"),
        ("no TLS", "check security_protocol"),
        ("TLS where there is none", "no TLS connection came about; check security_protocol and the ssl_ files"),
        ("a server that says nothing", "it did not answer in time"),
        ("a server that says nothing to TLS", "it did not answer in time"),
    ],
)
def test_a_client_that_is_not_let_in_is_told_why_in_one_sentence_without_the_password(refusals, client, reason):
    said = refusals[client]
    assert re.fullmatch(rf"No Kafka broker at \S+ let this client in: [^\n]*({reason})[^\n]*\.", said)
    assert WRONG not in said
    assert PASSWORD not in said
