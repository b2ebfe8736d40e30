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
# Picture, page, the heading at its top (null: the top of the page), height in pixels, dark.
PICTURES = (
    ("report", "output/report.html", None, 940, False),
    ("report_duplicates", "output/report.html", "Duplicates", 940, True),
    ("data_docs", "data_docs/index.html", None, 820, False),
)


def main(workspace: Path) -> None:
    """Write the pictures of a finished run."""
    with open_browser() as browser:
        for name, page, heading, height, dark in PICTURES:
            browser.open(address_of(workspace / page), width=1100, height=height, dark=dark)
            if heading is not None:
                of_that_name = f"[...document.querySelectorAll('h2')].find(title => title.innerText == '{heading}')"
                browser.evaluate(f"scrollBy(0, {of_that_name}.getBoundingClientRect().top - 24)")
            picture = Image.open(BytesIO(browser.picture())).convert("RGB")
            # A page has few colours; a palette halves the bytes.
            picture.quantize(200, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
