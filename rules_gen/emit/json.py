"""JSON text for generated dashboards and machine-readable reports."""


def emit_json(value: object) -> bytes:
    """Return UTF-8 JSON with sorted keys, an indentation of two spaces and a final newline.

    Raises TypeError (orjson's ``JSONEncodeError``) for a value that JSON can't hold, such as a set. NaN and
    infinities become ``null``.
    """
    import orjson  # Imported here because most commands never write JSON.

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
