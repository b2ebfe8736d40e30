"""E-mail addresses, telephone numbers and secret keys of someone, and not of a made-up example.

A verdict is stored and shown to reviewers, so its span masks what it found.
"""

import re

from udfs.screen.subject import Subject
from udfs.screen.wording import one_of

# Bounded parts: an unbounded local part would make a long run of letters quadratic.
_EMAIL = re.compile(r"(?<![\w.+@/:-])([\w][\w.+-]{0,63})@((?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,18})(?![\w@-])")
_STAND_IN_START = one_of(
    "your, my, user, sample, example, test, dummy, fake, foo, bar, abc, xyz, some, any, name, first, last, full, "
    "e-?mail, "
    "mail, person, customer, client, employee, recipient, receiver, sender, from, to, me, you, no-?reply, admin, "
    "webmaster, postmaster, root, git"
)
# An office is no person.
_ROLE = one_of(
    "info, support, contact, hello, help, sales, services?, office, jobs, careers?, hr, press, media, team, billing, "
    "feedback, enquiries, inquiries, customerservice, alerts?, notifications?, updates?, newsletter"
)
_STOCK_FIRST = one_of("john, jane, jack, jill, joe, bob, alice, mary, peter, tom, sam, j")
_STOCK_LAST = one_of("doe, smith, public, bloggs, jones, johnson")
_STAND_IN_LOCAL = re.compile(
    rf"\d+|{_STAND_IN_START}[\w.+-]*|{_ROLE}|(?:{_STOCK_FIRST})?[._-]?{_STOCK_LAST}\d{{0,4}}|{_STOCK_FIRST}\d{{0,4}}"
)
_STAND_IN_HOST = one_of(
    "examples?, tests?, sample, domain, e?mail, website, site, host, server, school, university, store, shop, "
    "foo, bar, baz, "
    "contoso, initech, [\\w-]*(?:your|my|example|fake|dummy|acme|xyz|abc|company|domain|business)[\\w-]*"
)
_STAND_IN_DOMAIN = re.compile(
    rf"(?:[\w-]+\.)*{_STAND_IN_HOST}\.[\w.]+|[\w.-]+\.(?:example|test|invalid|localhost|local)"
)

# North America with separators, or any number in international form.
_NANP = re.compile(
    r"(?<![\w.+/=-])(?:\+?1[-. ])?(?:\(([2-9]\d\d)\) ?|([2-9]\d\d)[-.])([2-9]\d\d)[-. ](\d{4})(?![\w-]|\.\d)"
)
_INTERNATIONAL = re.compile(r"(?<![\w+(.-])\+([2-9]\d{0,2})((?:[ -]?\(?\d{2,5}\)?){2,5})(?![\w-])")
# One class of characters to begin with is looked for several times as fast as two alternatives.
_PHONE_HINT = re.compile(r"[\d+](?:(?<=\d)[-. )]\d{2,5}[-. ]?\d|(?<=\+)\d)")
_COUNTED = (
    "1234",
    "2345",
    "3456",
    "4567",
    "5678",
    "6789",
    "7890",
    "9876",
    "8765",
    "7654",
    "6543",
    "0000",
    "1111",
    "8675309",
)
_TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888", "900"})

# Prefixes that the issuers publish and that secret scanners look for.
_SECRET = re.compile(
    r"(?<![\w-])(?:A(?:KIA|SIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,}|glpat-[\w-]{20}"
    r"|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,200}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,200}|AIza[\w-]{35}|hf_[A-Za-z]{34}|(?:sk|rk)_live_[A-Za-z0-9]{20,200}"
    r"|SG\.[\w-]{22}\.[\w-]{43}"
    r"|eyJ[\w-]{10,400}\.eyJ[\w-]{10,2000}\.[\w-]{10,1000})(?![\w-])"
    r"|-----BEGIN (?:[A-Z]{2,9} )?PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20}"
)
_SECRET_HINTS = (
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "sk-",
    "xox",
    "AIza",
    "hf_",
    "_live_",
    "SG.",
    "eyJ",
    "PRIVATE KEY",
)
_FEWEST_DISTINCT = 10
"""Different characters in a real key; `sk-xxxxxxxxxxxxxxxxxxxxxxxx` has fewer."""


# An address is made up where the text is an exercise about addresses, or one that is to be invented.
_EXERCISE = re.compile(
    r"extract|pars(?:e|ing)|regex|regular expression|valid|pattern|format|mask|redact|anonymi[sz]|classif|spam"
    r"|correct|rewrite"
    r"|rephrase|edit|translat|summari[sz]|proofread|tokeni[sz]|entit|json|csv|xml|\bsql\b|table|database|function"
    r"|program|script"
    r"|code|class\b|html|invent|imagin|pretend|fake|sample|example|dummy|generat|creat|compos|draft|design"
    r"|write (?:an?|the|some|me|my|our)\b|make up|story|role-?play|advert|flyer|poster|pamphlet|brochure|newsletter"
    r"|invitation|resume|\bcv\b"
    r"|cover letter"
    r"|business card|contact (?:form|list)|which of|given an?\b|mail address"
    r"|identify|find the|提取|正则|写一|翻译"
)


def personal_data(subject: Subject) -> str | None:
    """An address, number or key that could reach or open something of a real person or firm."""
    found = _email(subject.folded) or _phone(subject.text)
    if found is not None and not _EXERCISE.search(subject.folded_prompt):
        return found
    return _secret(subject.text)


def _email(folded: str) -> str | None:
    if "@" in folded:
        for match in _EMAIL.finditer(folded):
            if not _STAND_IN_LOCAL.fullmatch(match[1]) and not _STAND_IN_DOMAIN.fullmatch(match[2]):
                return f"{match[1][0]}***@{match[2]}"
    return None


def _phone(text: str) -> str | None:
    if not _PHONE_HINT.search(text):
        return None
    for match in _NANP.finditer(text):
        area, exchange, line = match[1] or match[2], match[3], match[4]
        # 555 is kept for fiction, and so are the numbers that every tutorial uses.
        if "555" in (area, exchange) or area in _TOLL_FREE or _is_made_up(area + exchange + line):
            continue
        return _masked(match.group())
    if "+" in text:
        for match in _INTERNATIONAL.finditer(text):
            digits = re.sub(r"\D", "", match.group())
            if 9 <= len(digits) <= 15 and "555" not in digits and not _is_made_up(digits):
                return _masked(match.group())
    return None


def _masked(number: str) -> str:
    """The form of a number without most of its digits."""
    return re.sub(r"\d", "*", number[:-2]) + number[-2:]


def _is_made_up(digits: str) -> bool:
    return len(set(digits)) < 5 or any(run in digits for run in _COUNTED)


def _secret(text: str) -> str | None:
    if not any(map(text.__contains__, _SECRET_HINTS)):
        return None
    for match in _SECRET.finditer(text):
        if len(set(match.group())) >= _FEWEST_DISTINCT and "EXAMPLE" not in match.group().upper():
            return f"{match.group()[:8]}..."
    return None
