import json

import pytest
import webhooks
from hypothesis import example, given
from hypothesis import strategies as st
from webhooks import alert, document, webhook

from router.model import SECOND, Alert
from router.payload import Limits, Unreadable, Webhook, decode, fingerprint, micros

AT = 1_760_000_000_000_000

# As Alertmanager 0.25.0 sent it: its own fingerprint, nanoseconds, escaped HTML and raw UTF-8.
REAL = (
    '{"receiver":"r","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"HighErrorRate",'
    '"instance":"web-1:9100","note":"größer €","service":"payments","severity":"critical","team":"checkout"},'
    '"annotations":{"summary":"s \\u003cb\\u003e \\u0026 \\u2028"},"startsAt":"2026-11-21T07:00:42.834165445Z",'
    '"endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/g","fingerprint":"26b2f71903f1dc17"}],'
    '"groupLabels":{"alertname":"HighErrorRate"},"commonLabels":{"alertname":"HighErrorRate"},'
    '"commonAnnotations":{"summary":"s"},"externalURL":"http://vm:9093","version":"4",'
    '"groupKey":"{}:{alertname=\\"HighErrorRate\\"}","truncatedAlerts":0}\n'
).encode()


def read(body, **limits):
    found = decode(body, "main", AT, Limits(**limits))
    assert isinstance(found, Webhook), found
    return found


def only(body, **limits):
    found = read(body, **limits)
    assert found.broken == ()
    (one,) = found.alerts
    return one


def test_a_real_webhook_is_read():
    found = read(REAL)
    labels = {
        "alertname": "HighErrorRate",
        "instance": "web-1:9100",
        "note": "größer €",
        "service": "payments",
        "severity": "critical",
        "team": "checkout",
    }
    assert found == Webhook(
        alerts=(
            Alert(
                cluster="main",
                fingerprint="26b2f71903f1dc17",
                firing=True,
                starts_at=1_795_244_442_834_165,
                ends_at=0,
                labels=labels,
                annotations={"summary": "s <b> & \u2028"},
                generator_url="http://p/g",
            ),
        ),
        broken=(),
        truncated=0,
        group_key='{}:{alertname="HighErrorRate"}',
        receiver="r",
        external_url="http://vm:9093",
        status="firing",
        version="4",
        cut=0,
    )


def test_a_missing_fingerprint_is_computed_as_alertmanager_does():
    real = json.loads(REAL)
    labels = real["alerts"][0].pop("fingerprint") and real["alerts"][0]["labels"]
    assert fingerprint(labels) == "26b2f71903f1dc17"
    assert only(json.dumps(real).encode()).fingerprint == "26b2f71903f1dc17"


@pytest.mark.parametrize("bad", ["", None, 7, "no good", "x" * 65, ["a"], "a/b", "é"])
def test_an_unusable_fingerprint_is_computed(bad):
    one = only(webhook([alert("A", fingerprint=bad)]))
    assert one.fingerprint == fingerprint(one.labels)


def test_a_mixed_group_keeps_each_alerts_own_status():
    found = read(webhook([alert("A"), alert("B", firing=False, ends_at=AT)]))
    assert [(one.firing, one.ends_at) for one in found.alerts] == [(True, 0), (False, AT)]
    assert found.status == "firing"


def test_a_firing_alert_has_no_end_whatever_it_says():
    assert only(webhook([alert(ends_at=AT)])).ends_at == 0


@pytest.mark.parametrize("status", ["suppressed", "", "RESOLVED", 3, None])
def test_an_unknown_status_counts_as_firing(status):
    assert only(webhook([alert(status=status)])).firing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-15T15:06:40Z", 1_750_000_000_000_000),
        ("2025-06-15T15:06:40.1Z", 1_750_000_000_100_000),
        ("2025-06-15T15:06:40.123456Z", 1_750_000_000_123_456),
        ("2025-06-15T15:06:40.123456999Z", 1_750_000_000_123_456),
        ("2025-06-15T20:36:40.000001+05:30", 1_750_000_000_000_001),
        ("2025-06-15T07:06:40-08:00", 1_750_000_000_000_000),
        ("2025-06-15t15:06:40z", 1_750_000_000_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("0001-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00+14:00", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_times_are_exact_microseconds(text, expected):
    assert micros(text) == expected


@given(st.integers(SECOND, 253_402_300_799_999_999), st.integers(0, 999))
def test_any_time_survives_being_written_as_go_does(at, nanos):
    assert micros(webhooks.rfc3339(at)) == at
    whole = f"{webhooks.rfc3339(at - at % SECOND)[:19]}.{at % SECOND:06d}{nanos:03d}Z"
    assert micros(whole) == at


@pytest.mark.parametrize("bad", [None, "", "yesterday", 17, "2025-13-01T00:00:00Z", "0001-01-01T00:00:00Z", {}])
def test_a_time_that_cannot_be_read_is_the_time_of_arrival(bad):
    one = only(webhook([alert(firing=False, startsAt=bad, endsAt=bad)]))
    assert (one.starts_at, one.ends_at) == (AT, AT)


def test_missing_times_are_the_time_of_arrival():
    row = alert(firing=False)
    del row["startsAt"], row["endsAt"]
    one = only(webhook([row]))
    assert (one.starts_at, one.ends_at) == (AT, AT)


def test_unknown_keys_and_another_version_are_read():
    found = read(webhook([alert(newKey={"deep": [1]})], version="5", notificationReason="x", alsoNew=[{}]))
    assert found.version == "5"
    assert len(found.alerts) == 1
    assert read(webhook([alert()], version=4)).version == "4"


def test_only_alerts_are_needed():
    found = read(b'{"alerts":[{"labels":{"alertname":"A"}}]}')
    assert found.alerts == (Alert("main", fingerprint({"alertname": "A"}), True, AT, 0, {"alertname": "A"}, {}, ""),)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        (["a", 1], '["a",1]'),
        ({"a": None}, '{"a":null}'),
        (10**40, "1" + "0" * 40),
    ],
)
def test_a_label_that_is_not_text_becomes_text_and_pages(value, text):
    row = alert("A")
    row["labels"]["shard"] = value
    row["annotations"]["extra"] = value
    found = read(webhook([row, alert("B")]))
    assert found.broken == ()
    assert found.alerts[0].labels["shard"] == found.alerts[0].annotations["extra"] == text
    assert found.alerts[1] == only(webhook([alert("B")]))


def test_a_number_of_thousands_of_digits_is_kept_as_text():
    body = webhook([alert("A", labels={"x": "@"})]).replace(b'"@"', b"9" * 5000)
    assert only(body, label=8000).labels["x"] == "9" * 5000


@pytest.mark.parametrize("broken", [None, 7, "text", [], {}, {"labels": None}, {"labels": ["a"]}, {"labels": "a"}])
def test_one_broken_alert_does_not_take_the_good_ones_with_it(broken):
    found = read(
        json.dumps({**document([alert("A"), alert("B")]), "alerts": [alert("A"), broken, alert("B")]}).encode()
    )
    assert [one.labels["alertname"] for one in found.alerts] == ["A", "B"]
    (reason,) = found.broken
    assert reason.startswith("alert 2 of 3 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"not json",
        b"[]",
        b"null",
        b'"alerts"',
        b"{}",
        b'{"alerts":null}',
        b'{"alerts":{}}',
        b'{"alerts":"A"}',
        b'{"alerts":[{"labels":{"alertname":"A"}}]',
        b"\x1f\x8b\x08",
        b"\xff\xfe\x00",
        b"<html>",
        webhook([alert()])[:-40],
    ],
)
def test_what_has_no_list_of_alerts_is_unreadable(body):
    found = decode(body, "main", AT)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("the body ")


def test_a_reason_contains_nothing_of_the_body():
    found = decode(b'{"secret-value": ["secret-value"]} secret-value', "main", AT)
    assert isinstance(found, Unreadable)
    assert "secret" not in found.reason
    assert "secret" not in str(read(b'{"alerts":["secret-value",{"labels":["secret-value"]}]}').broken)


def test_no_alerts_are_a_webhook_without_alerts():
    assert read(webhook([])).alerts == ()


@pytest.mark.parametrize(("sent", "told"), [(3, 3), (0, 0), (-1, 0), ("12", 12), (None, 0), (1.5, 0), ("many", 0)])
def test_truncated_alerts_are_told(sent, told):
    assert read(webhook([alert()], truncatedAlerts=sent)).truncated == told


def test_invalid_utf8_is_replaced_and_read():
    one = only(webhook([alert("A", labels={"x": "@@"})]).replace(b"@@", b"a\xff\xc3b"))
    assert one.labels["x"] == "a\ufffd\ufffdb"
    assert one.labels["alertname"] == "A"


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00x", "\\u0000", "a\\ud800\\u0041"])
def test_what_no_store_can_hold_is_replaced(escape):
    body = webhook([alert("A", labels={"x": "@@"})]).replace(b"@@", escape.encode())
    one = only(body)
    assert "\ufffd" in one.labels["x"]
    one.labels["x"].encode()
    assert "\0" not in one.labels["x"]


def test_a_pair_of_surrogates_is_the_character_that_it_means():
    body = webhook([alert("A", labels={"x": "@@", "bad": "\0"})]).replace(b"@@", b"\\ud83d\\ude00")
    assert only(body).labels["x"] == "\U0001f600"


def test_raw_control_characters_and_a_byte_order_mark_are_read():
    body = b"\xef\xbb\xbf" + webhook([alert("A", labels={"x": "@@"})]).replace(b"@@", b"a\x01\tb")
    assert only(body).labels["x"] == "a\x01\tb"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_without_end_is_unreadable_and_harmless(opening):
    for body in (opening * 200_000, b'{"alerts":[{"labels":{"a":' + opening * 200_000, b'{"x":' + opening * 200_000):
        assert isinstance(decode(body, "main", AT), Unreadable)


def test_an_unknown_key_may_be_nested_a_little():
    deep = b"[" * 100 + b"]" * 100
    assert only(webhook([alert("A", new="@")]).replace(b'"@"', deep)).labels["alertname"] == "A"


def test_a_value_over_its_limit_is_cut_at_a_character_and_its_alert_keeps_its_name():
    row = alert("A", labels={"x": "€" * 2000, "y": "fine"}, annotations={"summary": "ü" * 40_000})
    found = read(webhook([row]))
    (one,) = found.alerts
    assert one.labels["x"] == "€" * 1365
    assert one.annotations["summary"] == "ü" * 32_768
    assert one.labels["y"] == "fine"
    assert found.cut == 2
    del row["fingerprint"]
    assert only(webhook([row])).fingerprint == one.fingerprint == webhooks.fingerprint(row["labels"])


def test_a_value_at_its_limit_is_not_cut():
    found = read(webhook([alert("A", labels={"x": "y" * 4096})]))
    assert (found.alerts[0].labels["x"], found.cut) == ("y" * 4096, 0)


def test_a_name_over_its_limit_is_cut():
    found = read(webhook([alert("A", labels={"n" * 300: "v"})]))
    assert found.alerts[0].labels["n" * 256] == "v"
    assert found.cut == 1


def test_too_many_labels_leave_those_that_routing_reads():
    row = alert("A", labels={f"a{number:03}": "x" for number in range(100)})
    row["labels"] = dict(sorted(row["labels"].items()))
    found = read(webhook([row]))
    (one,) = found.alerts
    assert len(one.labels) == 64
    assert one.labels["alertname"] == "A"
    assert {"severity", "team", "service"} <= one.labels.keys()
    assert found.cut == 105 - 64


def test_an_address_over_its_limit_is_left_out():
    found = read(webhook([alert("A", generatorURL="http://p/" + "x" * 20_000)]))
    assert (found.alerts[0].generator_url, found.cut) == ("", 1)


def test_alerts_over_the_limit_are_reported_as_broken():
    found = read(webhook([alert(f"A{number}") for number in range(5)]), alerts=3)
    assert len(found.alerts) == 3
    assert found.broken == ("2 alerts more than the 3 that one webhook may have",)


def test_ten_thousand_alerts_are_read():
    rows = [alert("A", labels={"instance": f"web-{number}"}) for number in range(10_000)]
    found = read(webhook(rows))
    assert [one.fingerprint for one in found.alerts] == [row["fingerprint"] for row in rows]


TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = ["alerts", "labels", "annotations", "status", "startsAt", "endsAt", "fingerprint", "generatorURL", "version"]
NEARLY = st.fixed_dictionaries(
    {"alerts": st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=4)},
    optional=dict.fromkeys(("truncatedAlerts", "groupKey", "receiver", "externalURL", "status", "version"), JSON),
)


def assert_sound(found):
    """What the rest of the router relies on, whatever came."""
    if isinstance(found, Unreadable):
        assert found.reason
        return
    for one in found.alerts:
        assert one.starts_at > 0
        assert (one.ends_at == 0) == one.firing
        assert one.fingerprint.isalnum()
        for text in (*one.labels, *one.labels.values(), *one.annotations, *one.annotations.values(), one.generator_url):
            assert "\0" not in text
            text.encode()


@given(JSON | NEARLY)
@example({"alerts": [{"labels": {"a": "\ud800", "\ud800": "\0"}}]})
@example({"alerts": [{"labels": {}, "startsAt": "0001-01-01T00:00:00+23:59"}]})
@example({"alerts": [{"labels": {}, "startsAt": "9999-12-31T23:59:60Z"}]})
@example({"alerts": [], "truncatedAlerts": "²"})
def test_no_json_value_raises(value):
    assert_sound(decode(json.dumps(value).encode(), "main", AT))
    assert_sound(decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), "main", AT))


@given(st.binary(max_size=200))
def test_no_bytes_raise(body):
    assert_sound(decode(body, "main", AT))


@given(st.data())
def test_no_damage_to_a_webhook_raises(data):
    body = bytearray(webhook([alert("A"), alert("B", firing=False)]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert_sound(decode(bytes(body), "main", AT))


STORABLE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
LABELS = st.dictionaries(STORABLE, STORABLE, max_size=6)


@given(
    st.lists(
        st.tuples(LABELS, LABELS, st.booleans(), st.integers(1, 2**52), st.integers(1, 2**52), STORABLE), max_size=5
    ),
    st.integers(0, 1000),
    st.booleans(),
)
def test_every_webhook_that_alertmanager_could_send_round_trips(rows, truncated, escaped):
    expected = tuple(
        Alert("main", webhooks.fingerprint(labels), firing, starts, 0 if firing else ends, labels, annotations, url)
        for labels, annotations, firing, starts, ends, url in rows
    )
    sent = document(
        [
            {
                "status": "firing" if one.firing else "resolved",
                "labels": one.labels,
                "annotations": one.annotations,
                "startsAt": webhooks.rfc3339(one.starts_at),
                "endsAt": webhooks.rfc3339(one.ends_at),
                "generatorURL": one.generator_url,
                "fingerprint": one.fingerprint,
            }
            for one in expected
        ],
        truncatedAlerts=truncated,
    )
    found = read(json.dumps(sent, ensure_ascii=escaped).encode())
    assert found.alerts == expected
    assert (found.truncated, found.broken, found.cut) == (truncated, (), 0)


@given(NEARLY)
def test_both_readers_agree_on_what_both_can_read(value):
    body = json.dumps(value).encode()
    # A byte order mark is what the quick reader refuses and the patient one skips.
    assert decode(body, "main", AT) == decode(b"\xef\xbb\xbf" + body, "main", AT)
