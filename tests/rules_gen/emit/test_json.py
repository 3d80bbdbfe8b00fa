import json

import pytest

from rules_gen.emit.json import emit_json


def test_keys_are_sorted_and_lines_indented_by_two():
    assert emit_json({"b": [1, {"d": None, "c": "ü"}], "a": {}}) == (
        b'{\n  "a": {},\n  "b": [\n    1,\n    {\n      "c": "\xc3\xbc",\n      "d": null\n    }\n  ]\n}\n'
    )


def test_the_order_of_insertion_changes_nothing():
    assert emit_json({"a": 1, "b": 2}) == emit_json({"b": 2, "a": 1})
    assert json.loads(emit_json({"a": 1.5})) == {"a": 1.5}


def test_what_json_cannot_hold_is_a_bug():
    with pytest.raises(TypeError):
        emit_json({"a": {1, 2}})
