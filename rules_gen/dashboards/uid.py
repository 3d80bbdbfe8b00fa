"""The identity of a generated dashboard, which links in annotations and pages rely on."""

_LONGEST = 40
_DIGEST = 12


def dashboard_uid(team: str, service: str) -> str:
    """The dashboard's uid: at most 40 characters (Grafana's limit), the same for ever for a team and a
    service.

    The names are told apart by an underscore, which neither may hold, so that no two services share a uid.
    Longer ones are cut, and end with a double underscore and a digest of the whole.
    """
    plain = f"{team}_{service}"
    if len(plain) <= _LONGEST:
        return plain
    import hashlib  # Imported here because it loads OpenSSL, and hardly any name is so long.

    digest = hashlib.sha256(plain.encode()).hexdigest()[:_DIGEST]
    return f"{plain[: _LONGEST - _DIGEST - 2]}__{digest}"
