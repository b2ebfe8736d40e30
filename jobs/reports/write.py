"""Write what a person reads of a run: the report, the status report, the data docs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.curation.fates import Funnel, count_fates
from jobs.reports.collect import collect_status
from jobs.reports.html_report import REPORT_FILE, render_report
from jobs.reports.project_status import render_project_status
from jobs.validation.validate import publish_data_docs
from jobs.verify.checks import Verification
from jobs.verify.file import verify_file
from jobs.verify.report import report_text
from jobs.workspace import files
from jobs.workspace.runtime import Runtime
from schemas.errors import ConfigError


@dataclass(frozen=True)
class Reports:
    """What is known of a finished run, and where it is written."""

    funnel: Funnel
    verification: Verification
    places: Mapping[str, str]
    """What each place is called -> its path, in the order in which to look at them."""

    def __str__(self) -> str:
        """The verification and the places, as the terminal shows them."""
        return "\n".join([report_text(self.verification), *self.lines()])

    def lines(self) -> list[str]:
        """One line for each place."""
        return [f"{name + ':':<15}{place}" for name, place in self.places.items()]


def write_reports(runtime: Runtime) -> Reports:
    """Verify the exported file and write all reports of it anew, from the tables and the file alone.

    Raises:
        ConfigError: nothing has been exported yet.
    """
    output = files.join(runtime.settings.workspace, "output")
    jsonl = Path(files.join(output, runtime.settings.export.file))
    if not jsonl.is_file():
        raise ConfigError(f"there is no {jsonl} to report on; `phase0 run` with the same configuration exports it")
    funnel, verification = count_fates(runtime), verify_file(jsonl)
    status = collect_status(runtime, funnel, verification)
    report, text = files.join(output, REPORT_FILE), files.join(output, "PROJECT_STATUS.md")
    files.write_text(report, render_report(status))
    files.write_text(text, render_project_status(status))
    # Last, as the data docs link a report only where there is one.
    index = publish_data_docs(runtime)
    places = {"data set": str(jsonl), "report": report, "data docs": str(index), "status report": text}
    return Reports(funnel, verification, places)
