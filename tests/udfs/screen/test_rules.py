"""What a list of rules may say, and how its faults are reported."""

import zipfile
from pathlib import Path

import pytest

import conf
from schemas.errors import ConfigError
from udfs.screen.rules import enabled_rules, load_rules

GOOD = """
- name: shouting
  target: response
  effect: note
  description: The answer is shouted at the reader.
  patterns: ['!!!']
"""


def test_a_rule_is_read_as_written():
    [rule] = load_rules(GOOD)

    assert (rule.name, rule.target, rule.effect) == ("shouting", "response", "note")
    assert [pattern.pattern for pattern in rule.patterns] == ["!!!"]
    assert not rule.from_source


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("patterns: ['!!!']", "patterns: ['(!!!']", r"rule shouting: patterns\.0: .*regular expression.*found '\(!!!'"),
        ("patterns: ['!!!']", "check: nonsense", "rule shouting: .*unknown check 'nonsense'; known: missing_input, "),
        ("patterns: ['!!!']", "check: echo\n  first_chars: 9", "rule shouting: .*a check does not heed first_chars"),
        ("  patterns: ['!!!']", "", "rule shouting: .*either patterns or a check"),
        ("effect: note", "effect: notes", "rule shouting: effect: .*'exclude' or 'note', found 'notes'"),
        ("target: response", "target: response\n  colour: red", "rule shouting: colour: Extra inputs.*found 'red'"),
        ("name: shouting", "name: Shouting!", "rule Shouting!: name: "),
        ("- name: shouting\n", "-\n", "rule number 1: name: Field required"),
    ],
)
def test_a_faulty_rule_is_refused_by_name(old, new, told):
    with pytest.raises(ConfigError, match=told):
        load_rules(GOOD.replace(old, new))


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        load_rules(GOOD.replace("'!!!'", "'('") + GOOD.replace("shouting", "whispering").replace("note", "loud"))

    assert "rule shouting: patterns" in str(refused.value)
    assert "rule whispering: effect" in str(refused.value)


def test_a_name_may_serve_both_targets_but_each_only_once():
    assert len(load_rules(GOOD + GOOD.replace("response", "prompt"))) == 2
    with pytest.raises(ConfigError, match="rule shouting: listed twice for the response"):
        load_rules(GOOD + GOOD)


@pytest.mark.parametrize(("text", "told"), [("name: x", "expected a list"), ("- [", "not YAML")])
def test_what_is_no_list_of_rules_is_refused(text, told):
    with pytest.raises(ConfigError, match=told):
        load_rules(text)


def test_a_rule_is_switched_off_by_name_for_both_targets():
    rules = load_rules()

    left = enabled_rules(rules, off=["placeholder", "echo"])

    assert {rule.name for rule in rules} - {rule.name for rule in left} == {"placeholder", "echo"}
    assert [rule for rule in rules if rule in left] == list(left)


def test_switching_off_an_unknown_rule_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown screen rules echoo; known: missing_input, .*echo, "):
        enabled_rules(load_rules(), off=["echoo"])


def test_the_shipped_rules_are_found_inside_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    archive = tmp_path / "phase0.zip"
    source = Path(conf.__file__).parent
    with zipfile.ZipFile(archive, "w") as zipped:
        for name in ("__init__.py", "screen_rules.yaml"):
            zipped.write(source / name, f"conf/{name}")
    monkeypatch.syspath_prepend(str(archive))
    monkeypatch.delitem(__import__("sys").modules, "conf")

    assert load_rules() == load_rules((source / "screen_rules.yaml").read_text(encoding="utf-8"))


def test_only_note_rules_are_the_ones_that_leave_the_text_usable():
    assert {rule.name for rule in load_rules() if rule.effect == "note"} == {
        "addresses_judge",
        "literal_escapes",
        "truncated",
    }
