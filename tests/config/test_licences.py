"""What is known of licences, and which of several is the strictest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.config.licences import KINDS, UNKNOWN, describe, find_licence, hub_identifier, known_licences, strictest


def test_the_file_is_in_order_of_strictness_and_every_entry_is_whole():
    licences = known_licences()

    kinds = [KINDS.index(licence.kind) for licence in licences]
    assert kinds == sorted(kinds)
    assert set(KINDS) - {licence.kind for licence in licences} == {UNKNOWN}
    assert [licence.rank for licence in licences] == list(range(len(licences)))
    assert all(licence.obligations.endswith(".") for licence in licences)
    assert all(licence.hub is None or licence.hub == licence.hub.lower() for licence in licences)


def test_no_spelling_means_two_licences():
    for licence in known_licences():
        for spelling in (licence.name, *licence.aliases):
            assert find_licence(spelling) is licence


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("mit", "MIT"),
        (" apache 2.0 ", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("cc_by_nc_4.0", "CC-BY-NC-4.0"),
        ("ODC-By", "ODC-By-1.0"),
        ("gpl-3.0-or-later", "GPL-3.0"),
    ],
)
def test_other_spellings_are_understood(spelling, name):
    assert find_licence(spelling).name == name


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["MIT"], "MIT"),
        (["MIT", "CC0-1.0"], "MIT"),
        (["CC-BY-4.0", "Apache-2.0", "CC0-1.0"], "CC-BY-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-4.0"], "CC-BY-SA-3.0"),
        (["CC-BY-NC-4.0", "CC-BY-SA-4.0"], "CC-BY-NC-4.0"),
        (["CC-BY-NC-SA-4.0", "CC-BY-NC-4.0"], "CC-BY-NC-SA-4.0"),
        (["CC-BY-ND-4.0", "CC-BY-NC-4.0"], "CC-BY-ND-4.0"),
        (["research-only", "CC-BY-NC-ND-4.0"], "research-only"),
        (["research-only", "MIT (repo LICENSE)"], "MIT (repo LICENSE)"),
        (["zeta terms", "alpha terms"], "alpha terms"),
    ],
)
def test_the_strictest_is_found_whatever_the_order(names, expected):
    assert strictest(names).name == strictest(reversed(names)).name == expected


def test_nothing_has_no_strictest():
    with pytest.raises(ValueError, match="empty"):
        strictest([])


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_name_has_a_licence_and_an_unknown_one_is_stricter_than_all_known(name):
    licence = find_licence(name)

    assert licence.is_known == (licence in known_licences())
    if not licence.is_known:
        assert licence.name == name
        assert licence.rank > max(known.rank for known in known_licences())


def test_an_unknown_licence_says_that_it_is_unknown():
    assert describe("MIT (repo LICENSE)") == (
        "MIT (repo LICENSE) (unknown): Not known here: read the licence before any use; until then it is treated as "
        "the strictest."
    )
    assert describe("cc by 4.0").startswith("CC-BY-4.0 (attribution): Credit the authors")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Apache-2.0"], "apache-2.0"),
        (["Apache-2.0", "MIT", "CC-BY-4.0"], "cc-by-4.0"),
        (["Apache-2.0", "CC-BY-NC-4.0"], "cc-by-nc-4.0"),
        (["cc-by-nc-4.0", "CC-BY-NC-4.0"], "cc-by-nc-4.0"),
        (["CC-BY-SA-3.0", "CC-BY-NC-4.0"], "other"),  # the one forbids selling, the other forbids such a condition
        (["Apache-2.0", "house rules"], "other"),
        (["research-only"], "other"),
    ],
)
def test_the_hub_identifier_is_that_of_the_strictest_unless_that_would_mislead(names, expected):
    assert hub_identifier(names) == expected
