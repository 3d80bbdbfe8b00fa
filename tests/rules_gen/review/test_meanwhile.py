"""What changes while a build is under way never passes for what the build made."""

from rules_gen import builder, cache, freshness
from rules_gen.freshness import is_fresh

HOSTS_RULES = "rules/platform/hosts.rules.yml"
CHECKOUT = "alerts/payments/checkout.yaml"


def during(monkeypatch, change):
    """Does it once, in the middle of the next build."""
    real = builder._outputs
    left = [change]

    def outputs(*arguments):
        while left:
            left.pop()()
        return real(*arguments)

    monkeypatch.setattr(builder, "_outputs", outputs)


def test_an_output_that_somebody_edits_during_a_build_of_others_is_mended_by_the_next(built, monkeypatch):
    before = built.read(HOSTS_RULES)
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    during(monkeypatch, lambda: built.replace(HOSTS_RULES, "equals 0" if "equals 0" in before else "== 0", "== 9"))
    assert not built.build().failed
    assert built.read(HOSTS_RULES) != before
    assert not is_fresh(str(built.root), built.today)
    assert built.check().changes.updated == (HOSTS_RULES,)
    built.build()
    assert built.read(HOSTS_RULES) == before


def test_an_orphan_that_appears_during_a_build_is_removed_by_the_next(built, monkeypatch):
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    during(monkeypatch, lambda: built.write("rules/platform/old.rules.yml", built.read(HOSTS_RULES)))
    built.build()
    if (built.root / "rules/platform/old.rules.yml").exists():
        assert not is_fresh(str(built.root), built.today)
        built.build()
    assert not (built.root / "rules/platform/old.rules.yml").exists()


def test_a_tool_that_is_upgraded_during_a_build_has_not_made_its_outputs(built, monkeypatch):
    built.replace(CHECKOUT, "for: 1m", "for: 2m")
    during(monkeypatch, lambda: monkeypatch.setattr(freshness, "tool_key", lambda: "newer"))
    built.build()
    assert not is_fresh(str(built.root), built.today)
    assert built.build().compiled == 2


def test_digests_that_another_build_left_are_not_taken(built):
    """Two builds at a time: the state is of the one, the digests of the other."""
    index = built.read("runbooks/README.md")
    path = built.root / ".rules-gen/digests.json"
    content = path.read_bytes()
    assert b"hosts is down" in content
    path.write_bytes(content.replace(b"hosts is down", b"hosts is up"))
    built.replace(CHECKOUT, "of checkout is down", "of checkout is gone")
    assert not built.build().failed
    assert built.read("runbooks/README.md") == index.replace("of checkout is down", "of checkout is gone")


def test_another_version_of_a_package_is_another_tool(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr("sys.path", [str(folder)])
    before = freshness.tool_key()
    assert freshness.tool_key() == before
    (folder / "promql_parser-1.dist-info").mkdir()
    assert freshness.tool_key() != before
    assert cache.load_state(tmp_path, before) == {}
