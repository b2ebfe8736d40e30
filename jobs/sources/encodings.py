"""In which encoding a text may be that is not UTF-8: a careful guess, or none.

Each candidate must decode every byte. Of what it makes of the bytes beyond ASCII, the share is counted that are among
the most frequent characters of its languages: about half in the right encoding, a few in a hundred in a wrong one. The
share is compared with what such text usually has, since an alphabet has fewer characters than a language of ideograms.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

_LEAST_CHARACTERS = 4
_MOST_BYTES = 200_000
_LEAST_FIT = 0.7  # of the share that is usual
_MARGIN = 1.15  # how much better than the next one

_CHINESE = "的一是不了在人有我他来到上大为和地出道就下说里着那要会自子么以可过家天看后生都好能得学"
_CHINESE_MORE = "多成本中年对于国发经作用行方面前所主如法分同现样进种义事什何问答请个们你它回题文章写"
_TRADITIONAL = "的一是不了在人有我他來到上大為和地出道就下說裡著那要會自子麼以可過家天看後生都好能得學"
_TRADITIONAL_MORE = "多成本中年對於國發經作用行方面前所主如法分同現樣進種義事什何問答請個們你它回題文章寫"
_FULL_WIDTH = "，。、；：？！（）「」《》“”"
_HIRAGANA = "".join(map(chr, range(0x3041, 0x3094)))
_KATAKANA = "".join(map(chr, range(0x30A1, 0x30FB))) + "ー"
_HANGUL = "이다는에의을가고하지은로한도를기사서대그나인어리자해시아라보있정것들수일과게전니까요무엇습와만여문제"
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхцжшщюэіїє"
_WESTERN = "éèàçêñóíáüöäßúâîôûãõåøæëïìòùÉÀÇÖÜÄÅØ¿¡’‘“”„–—…•€«»°·£"
_CENTRAL = "ąęłńóśźżćáéíóúýčďěňřšťůžőűäöüŁŚŻČŘŠŽÁÉ„”–’"
_TURKISH = "ğışçöüİŞÇÖÜĞâ’"
_GREEK = "αοιετσνηυρκπλμςωάίόέ"
_HEBREW = "אבגדהוזחטיכךלמםנןסעפףצץקרשת"
_ARABIC = "اليمنورتبعدهةسفكقحأ؟،"
_THAI = "".join(map(chr, range(0x0E01, 0x0E4F)))
_LATIN = (_WESTERN, _CENTRAL, _TURKISH)
_ALPHABETS = (_CYRILLIC, _GREEK, _HEBREW, _ARABIC, _THAI)


@dataclass(frozen=True)
class _Candidate:
    name: str
    """As `iconv` spells it."""
    codec: str
    frequent: str
    usual: float
    """The share of the characters beyond ASCII that are usually among `frequent`."""


# Where two fit equally well, the first counts.
_CANDIDATES = (
    _Candidate("WINDOWS-1252", "cp1252", _WESTERN, 0.95),
    _Candidate("SHIFT_JIS", "cp932", _HIRAGANA + _KATAKANA + "、。？「」", 0.6),
    _Candidate("EUC-JP", "euc_jp", _HIRAGANA + _KATAKANA + "、。？「」", 0.6),
    _Candidate("GB18030", "gb18030", _CHINESE + _CHINESE_MORE + _FULL_WIDTH, 0.4),
    _Candidate("BIG5", "big5", _TRADITIONAL + _TRADITIONAL_MORE + _FULL_WIDTH, 0.4),
    _Candidate("CP949", "cp949", _HANGUL, 0.5),
    _Candidate("WINDOWS-1251", "cp1251", _CYRILLIC, 0.9),
    _Candidate("KOI8-R", "koi8_r", _CYRILLIC, 0.9),
    _Candidate("CP866", "cp866", _CYRILLIC, 0.9),
    _Candidate("WINDOWS-1250", "cp1250", _CENTRAL, 0.95),
    _Candidate("ISO-8859-2", "iso8859_2", _CENTRAL, 0.95),
    _Candidate("WINDOWS-1254", "cp1254", _TURKISH, 0.95),
    _Candidate("WINDOWS-1253", "cp1253", _GREEK, 0.85),
    _Candidate("WINDOWS-1255", "cp1255", _HEBREW, 0.95),
    _Candidate("WINDOWS-1256", "cp1256", _ARABIC, 0.88),
    _Candidate("TIS-620", "cp874", _THAI, 0.98),
    _Candidate("MACINTOSH", "mac_roman", _WESTERN, 0.95),
    _Candidate("CP850", "cp850", _WESTERN, 0.95),
)
_WIDE = tuple(
    _Candidate(name, codec, frequent, 0.4)
    for name, codec in (("UTF-16LE", "utf-16-le"), ("UTF-16BE", "utf-16-be"))
    for frequent in dict.fromkeys(one.frequent for one in _CANDIDATES)
)


def likely_encodings(pieces: Iterable[bytes]) -> tuple[str, ...]:
    """The encodings that texts may be in which are not UTF-8, the likeliest first and as `iconv` spells them.

    Args:
        pieces: records of one file that cannot be read, whole ones.

    Returns:
        One where it stands out, two where both fit about as well, none where nothing fits.
    """
    sample = b"\n".join(pieces)[:_MOST_BYTES]
    return _best(_fits(sample, _CANDIDATES))


def likely_wide_encoding(head: bytes) -> str | None:
    """Whether a file that looks binary is text in UTF-16 without a byte order mark, and in which order."""
    found = _best(_fits(head[: len(head) // 2 * 2], _WIDE))
    return found[0] if len(found) == 1 else None


def encoding_advice(pieces: Iterable[bytes]) -> str:
    """What to do about a file that is not UTF-8."""
    found = likely_encodings(pieces)
    if not found:
        return (
            "not UTF-8, and its encoding is not known: ask whoever made the file, or look which name makes it "
            "readable: iconv -f NAME -t UTF-8 FILE | head"
        )
    names = " or ".join(found)
    look = "; look at the result, it is a guess" if len(found) == 1 else "; look which result is readable"
    return f"not UTF-8, perhaps {names}: {convert(found[0])}{look}"


def convert(name: str) -> str:
    """The command that writes a file anew in UTF-8."""
    return f"iconv -f {shlex.quote(name)} -t UTF-8 FILE > NEW"


def _fits(sample: bytes, candidates: Iterable[_Candidate]) -> list[tuple[float, str, str]]:
    found = []
    for candidate in candidates:
        text = _decoded(sample, candidate.codec)
        beyond = _beyond(text)
        if len(beyond) >= _LEAST_CHARACTERS or (beyond and candidate.frequent == _WESTERN):
            share = sum(_is_plausible(text, place, candidate.frequent) for place in beyond) / len(beyond)
            found.append((min(share / candidate.usual, 1.0), candidate.name, text))
    return sorted(found, key=lambda fit: -fit[0])


def _beyond(text: str) -> list[int]:
    """Places of the characters beyond ASCII."""
    return [place for place, character in enumerate(text) if character > "\x7f"]


def _is_plausible(text: str, place: int, frequent: str) -> bool:
    """Whether a character is a frequent one, among neighbours that it may have.

    A word is of one script; a Latin one has few letters beyond ASCII, and none has a capital behind a small letter.
    """
    character = text[place]
    if character not in frequent:
        return False
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if not character.isalpha():
        return True
    if character.isupper() and before.islower():
        return False
    around = [one for one in (before, after) if one.isalpha()]
    if frequent in _LATIN:
        return not around or any(one.isascii() for one in around)
    return frequent not in _ALPHABETS or not any(one.isascii() for one in around)


def _decoded(sample: bytes, codec: str) -> str:
    """The text; empty where a byte of it cannot be of that encoding. A sample may end within a character."""
    for end in (len(sample), len(sample) - 1, len(sample) - 2, len(sample) - 3):
        try:
            return sample[: max(end, 0)].decode(codec)
        except UnicodeDecodeError:
            if len(sample) < _MOST_BYTES:
                return ""
    return ""


def _best(fits: list[tuple[float, str, str]]) -> tuple[str, ...]:
    if not fits or fits[0][0] < _LEAST_FIT:
        return ()
    best, name, text = fits[0]
    # What reads the same needs no choice.
    near = [other for fit, other, read in fits[1:] if other != name and read != text and fit * _MARGIN > best]
    return (name, *near[:1])
