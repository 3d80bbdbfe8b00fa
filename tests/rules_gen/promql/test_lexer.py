import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_gen.promql import Kind, PromqlError, tokenize
from rules_gen.promql.lexer import quoted, unquote


def texts(expression):
    tokens = tokenize(expression)
    assert not isinstance(tokens, PromqlError)
    return [token.text for token in tokens]


def test_tokens_carry_their_place_in_characters():
    tokens = tokenize("# é\nup > 5")
    assert [(token.kind, token.text, token.start, token.end) for token in tokens] == [
        (Kind.COMMENT, "# é", 0, 3),
        (Kind.NAME, "up", 4, 6),
        (Kind.OPERATOR, ">", 7, 8),
        (Kind.NUMBER, "5", 9, 10),
    ]


def test_a_colon_is_part_of_a_metric_but_not_of_a_subquery_or_label():
    assert texts("job:x:rate5m[5m:1m]") == ["job:x:rate5m", "[", "5m", ":", "1m", "]"]
    assert texts("max_over_time(x[5m:step()])")[-6:] == [":", "step", "(", ")", "]", ")"]


@pytest.mark.parametrize("string", ['"a # b"', "'it\\'s'", '"\\""', "`\\d \" '`", '"a\\\\"'])
def test_each_quote_makes_one_string(string):
    assert texts(f"x{{a={string}}}") == ["x", "{", "a", "=", string, "}"]


@pytest.mark.parametrize("number", ["1", "1.5", ".5", "5.", "1e5", "1E-5", "0x1F", "1_000", "1_0.2_0e1_0"])
def test_numbers_in_all_spellings(number):
    tokens = tokenize(number)
    assert [(token.kind, token.text) for token in tokens] == [(Kind.NUMBER, number)]


@pytest.mark.parametrize(
    ("expression", "offset", "length"),
    [
        ('up{job="a', 7, 1),
        ("up == 5foo", 6, 4),
        ("up & x", 3, 1),
        ("x[1h1h]", 2, 4),
        ("x > 1.2.3", 4, 5),
        ("x > 1_", 4, 2),
        ("é", 0, 1),
        ('"a\nb"', 0, 1),
    ],
)
def test_what_starts_no_token_is_an_error_at_its_place(expression, offset, length):
    error = tokenize(expression)
    assert isinstance(error, PromqlError)
    assert (error.offset, error.length) == (offset, length)


@given(st.text(alphabet="ab({[\"'`\\]}) :.,5mhx#=~!<>/*\n"))
def test_tokens_and_the_space_between_them_make_up_the_text(text):
    tokens = tokenize(text)
    if isinstance(tokens, PromqlError):
        assert 0 <= tokens.offset < tokens.offset + tokens.length <= len(text)
        return
    end = 0
    for token in tokens:
        assert text[end : token.start].strip(" \t\r\n") == ""
        assert text[token.start : token.end] == token.text
        end = token.end
    assert text[end:].strip(" \t\r\n") == ""


@pytest.mark.parametrize(
    ("string", "value"),
    [
        ("`\\d`", "\\d"),
        ('"\\\\d"', "\\d"),
        ("'it\\'s'", "it's"),
        ('"\\x41\\101\\u00e9"', "AAé"),
        ('"\\d"', None),
        ('"\\\'"', None),
        ('"\\400"', None),
        ('"\\x4"', None),
    ],
)
def test_escapes_are_those_of_go(string, value):
    assert unquote(string) == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_quoted_value_is_read_back(value):
    assert unquote(quoted(value)) == value
