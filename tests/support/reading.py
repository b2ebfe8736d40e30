"""Records as Python values, for tests of the parsers."""

import json

from udfs.formats.parse import ParseOptions, parse_record


def parse(format_name, value, **options):
    """What becomes of a record of the given format."""
    return parse_record(json.dumps(value).encode(), ParseOptions(format=format_name, **options))


def drafts(format_name, value, **options):
    """The drafts of a record that must be used."""
    parsed = parse(format_name, value, **options)
    assert parsed.reason is None
    return parsed.drafts


def reason(format_name, value, **options):
    """Why a record is refused; it must not have drafts beside."""
    parsed = parse(format_name, value, **options)
    assert parsed.drafts == ()
    return parsed.reason
