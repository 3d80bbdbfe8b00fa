import base64
import hmac

import pytest

from router.web import auth
from router.web.auth import authenticated, credentials

LIVE = credentials(["first-token", "second-token\n"], ["am:old-password", "am:new-password"])


def basic(pair):
    return b"Basic " + base64.b64encode(pair)


@pytest.mark.parametrize(
    "header",
    [
        b"Bearer first-token",
        b"Bearer second-token",
        b"bearer first-token",
        b"  Bearer   first-token ",
        basic(b"am:old-password"),
        basic(b"am:new-password"),
        b"BASIC " + base64.b64encode(b"am:new-password"),
    ],
)
def test_both_live_credentials_of_each_kind_open(header):
    assert authenticated(header, LIVE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer third-token",
        b"Bearer first-toke",
        b"Bearer first-token2",
        b"first-token",
        b"Token first-token",
        b"Bearer am:old-password",
        basic(b"am:wrong"),
        basic(b"am"),
        basic(b"first-token"),
        b"Basic !!!",
        b"Basic am:old-password",
        b"Basic \xff\xfe",
        b"Bearer \xff\xfe",
    ],
)
def test_all_else_is_refused(header):
    assert not authenticated(header, LIVE)


@pytest.mark.parametrize("header", [b"Bearer ", b"Bearer", basic(b""), basic(b":"), basic(b"am:"), b"Basic %%%"])
def test_an_empty_secret_opens_nothing(header):
    assert not authenticated(header, credentials(["", " \n"], ["", ":", "am:", "am"]))
    assert not credentials(["", "\n"], ["am:"]).any


def test_without_any_credential_nothing_is_accepted():
    assert not authenticated(b"Bearer anything", credentials())


def test_every_live_credential_is_compared_however_early_one_matches(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth, "hmac", type("Spy", (), {"compare_digest": staticmethod(compare)}))
    assert authenticated(b"Bearer first-token", LIVE)
    assert not authenticated(b"Bearer x", LIVE)
    assert compared == [(32, 32)] * 4


def test_a_repr_shows_no_secret_and_no_digest_of_it():
    assert repr(LIVE) == "Credentials()"
