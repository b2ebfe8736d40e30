"""What text that is not UTF-8 is taken for: the encodings in which tables and chats are found."""

import random

import pytest

from jobs.sources.encodings import encoding_advice, likely_encodings, likely_wide_encoding

JAPANESE = "日本の首都はどこですか。東京です。人口は約千四百万人で、世界でも大きな都市の一つです。"
SIMPLIFIED = "法国的首都是哪里？巴黎是法国的首都，也是这个国家最大的城市。请写一篇关于它的文章。"
TRADITIONAL = "法國的首都是哪裡？巴黎是法國的首都，也是這個國家最大的城市。請寫一篇關於它的文章。"
KOREAN = "프랑스의 수도는 어디입니까? 파리는 프랑스의 수도이며 가장 큰 도시입니다. 이것에 대해 글을 쓰세요."
RUSSIAN = "Какой город является столицей Франции? Париж, столица и самый большой город страны."
GERMAN = "Was heißt „schön“ auf Französisch? Es heißt beau. Größe, Übung, ähnlich."
FRENCH = "Quelle est la capitale de la France ? Paris, la ville la plus peuplée, où l'été est agréable."


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (JAPANESE, "cp932", "SHIFT_JIS"),
        ("コンピュータのプログラムを書いてください。", "cp932", "SHIFT_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (SIMPLIFIED, "gbk", "GB18030"),
        ("什么是人工智能", "gbk", "GB18030"),
        (TRADITIONAL, "big5", "BIG5"),
        (KOREAN, "cp949", "CP949"),
        (RUSSIAN, "cp1251", "WINDOWS-1251"),
        (RUSSIAN, "koi8_r", "KOI8-R"),
        (RUSSIAN, "cp866", "CP866"),
        (GERMAN, "cp1252", "WINDOWS-1252"),
        (FRENCH, "latin1", "WINDOWS-1252"),
        (FRENCH, "mac_roman", "MACINTOSH"),
        ("¿Cuál es la ciudad más grande del país, según el último año?", "cp850", "CP850"),
        ("Warszawa jest największym miastem, które leży nad Wisłą. Źródło: książka.", "iso8859_2", "ISO-8859-2"),
        ("Fransa'nın başkenti neresidir? Paris, en büyük şehridir. Işık ve güneş.", "cp1254", "WINDOWS-1254"),
        ("Ποια είναι η πρωτεύουσα της Γαλλίας; Το Παρίσι είναι η μεγαλύτερη πόλη.", "cp1253", "WINDOWS-1253"),
        ("מהי בירת צרפת? פריז היא בירת צרפת והעיר הגדולה ביותר.", "cp1255", "WINDOWS-1255"),
        ("ما هي عاصمة فرنسا؟ باريس هي عاصمة فرنسا وأكبر مدينة فيها.", "cp1256", "WINDOWS-1256"),
        ("เมืองหลวงของฝรั่งเศสคืออะไร ปารีสเป็นเมืองหลวง", "cp874", "TIS-620"),
        ("café", "latin1", "WINDOWS-1252"),
    ],
)
def test_an_encoding_is_told_by_the_frequent_characters_of_its_languages(text, codec, name):
    record = b'{"instruction": "' + text.encode(codec) + b'"}'
    assert likely_encodings([record])[0] == name
    assert f"perhaps {name}" in encoding_advice([record])
    assert f"iconv -f {name} -t UTF-8 FILE > NEW" in encoding_advice([record])


def test_where_two_fit_both_are_named():
    czech = "Jaké město je hlavním městem České republiky? Praha je největší město v zemi, říká se."
    assert likely_encodings([czech.encode("cp1250")]) == ("WINDOWS-1250", "ISO-8859-2")


@pytest.mark.parametrize(
    "content",
    [random.Random(7).randbytes(4_000), "Thủ đô của Pháp".encode("cp1258", "ignore"), b"\xff"],
)
def test_what_fits_nothing_is_unknown_and_says_how_to_find_out(content):
    assert likely_encodings([content]) == ()
    assert "its encoding is not known" in encoding_advice([content])
    assert "iconv -f NAME -t UTF-8 FILE | head" in encoding_advice([content])


@pytest.mark.parametrize("text", [JAPANESE, SIMPLIFIED, RUSSIAN], ids=["japanese", "chinese", "russian"])
@pytest.mark.parametrize(("codec", "name"), [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE")])
def test_utf_16_without_a_mark_is_told_from_what_is_binary(text, codec, name):
    assert likely_wide_encoding(text.encode(codec)) == name


@pytest.mark.parametrize("content", [random.Random(8).randbytes(4_000), b"SQLite format 3\0" + b"\0" * 200, b""])
def test_what_is_binary_is_no_text(content):
    assert likely_wide_encoding(content) is None
