"""Ids are functions of content, and different content has different ids."""

from hypothesis import given
from hypothesis import strategies as st

from udfs.formats.draft import Turn
from udfs.ids import example_id, pair_id

PARTS = st.tuples(
    st.text(max_size=5),
    st.none() | st.text(max_size=5),
    st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.text(max_size=5)), max_size=2),
    st.text(max_size=5),
    st.none() | st.text(max_size=5),
)


def test_white_space_and_compatibility_characters_of_the_instruction_do_not_count():
    one = example_id("s", None, [], "Explain ﬁre.", "Hot.")
    assert one == example_id("s", None, [], "  Explain\n fire. ", "Hot.")
    assert one != example_id("s", None, [], "explain fire.", "Hot.")
    assert one != example_id("s", None, [], "Explain fire.", "Hot. ")


def test_an_id_is_32_hex_digits_and_the_same_on_every_machine():
    assert example_id("s", None, [], "Hi.", None) == "ea30799bd344ebdb8c2ff230cc31716d"
    assert pair_id("e", "public") != pair_id("e", "request") and len(pair_id("e", "public")) == 32


@given(PARTS, PARTS)
def test_parts_cannot_be_shifted_into_each_other(left, right):
    from udfs.text import key_text

    def content(parts):
        source, system, history, instruction, response = parts
        return source, system, history, key_text(instruction), response

    assert (example_id(*left) == example_id(*right)) == (content(left) == content(right))
