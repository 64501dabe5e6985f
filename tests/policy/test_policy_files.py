"""Policy files: what is refused, with the line that is to blame."""

import re
from pathlib import Path

import pytest
import yaml

from credit_eval.core.errors import PolicyError
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy

SHIPPED = sorted(DEFAULT_POLICY.parent.glob("*.yaml"))
TEXT = DEFAULT_POLICY.read_text()


def edited(tmp_path: Path, old: str, new: str) -> Path:
    assert TEXT.count(old) == 1, old
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.replace(old, new))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert caught.value.exit_code == 16
    return str(caught.value)


def line_of(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_policies_load_and_are_named_after_their_file(path):
    policy = load_policy(path)
    assert policy.name == path.stem
    assert policy.restriction.threshold == 0.5


def test_there_is_a_policy_for_every_data_set():
    assert [path.stem for path in SHIPPED] == ["default", "simulated", "superlender", "taiwan", "xente"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("threshold: 0.50", "threshold: 1.5", "restriction, threshold has a value that cannot be"),
        ("threshold: 0.50", "threshold: 0", "restriction, threshold has a value that cannot be"),
        ("threshold: 0.50", "threshold: .nan", "restriction, threshold has a value that cannot be"),
        ("threshold: 0.50", "threshold: '0.5'", "restriction, threshold has a value that cannot be"),
        ("threshold: 0.50", "treshold: 0.50", "restriction, treshold is not a setting"),
        ("amount_unit: 1 ", "amount_unit: 0 ", "amount_unit has a value that cannot be"),
        ("budget: 20 ", "budget: -20 ", "expected_loss, budget has a value that cannot be"),
        ("lgd: 0.60", "lgd: 60", "expected_loss, lgd has a value that cannot be"),
        ("minimum: 50 ", "minimum: 5000 ", "limits, minimum is against the rules"),
        ("max_increase_factor: 2 ", "max_increase_factor: 1 ", "max_increase_factor has a value that cannot be"),
        ("up_to: 0.05", "up_to: 0.02", "grades, number 2, up_to is against the rules"),
        ("up_to: 1.00", "up_to: 0.99", "grades, number 7, up_to is against the rules"),
        ("limit_cap: 1200", "limit_cap: 2001", "grades, number 3, limit_cap is against the rules"),
        ("thin_file_cap: 400", "thin_file_cap: 501", "grades, number 2, thin_file_cap is against the rules"),
        ("capacity_multiple: 1.0,", "capacity_multiple: 9,", "grades, number 4, capacity_multiple is against"),
        ("apr: 0.24", "apr: 0.17", "grades, number 4, apr is against the rules"),
        ("max_installments: 1}", "max_installments: 4}", "grades, number 7, max_installments is against"),
        ("grade: C", "grade: A", "grades, number 3, grade is against the rules"),
        ("grade: C", "grade: C, colour: red", "grades, number 3, colour is not a setting"),
        ("step: 10 ", "step: 10\n  step: 20 ", "step is set twice"),
        ("capacity_unknown: false", "capacity_unknown: maybe", "refer, capacity_unknown has a value"),
    ],
)
def test_refuses_with_the_line(tmp_path, old, new, says):
    path = edited(tmp_path, old, new)
    message = refusal(path)
    assert says in message
    assert f"mine.yaml, line {line_of(old) + new.count(chr(10))}:" in message
    assert re.search(r"(?m)^  expected: \S", message)
    assert re.search(r"(?m)^  received: \S", message)


def test_a_missing_setting_is_shown_at_its_section(tmp_path):
    path = edited(tmp_path, "  lgd: 0.60 ", "  # lgd: 0.60 ")
    message = refusal(path)
    assert "expected_loss, lgd is missing" in message
    assert f"line {line_of('expected_loss:')}:" in message


def test_what_was_expected_names_the_safer_grade(tmp_path):
    message = refusal(edited(tmp_path, "apr: 0.24", "apr: 0.17"))
    assert "apr at least the 0.18 of grade C, which is safer" in message
    assert "received: 0.17" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name: [unclosed\nversion: 1\n", "line 2: this is not YAML"),
        (b"name: x\n\tversion: 1\n", "line 2: this is not YAML"),
        (b"name: \xff\xfe\n", "is not text"),
        (b"name: \x00\n", "this is not YAML"),
        (b"", "line 1: the file has a value that cannot be"),
        (b"- a list\n", "line 1: the file has a value that cannot be"),
        (b"? [a, b]\n: 1\n", "a key that is no word"),
    ],
)
def test_refuses_what_is_no_policy_at_all(tmp_path, content, says):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert says in refusal(path)


def test_refuses_a_missing_file_and_a_directory(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.yaml")
    assert "directory" in refusal(tmp_path)


def test_the_version_tells_content_apart_but_not_comments(tmp_path):
    original = load_policy(DEFAULT_POLICY)
    assert re.fullmatch(r"2026-1\+[0-9a-f]{8}", original.policy_version)
    commented = edited(tmp_path, "name: default", "# changed nothing\nname: default")
    assert load_policy(commented).policy_version == original.policy_version
    changed = edited(tmp_path, "budget: 20 ", "budget: 21 ")
    assert load_policy(changed).policy_version != original.policy_version


def test_a_version_may_be_written_as_a_number(tmp_path):
    assert load_policy(edited(tmp_path, 'version: "2026-1"', "version: 2")).version == "2"


def test_a_policy_cannot_be_changed_after_it_was_checked():
    policy = load_policy(DEFAULT_POLICY)
    with pytest.raises(ValueError, match="frozen"):
        policy.restriction.threshold = 0.9
    assert Policy.model_validate(policy.model_dump()) == policy


def test_a_setting_written_out_as_its_default_is_no_other_policy(tmp_path: Path) -> None:
    """Every key that may be left out: written or not, the content is the same, and so is the version."""
    whole = load_policy(DEFAULT_POLICY)
    for section in ("restriction", "limits", "refer"):
        content = yaml.safe_load(DEFAULT_POLICY.read_text(encoding="utf-8"))
        fields = type(getattr(whole, section)).model_fields
        defaults = {name: each.default for name, each in fields.items() if not each.is_required()}
        for name, default in defaults.items():
            versions = []
            for said in ({}, {name: default}):
                kept = {key: value for key, value in content[section].items() if key != name}
                path = tmp_path / "policy.yaml"
                path.write_text(yaml.safe_dump({**content, section: kept | said}))
                versions.append(load_policy(path).policy_version)
            assert versions[0] == versions[1], (section, name)
