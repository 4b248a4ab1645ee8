"""Calls as nobody would send them: what the contract takes, with values that parsers and number types stumble over."""

import json

from hypothesis import strategies as st

KINDS = ("track", "page", "screen", "identify", "group", "alias")

# Texts of JSON values, well-formed and not, that parsers and number types stumble over.
ODD = (
    *(b"null", b"true", b"-0", b"-0.0", b"1e400", b"1e-400", b"1e999999999", b"0e99999", b"18446744073709551616"),
    *(b"9" * 400, b"0." + b"1" * 400, b'""', b'"\\u0000"', b'"\\n"', b'"nan"', b'"Infinity"', b'"1e999"', b"[]", b"{}"),
    *(b"[[]]", b'{"a":{"a":{}}}', b"[" * 64 + b"]" * 64, b"[" * 300 + b"]" * 300, b'{"a":' * 90 + b"1" + b"}" * 90),
    *(b'"\\ud83d\\ude00"', '"سارا"'.encode(), b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"'),
    *(b'"2026-03-21"', b'"http://[::1"', b'"http://a/?b=%ff&utm_source=%00"', b'"fe80::1%eth0"', b'{"a":1,"a":2}'),
)
# Not JSON, but only the decoding of the one event can tell.
UNREADABLE = (b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b"9" * 5000, b"1e99999999999999999999")
SPOILING = (b"NaN", b"Infinity", b"-Infinity", b"nul", b"01", b'"\x01"', b"'a'", b"", b"\\", b'{"a"}', b'"\\ud83d"')
# No batch that holds one of these can be told apart into events.
BROKEN = (b"[", b"{", b"}", b"]", b'"')

texts_that_are_no_json = st.sampled_from(SPOILING + BROKEN)
values = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(UNREADABLE),
    st.integers().map(lambda number: b"%d" % number),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: json.dumps(text).encode()),
)
words = st.sampled_from(
    [b'"high"', b'"nan"', b'"1e999"', b'""', b'"\\u0000"', b"5", b"1.5", b"1e400", b"9" * 400, b"true"]
)
times = st.sampled_from(
    [b'"2026-03-21"', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"', b'"1900-01-01T00:00:00+01:00"']
)
amounts = st.sampled_from([b"1", b"0.000001", b"1e-400", b"1e14", b"1e400", b"0e99999", b"1." + b"0" * 400, b'"1"'])
addresses = st.sampled_from(
    [b'"http://[::1"', b'"http://a/?b=%ff&utm_source=%00"', b'"fe80::1%eth0"', b'"//"', b'"\\u2100.x"']
)

PROPERTIES = {
    **dict.fromkeys(["score", "rating", "topic", "session_id", "case_id", "channel", "initiator", "kind"], words),
    **dict.fromkeys(["revenue", "total", "quantity", "price"], amounts),
    **dict.fromkeys(["order_id", "products", "currency"], values),
    "url": addresses,
}
CONTEXT = {
    **dict.fromkeys(["ip", "userAgent"], addresses),
    **dict.fromkeys(["campaign", "library"], values),
    "page": addresses.map(lambda text: b'{"url":%s,"referrer":%s}' % (text, text)),
    "sessionId": words,
}
MEMBERS = {
    **dict.fromkeys(["timestamp", "originalTimestamp", "sentAt"], times),
    **dict.fromkeys(["userId", "anonymousId", "previousId", "groupId", "messageId", "name"], words),
    **dict.fromkeys(["type", "event", "properties", "traits", "context", "integrations"], values),
}


def some_of(named: dict[str, st.SearchStrategy[bytes]]) -> st.SearchStrategy[dict[str, bytes]]:
    return st.fixed_dictionaries({}, optional=named)


def as_object(members: dict[str, bytes]) -> bytes:
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members.items())


@st.composite
def calls(draw: st.DrawFn) -> bytes:
    """A call that the contract takes, with odd values in some of its members."""
    event = draw(st.sampled_from(["Order Completed", "Product Viewed", "Product Reviewed", "Survey Answered", "Lamp"]))
    call = {
        "type": json.dumps(draw(st.sampled_from(KINDS))).encode(),
        "event": json.dumps(event).encode(),
        **dict.fromkeys(["userId", "groupId", "previousId", "messageId"], b'"u"'),
        "properties": as_object({"order_id": b"1", "revenue": b"1", **draw(some_of(PROPERTIES))}),
        "context": as_object(draw(some_of(CONTEXT))),
    }
    odd = draw(st.sets(st.sampled_from(sorted(MEMBERS)), max_size=2))
    return as_object(call | {name: draw(MEMBERS[name]) for name in sorted(odd)})
