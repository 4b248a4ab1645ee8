import threading

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from safar.errors import ConfigError, LogUnavailable
from safar.log.kafka_settings import KafkaSettings
from tests.support.kafka_broker import free_port

TLS = {"security_protocol": "SSL"}
SASL = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}


def parse(**options: str) -> KafkaSettings:
    return KafkaSettings.parse(["broker:9092"], "events", options)


def test_options_become_values_of_their_own_type():
    settings = parse(partitions="8", request_timeout_ms="5000", client_id="7", **TLS, ssl_check_hostname="false")
    assert (settings.partitions, settings.replication) == (8, 1)
    assert settings.client == {"request_timeout_ms": 5000, "client_id": "7", **TLS, "ssl_check_hostname": False}


@pytest.mark.parametrize("name", ["acks", "group_id", "auto_offset_reset", "enable_idempotence", "colour"])
def test_an_option_that_is_not_the_urls_to_set_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=rf"^SAFAR_LOG_URL: '{name}' is not an option of a kafka:// log\.$"):
        parse(**{name: "1"})


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("replication", "0", "must be a whole number above zero"),
        ("request_timeout_ms", "soon", "must be a whole number above zero"),
        ("ssl_check_hostname", "1", "must be true or false"),
        ("security_protocol", "TLS", "must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("ssl_cafile", "no/such.pem", "must be a file that exists"),
    ],
)
def test_a_malformed_value_is_refused_with_name_rule_and_value(name, text, rule):
    with pytest.raises(ConfigError, match=rf"^SAFAR_LOG_URL: {name} {rule}, not '{text}'\.$"):
        parse(**{name: text})


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"ssl_check_hostname": "true"}, "ssl_check_hostname has no effect with the security_protocol PLAINTEXT"),
        ({**TLS, "sasl_plain_password": "secret"}, "sasl_plain_password has no effect with the security_protocol SSL"),
        ({"security_protocol": "SASL_SSL"}, "SASL_SSL needs sasl_mechanism"),
        ({**SASL, "sasl_plain_password": "secret"}, "SASL_SSL needs sasl_plain_username"),
        ({**SASL, "sasl_plain_username": "safar"}, "SASL_SSL needs sasl_plain_password"),
    ],
)
def test_security_options_that_do_not_make_a_whole_are_refused_rather_than_left_unused(options, rule):
    with pytest.raises(ConfigError, match=rf"^SAFAR_LOG_URL: {rule}\.$"):
        parse(**options)


@pytest.mark.parametrize("brokers", [[""], ["safar:password@broker:9092"], ["broker:9092", "broker:port"]])
def test_malformed_brokers_are_refused_without_repeating_them(brokers):
    with pytest.raises(ConfigError, match=r"brokers are host:port,host:port; user and password are options\.$"):
        KafkaSettings.parse(brokers, "events", {})


@pytest.mark.parametrize("topic", ["", "..", "a/b", "events?", "x" * 250])
def test_a_malformed_topic_is_refused(topic):
    with pytest.raises(ConfigError, match=r"^SAFAR_LOG_URL: a topic is "):
        KafkaSettings.parse(["broker:9092"], topic, {})


def test_a_password_is_not_shown():
    assert "secret" not in repr(parse(**SASL, sasl_plain_username="safar", sasl_plain_password="secret"))


def test_options_that_contradict_each_other_are_refused_in_one_sentence():
    with pytest.raises(ConfigError, match=r"^SAFAR_LOG_URL: the Kafka client refuses these options: .*\.$"):
        parse(request_timeout_ms="900000").connect(KafkaConsumer)


def test_a_client_that_cannot_be_made_leaves_no_thread_behind():
    address = f"127.0.0.1:{free_port()}"
    settings = KafkaSettings.parse([address], "events", {"bootstrap_timeout_ms": "300"})
    before = threading.enumerate()
    with pytest.raises(
        LogUnavailable, match=rf"^No Kafka broker at {address} let this client in: nobody listens there\.$"
    ):
        settings.connect(KafkaAdminClient)
    assert threading.enumerate() == before
