from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.stores.encoding import free, of_json, text, to_json

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
@example("\0")
@example("\x01")
@example('\x01"a"')
@example("\ud800\udc00")
@example("é\0")
@example("é\ud800")
def test_free_text_comes_back_and_can_be_stored(value):
    stored = text(value)
    assert free(stored) == value
    assert "\0" not in stored
    stored.encode()


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_are_equal_when_their_stored_forms_are(one, other):
    assert (text(one) == text(other)) == (one == other)


# Two halves that make a whole are the one thing that JSON doesn't keep apart.
JSON_TEXT = ANY_TEXT.filter(lambda value: not re.search("[\ud800-\udbff][\udc00-\udfff]", value))
LEAF = JSON_TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none()


@given(st.recursive(LEAF, lambda value: st.lists(value) | st.dictionaries(JSON_TEXT, value)))
def test_json_comes_back_and_can_be_stored(value):
    stored = to_json(value)
    assert of_json(stored) == value
    assert "\0" not in stored
    stored.encode()


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError):
        to_json({"a": object()})
