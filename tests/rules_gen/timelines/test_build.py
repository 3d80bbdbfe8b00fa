"""Pictures in a build: drawn by the real promtool once, recalled after that, and shown on their pages."""

import html
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from posixpath import dirname, join

import pytest
from markdown_it import MarkdownIt

from rules_gen.promtool import Promtool
from rules_gen.target import GeneratedFile
from rules_gen.timelines.recording import description

PICTURE = "runbooks/payments/checkout/Down.fires.svg"
PAGE = "runbooks/payments/checkout/Down.md"
RULES = "rules/payments/checkout.rules.yml"

STAGED = """\
service: cart
team: payments
environments:
  production: {}
  staging: {}
alerts:
  - alert: QueueLong
    severity: medium
    expr: max(queue_length{env="${environment}"})
    threshold: above 100
    for: 5m
    summary: The queue is long
    runbook:
      first: Restart it.
      impact: Orders wait.
      causes: a bad deploy
      investigate: Read the log.
      resolve: Roll back.
      verify: It is short again.
      escalate: {after: 15m, to: the lead}
    tests:
      - name: fires at 200
        series:
          'queue_length{env="${environment}"}': 0x4 200x30
        firing_at: [20m]
"""


def images(page):
    """Each image's address and the words that a browser has in its place."""
    found = re.findall(r'<img src="([^"]*)" alt="([^"]*)"', MarkdownIt().render(page))
    return [(html.unescape(source), html.unescape(words)) for source, words in found]


def test_a_page_shows_each_scenario_s_picture_with_the_same_words(built):
    ((source, words),) = images(built.read(PAGE))
    assert join(dirname(PAGE), source) == PICTURE
    assert words == description(built.read(PICTURE))
    assert words == (
        "Timeline from the start to 6 min. The alert is pending from the start to 1 min, firing from 1 min to the end. "
        'up{job="checkout"} stays at 0; threshold equal to 0.'
    )


def test_a_picture_s_bands_are_what_promtool_says(repository):
    repository.replace("alerts/payments/checkout.yaml", "0x10", "1x3 0x4 1x2 0x9 1x5")
    repository.replace(
        "alerts/payments/checkout.yaml", "firing_at: [5m]", "firing_at: [5m, 15m]\n        quiet_at: [23m]"
    )
    assert not repository.build().failed
    said = description(repository.read(PICTURE))
    spans = [(s, int(a), int(b)) for s, a, b in re.findall(r"(pending|firing) from (\d+) min to (\d+) min", said)]
    assert spans == [("pending", 4, 5), ("firing", 5, 9), ("pending", 12, 13), ("firing", 13, 22)]
    tests = []
    for minute in range(24):
        state = next((state for state, start, end in spans if start <= minute < end), None)
        for asked in ("pending", "firing"):
            samples = '[{labels: "{}", value: 1}]' if asked == state else "[]"
            expression = f'count(ALERTS{{alertname="Down", alertstate="{asked}"}})'
            tests.append(f"      - {{expr: '{expression}', eval_time: {minute}m, exp_samples: {samples}}}\n")
    fixture = (
        "rule_files: [checkout.rules.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n"
        """      - {series: 'up{job="checkout", instance="a"}', values: '1x3 0x4 1x2 0x9 1x5'}\n"""
        f"    promql_expr_test:\n{''.join(tests)}"
    )
    pair = (
        GeneratedFile(RULES, repository.read(RULES).encode()),
        GeneratedFile("rules/payments/x.test.yml", fixture.encode()),
    )
    assert Promtool.find(repository.root).verify([pair]) == ()


def test_what_was_drawn_is_recalled_without_promtool_s_answers(built, promtool_calls):
    before = built.outputs()
    shutil.rmtree(built.root / ".rules-gen")
    assert not built.build().changes
    # The fixtures of both services are verified, each once; nobody asks for a picture.
    files = [file for call in promtool_calls() for file in call.split() if file.endswith(".test.yml")]
    assert sorted(files) == ["rules/payments/checkout.test.yml", "rules/platform/hosts.test.yml"]
    assert built.outputs() == before


def test_pages_alone_are_built_without_promtool_where_the_pictures_are_there(built, promtool_calls):
    built.replace("alerts/payments/checkout.yaml", "Restart it.", "Restart it twice.")
    result = built.build(only=frozenset({"runbook-pages"}))
    assert result.changes.updated == (PAGE,)
    assert promtool_calls() == []


def test_a_picture_that_somebody_edited_is_drawn_anew(built):
    before = built.read(PICTURE)
    built.replace(PICTURE, "</svg>", "<!-- mine --></svg>")
    assert built.check().changes.updated == (PICTURE,)
    assert "mine" in built.read(PICTURE)
    built.build()
    assert built.read(PICTURE) == before


def test_a_picture_that_is_a_link_is_not_read(built, tmp_path):
    elsewhere = tmp_path / "elsewhere.svg"
    elsewhere.write_text(built.read(PICTURE))
    (built.root / PICTURE).unlink()
    (built.root / PICTURE).symlink_to(elsewhere)
    built.check()
    assert elsewhere.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [("for: 1m", "for: 2m"), ("0x10", "0x11"), ("threshold: equals 0", "threshold: below 1"), ("[5m]", "[4m]")],
)
def test_a_change_of_what_is_shown_draws_the_picture_anew(built, old, new):
    built.replace("alerts/payments/checkout.yaml", old, new)
    before = built.read(PICTURE)
    assert PICTURE in built.build().changes.updated
    assert built.read(PICTURE) != before


def test_a_scenario_with_a_new_name_takes_its_picture_along(built):
    built.replace("alerts/payments/checkout.yaml", "name: fires", "name: fires at once, 100%")
    changes = built.build().changes
    assert PICTURE in changes.removed
    (created,) = changes.created
    assert re.fullmatch(r"runbooks/payments/checkout/Down\.fires-at-once-100\.[0-9a-f]{8}\.svg", created)
    assert images(built.read(PAGE))[0][0] == created.rpartition("/")[2]


def test_a_picture_without_a_scenario_is_an_orphan_and_a_stranger_s_stays(built):
    own = built.write("runbooks/payments/checkout/mine.svg", "<svg/>")
    built.write(PICTURE.replace("fires", "old"), built.read(PICTURE))
    shutil.rmtree(built.root / ".rules-gen")
    changes = built.build().changes
    assert changes.removed == (PICTURE.replace("fires", "old"),)
    assert changes.foreign == ("runbooks/payments/checkout/mine.svg",)
    assert own.exists()


def test_environments_that_look_the_same_share_a_picture_on_the_page(repository):
    repository.write("alerts/payments/cart.yaml", STAGED)
    assert not repository.build().failed
    folder = repository.root / "runbooks/payments/cart"
    assert len(list(folder.glob("*.svg"))) == 2
    assert [source for source, _ in images(repository.read("runbooks/payments/cart/QueueLong.md"))] == [
        "QueueLong.production.fires-at-200.svg"
    ]


def test_environments_that_look_different_each_have_theirs(repository):
    overlay = "  staging:\n    alerts:\n      QueueLong: {for: 10m}\n"
    repository.write("alerts/payments/cart.yaml", STAGED.replace("  staging: {}\n", overlay))
    result = repository.build()
    assert not result.failed, result.diagnostics
    page = repository.read("runbooks/payments/cart/QueueLong.md")
    assert [source for source, _ in images(page)] == [
        "QueueLong.production.fires-at-200.svg",
        "QueueLong.staging.fires-at-200.svg",
    ]
    assert page.index("In production:") < page.index("In staging:")


def test_words_of_an_author_are_text_in_the_picture_and_on_the_page(repository):
    # YAML's way to spell a NUL, which marks the places of pictures in a page that is being made.
    repository.replace("alerts/payments/checkout.yaml", "Read the log.", '[{step: Look., run: "a\\0x\\0b\\0"}]')
    name = """is <b>"bold"</b> & ]]> --> [x](y) `z` ![](q) 世界"""
    label = """</text><script>alert(1)</script>](evil)"""
    repository.replace("alerts/payments/checkout.yaml", "name: fires", f"name: '{name}'")
    repository.replace("alerts/payments/checkout.yaml", 'instance="a"', f'instance="{label}"')
    repository.replace(
        "alerts/payments/checkout.yaml",
        ": 0x10\n",
        """: 0x10\n          'up{job="checkout", instance="b"}': 1x10\n""",
    )
    result = repository.build()
    assert not result.failed, result.diagnostics
    (path,) = (repository.root / "runbooks/payments/checkout").glob("*.svg")
    root = ET.parse(path).getroot()
    assert name in root[0].text
    assert label in root[1].text
    ((source, words),) = images(repository.read(PAGE))
    assert source == path.name
    assert words == root[1].text


def test_without_promtool_a_picture_that_is_missing_is_an_error(built, monkeypatch, tmp_path):
    (built.root / PICTURE).unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = built.build(only=frozenset({"runbook-pages"}))
    assert result.failed
    assert "promtool is not on PATH" in result.diagnostics[0].message
    assert not (built.root / PICTURE).exists()


def test_promtool_in_the_tree_is_found_from_a_relative_root(monkeypatch, tmp_path):
    real = shutil.which("promtool")
    (tmp_path / ".tools/bin").mkdir(parents=True)
    (tmp_path / ".tools/bin/promtool").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    # It would not be found again from the folder that it runs in.
    assert Path(Promtool.find(Path()).executable).is_absolute()
