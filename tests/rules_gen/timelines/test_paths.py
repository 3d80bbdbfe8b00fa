from hypothesis import given
from hypothesis import strategies as st

from rules_gen.diagnostics import Place
from rules_gen.model import Scenario
from rules_gen.timelines.paths import picture_path


def path(name, environment=None):
    return picture_path("payments", "checkout", Scenario("Down", name, environment, "1m", 60_000, (), (), Place("x")))


def test_a_plain_name_is_its_own_slug():
    assert path("fires when all is down") == "runbooks/payments/checkout/Down.fires-when-all-is-down.svg"


def test_an_environment_stands_in_the_name():
    assert path("fires", "staging") == "runbooks/payments/checkout/Down.staging.fires.svg"


def test_names_that_differ_only_in_what_a_path_cannot_hold_stay_apart():
    names = ["at 5%", "at 5", "At 5", "at-5", "at  5", "at 5 ", "ät 5", "at 5?", "x" * 80, "x" * 81, "世界", "世 界"]
    paths = [path(name).casefold() for name in names]
    assert len(set(paths)) == len(paths)


@given(st.text(max_size=300))
def test_every_name_gives_a_short_path_that_is_safe_everywhere(name):
    found = path(name)
    assert found == path(name)
    folder, _, file = found.rpartition("/")
    assert folder == "runbooks/payments/checkout"
    assert len(file) <= 100
    assert set(file) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
    assert ".." not in file
    assert not file.endswith("..svg")


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_names_never_share_a_path(one, other):
    assert (path(one).casefold() == path(other).casefold()) == (one == other)
