"""Take the pictures of the README.

`python -m tests.support.screenshots workspaces/demo` after `phase0 run --config demo`
"""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.support.chromium import address_of, open_browser
from tests.support.paths import ROOT

IMAGES = ROOT / "docs" / "images"
# Picture, page, the heading at its top (null: the top of the page), the element that ends it, dark.
PICTURES = (
    ("report", "output/report.html", None, "section:nth-of-type(2) > :last-child", False),
    ("report_duplicates", "output/report.html", "Duplicates", "article:nth-of-type(2)", True),
    ("data_docs", "data_docs/index.html", None, "details", False),
)
_MARGIN, _TALLEST = 12, 4_000


def main(workspace: Path) -> None:
    """Write the pictures of a finished run."""
    with open_browser() as browser:
        for name, page, heading, end, dark in PICTURES:
            browser.open(address_of(workspace / page), width=1100, height=_TALLEST, dark=dark)
            of_that_name = f"[...document.querySelectorAll('h2')].find(title => title.innerText == '{heading}')"
            within = "document" if heading is None else f"{of_that_name}.parentElement"
            top = 0 if heading is None else browser.evaluate(f"{of_that_name}.getBoundingClientRect().top") - _MARGIN
            bottom = browser.evaluate(f"{within}.querySelector('{end}').getBoundingClientRect().bottom") + _MARGIN
            page_of_all = Image.open(BytesIO(browser.picture())).convert("RGB")
            picture = page_of_all.crop((0, int(top), page_of_all.width, min(int(bottom), page_of_all.height)))
            # A page has few colours; a palette halves the bytes.
            picture.quantize(200, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
