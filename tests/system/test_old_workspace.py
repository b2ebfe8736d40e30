"""A workspace that an earlier version has paid for opens in this one, which pays for nothing again.

`workspace_of_3a436c0.tar.xz` was made by commit 3a436c0, the last whose modules lay flat in `jobs/`: all stages, with
their expectations, of six prompts of which two have a response, asked of two teachers and a judge on the loopback
(`tests.support.paid.write_config`). Its paths are of another machine.
"""

import tarfile

import pytest
import yaml

from jobs.pipeline import STAGES
from jobs.run.run_stages import run_stages
from jobs.validation.data_docs import build_data_docs
from jobs.validation.run_suite import open_context
from schemas.calls import ATTEMPTS, REQUESTS
from tests.support.paid import ledger_usd, open_paid
from tests.support.paths import ROOT


@pytest.fixture
def old(tmp_path):
    """The folder with its configuration, its source and its workspace."""
    with tarfile.open(ROOT / "tests" / "support" / "workspace_of_3a436c0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_its_data_docs_are_built_by_modules_that_have_moved(old):
    settings = (old / "workspace" / "gx" / "great_expectations.yml").read_text()
    assert "module_name: jobs.data_docs" in settings, "it does not show what it is kept for"

    index = build_data_docs(open_context(old / "workspace"))

    pages = list(index.parent.rglob("*.html"))
    assert len(pages) > len(STAGES)
    assert "dataset" in index.read_text()
    assert "jobs.data_docs" not in (old / "workspace" / "gx" / "great_expectations.yml").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("spark", "one_partition")
def test_nothing_of_it_is_paid_for_again_and_the_data_set_is_the_same(old, provider):
    before = (old / "workspace" / "output" / "dataset.jsonl").read_bytes()
    config = old / "paid.yaml"
    sections = yaml.safe_load(config.read_text())
    sections["workspace"] = str(old / "workspace")
    sections["providers"]["test"]["base_url"] = provider.base_url
    config.write_text(yaml.safe_dump(sections))
    runtime = open_paid(config)
    paid, asked, attempts = ledger_usd(runtime), runtime.read(REQUESTS).count(), runtime.read(ATTEMPTS).count()
    assert paid > 0 and asked == 12

    done = run_stages(runtime, STAGES)

    assert {result.status for result in done} == {"done"}, "its code is another, so all stages run"
    assert provider.calls() == []
    now = open_paid(config)
    assert (ledger_usd(now), now.read(REQUESTS).count(), now.read(ATTEMPTS).count()) == (paid, asked, attempts)
    assert (old / "workspace" / "output" / "dataset.jsonl").read_bytes() == before
