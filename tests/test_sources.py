"""Sources and their write keys: adding, finding, editing by hand, and mistakes in the file."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from safar.errors import ConfigError, UnknownWriteKey
from safar.sources import Source, Sources, add_source, read_sources


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "sources.toml"


def refused(path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(ConfigError) as refusal:
        read_sources(path)
    sentence = str(refusal.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    return sentence


def test_a_source_is_added_once(path):
    key = add_source(path, "my-shop")
    before = path.read_bytes()
    assert add_source(path, "my-shop") == key
    assert path.read_bytes() == before
    assert read_sources(path) == (Source("my-shop", (key,)),)


def test_every_source_gets_a_key_of_its_own(path):
    assert len({add_source(path, name) for name in ("a", "b", "c")}) == 3


def test_a_key_of_ones_own_may_be_given(path):
    assert add_source(path, "my-shop", "key.of-my_own~1+/=") == "key.of-my_own~1+/="
    assert add_source(path, "my-shop") == "key.of-my_own~1+/="
    assert Sources(path).by_key("key.of-my_own~1+/=").name == "my-shop"


def test_a_key_that_is_taken_or_would_be_lost_is_refused(path):
    add_source(path, "a", "key-a")
    with pytest.raises(ConfigError, match="belongs to source 'a'"):
        add_source(path, "b", "key-a")
    with pytest.raises(ConfigError, match="'a' has another write key; edit"):
        add_source(path, "a", "key-b")


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a b", "a.b", "سفر", "a\n", "a" * 65])
def test_a_name_that_is_no_plain_word_is_refused(path, name):
    with pytest.raises(ConfigError, match="A source name must be lower-case letters"):
        add_source(path, name)
    assert not path.exists()


@pytest.mark.parametrize("key", ["", 'a"', "a:b", "a\\", "a b", "a\n", "ک", "a" * 201])
def test_a_key_that_the_file_or_http_would_change_is_refused(path, key):
    with pytest.raises(ConfigError, match="A write key must be letters, digits"):
        add_source(path, "a", key)


def test_sources_added_at_the_same_time_are_all_kept(path):
    names = [f"source-{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        keys = dict(zip(names, threads.map(lambda name: add_source(path, name), names), strict=True))
    assert {source.name: source.write_keys[0] for source in read_sources(path)} == keys


def test_a_running_service_sees_every_change(path):
    sources = Sources(path)
    with pytest.raises(UnknownWriteKey):
        sources.by_key("key-a")
    add_source(path, "a", "key-a")
    assert sources.by_key("key-a") == Source("a", ("key-a",))
    path.write_text('[a]\nwrite_keys = ["key-a", "key-b"]\nstrict = true\ntimezone = "Asia/Tehran"\ncurrency = "IRR"\n')
    assert sources.by_key("key-a") == Source("a", ("key-a", "key-b"), "Asia/Tehran", True, "IRR")
    path.write_text('[a]\nwrite_keys = ["key-b"]\n')
    with pytest.raises(UnknownWriteKey):
        sources.by_key("key-a")
    path.unlink()
    with pytest.raises(UnknownWriteKey):
        sources.by_key("key-b")


def test_a_mistake_while_editing_costs_a_running_service_nothing(path, caplog):
    add_source(path, "a", "key-a")
    sources = Sources(path)
    path.write_text("[a\n")
    for _ in range(3):
        assert sources.by_key("key-a").name == "a"
    with pytest.raises(UnknownWriteKey):
        sources.by_key("key-b")
    (said,) = caplog.messages
    assert said.startswith(f"{path} cannot be read")
    path.write_text('[b]\nwrite_keys = ["key-b"]\n')
    assert sources.by_key("key-b").name == "b"


def test_no_key_belongs_to_nobody(path):
    add_source(path, "a")
    with pytest.raises(UnknownWriteKey, match="missing or belongs to no source"):
        Sources(path).by_key("")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[a\n", "cannot be read"),
        ("a = 5\n", "source 'a' is not understood: Expected `object`"),
        ("[a]\n", "missing required field `write_keys`"),
        ("[a]\nwrite_keys = []\n", "$.write_keys"),
        ('[a]\nwrite_keys = "key"\n', "$.write_keys"),
        ('[a]\nwrite_keys = [""]\n', "$.write_keys[0]"),
        ("[a]\nwrite_keys = [5]\n", "$.write_keys[0]"),
        ('[A]\nwrite_keys = ["k"]\n', "$.name"),
        ('[a]\nwrite_keys = ["k"]\nstrict = "no"\n', "$.strict"),
        ('[a]\nwrite_keys = ["k"]\ncurrency = "euro"\n', "$.currency"),
        ('[a]\nwrite_keys = ["k"]\ntimezon = "UTC"\n', "unknown field `timezon`"),
        ('[a]\nwrite_keys = ["k"]\ntimezone = "Mars/Base"\n', "'Mars/Base' is no IANA time zone"),
        ('[a]\nwrite_keys = ["k"]\ntimezone = "Europe"\n', "source 'a' is not understood"),
        ('[a]\nwrite_keys = ["k"]\ntimezone = "../etc"\n', "source 'a' is not understood"),
        ('[a]\nwrite_keys = ["k"]\ntimezone = "localtime"\n', "'localtime' is no IANA time zone"),
        ('[a]\nwrite_keys = ["k"]\n[b]\nwrite_keys = ["k"]\n', "'a' and 'b' have a write key in common"),
    ],
)
def test_a_mistake_in_the_file_is_named(path, text, rule):
    assert rule in refused(path, text)


def test_a_file_that_is_no_text_is_named(path):
    path.parent.mkdir()
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"sources.toml cannot be read"):
        read_sources(path)


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigError, match=r"The directory .*data cannot be written: "):
        add_source(tmp_path / "data" / "sources.toml", "a")
