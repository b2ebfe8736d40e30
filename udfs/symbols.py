r"""Which symbols are tokens: those that decide what a text says, and not how it is set or punctuated.

`5 + 3` and `5 - 3` are two questions; so are `C`, `C++` and `C#`, `a < b` and `a > b`, `[a-z]+` and `[a-z]*`, $5
and €5, `\d` and `\D`. A hyphen between words, the bullet of a list, the marks of Markdown, quotation marks and what
ends a sentence or a clause decide nothing: the same prose with other ones is the same text. So an operator is a token
everywhere, and a character that is also punctuation is one beside its operands: numbers, single letters, brackets.

What is looked at ends at the end of the line, and what stands first on a line with a blank behind it is its bullet.
"""

import re
import unicodedata
from functools import cache

# NFKC would make 52 of 5² and 21/2 of 2½. Hyphens, the minus and the en dash are one; an em dash is punctuation.
_SUPERSCRIPTS, _FRACTIONS, _HYPHENS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", "‐‑‒–−﹣－"
_RESPELT = str.maketrans(
    {c: f"^{unicodedata.normalize('NFKC', c)}".replace("−", "-") for c in _SUPERSCRIPTS}
    | {c: f" {unicodedata.normalize('NFKC', c)}".replace("⁄", "/") for c in _FRACTIONS}
    | dict.fromkeys(_HYPHENS, "-")
    | dict.fromkeys("‘’‚‛ʼ", "'")
    | dict.fromkeys("“”„‟«»", '"')
    | {"—": ","}
)


def _after(*contexts: str) -> str:
    """What stands before a symbol and the symbol itself, looked at once that is matched."""
    return "(?:" + "|".join(f"(?<={context})" for context in contexts) + ")"


_OPERATOR = r"[+/^%=<>&|]"
_OPERAND_ENDS = (r"[0-9)\]}]", r"[^\w'][A-Za-z]")
_LETTER = r"[A-Za-z](?![\w'])"
_OPERAND = rf"(?:[0-9(\[{{\\]|-[0-9(]|{_LETTER})"
_TIGHT_AFTER = _after(*(rf"{end}[-*]" for end in _OPERAND_ENDS))
_SPACED_AFTER = _after(*(rf"{end}[ ][-*]" for end in _OPERAND_ENDS))
_AFTER_OPERATOR = _after(
    rf"\S{_OPERATOR}\(",
    rf"\S[ ]{_OPERATOR}[ ]\(",
    *(rf"{end}{blank}[-*]{blank}\(" for end in _OPERAND_ENDS for blank in ("", "[ ]")),
)
_QUANTIFIER = _after(r"\][*?]", r"\\[A-Za-z][*?]")
_FACTORIAL = _after(r"[0-9)]!", r"[^\w'][A-Za-z]!")
_ELEMENT_ENDS = _after(r"[0-9:][\]}]", r"[^\w'][A-Za-z][\]}]")

# The first character is taken before anything is asked about it, because that is what `re` can look for quickly.
_PATTERN = rf"""
  [\n+/^%=<>&|@$\\~*.\#!?:\[\](){{}}'OTHER-]
  (?:
    (?<=\n)[ \t>]*(?:[-+*\#~=|•·OTHER]{{1,6}}[ \t]+)?       # where a line begins: quotation marks, bullets, headings
  | (?<=[+/^%=<>&|@$OTHER])(?:(?<=[=+<>|])[=+<>|]{{3,}})?   # operators, currencies and their like; a rule across a page
  | (?<=\\)[A-Z]?                                           # \d and \D
  | (?<=[-*])(?:
        {_TIGHT_AFTER}\*?(?={_OPERAND})                     # 5-3, (a-b)*c, x**2; not well-known, *this*
      | {_SPACED_AFTER}\*?(?=[ ]{_OPERAND})                 # 5 - 3, (a - b) * c; not Part 5 *this*
      | (?<=[\s(\[{{=+/^<>,:$-]-)(?=[0-9(]|{_LETTER})             # -5, ls -l
      | (?<=[A-Za-z0-9)\]}}.]\*)(?=[A-Za-z0-9(\[\\$^]) | (?<=\.\*)(?=[?`])  # width*height, ^[a-z]*$, .*?
      | {_QUANTIFIER}(?![*?]) )                             # [a-z]*, \d*
  | (?<=[.!?:'\#])(?:
        (?<=[^\w.)\]}}"']\.)(?=[A-Za-z0-9])               # .NET, .5
      | (?<=[A-Za-z0-9]\#)(?![\w\#])                        # C#
      | (?<=!)(?==) | (?<=[^\w.!?)\]}}"']!)(?=[A-Za-z(])  # a != b, !x
      | {_FACTORIAL}(?=[ ]?[-+*/^=<>)]) | (?<=[0-9]!)(?=[?.,;])             # 5! + 3; is it 5!?
      | {_QUANTIFIER}(?![*?]) | (?<=[A-Za-z0-9)*+]\?)(?=[$(\[\\^|`]) | (?<=\(\?)(?=[:=!<P])  # [a-z]?, (ab)?$, (?:ab)
      | (?<=[0-9]:)(?=[0-9]) | (?<=\[:) | (?<=:)(?=\])      # 3:5, x[1:]
      | (?<=[^\w'][A-Za-z]')'*(?=\() )                     # f'(x)
  | (?<=[\[{{])(?=[-0-9^:]|{_LETTER}) | (?<=[\]}}]){_ELEMENT_ENDS}          # [0, 1], {{1, 2}}, x[i]
  | (?<=\(){_AFTER_OPERATOR}                                # a / (b + c), (a + b) / c
  | (?<=\))(?=[ ]?{_OPERATOR}|[-*]{{1,2}}{_OPERAND}|[ ][-*]{{1,2}}[ ]{_OPERAND})
  | (?<=[^~\n]~)(?!~)                                       # ~5; two of them strike through
  )
"""
ASCII = re.compile(_PATTERN.replace("OTHER", ""), re.VERBOSE)
"""Finds in ASCII text the symbols that are tokens, and the beginnings of lines and rules: see `is_token`."""


@cache
def unicode_pattern() -> re.Pattern[str]:
    """`ASCII` for any text, with the operators, currencies and pictures of Unicode; box drawing is no picture."""
    other = {c for c in map(chr, range(0x80, 0x10000)) if unicodedata.category(c) in ("Sm", "Sc", "So")}
    other = {c for c in other if not "─" <= c <= "╿"} - set("�￼") | set("‰′")
    return re.compile(_PATTERN.replace("OTHER", "".join(sorted(other)) + "\U0001f000-\U0001faff"), re.VERBOSE)


def is_token(found: str) -> bool:
    """Whether what a pattern found is one token a character, or nothing."""
    return found[0] != "\n" and len(found) < 4


def respelt(text: str) -> str:
    """The NFKC form, with superscripts and fractions spelt so that they keep what they say, and dashes and quotation
    marks as ASCII has them.
    """
    return unicodedata.normalize("NFKC", text.translate(_RESPELT))
