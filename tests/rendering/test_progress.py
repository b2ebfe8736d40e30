"""What is seen while a run goes on."""

from io import StringIO

from rich.console import Console

from jobs.rendering.progress import Progress


def test_a_warning_is_printed_when_it_arises_and_not_again():
    console = Console(file=StringIO(), width=40)
    progress = Progress(console)

    for text in ("a [b] is passed over: it is empty", "another", "a [b] is passed over: it is empty"):
        progress.warn(text)

    assert console.file.getvalue() == "warning: a [b] is passed over: it is empty\nwarning: another\n"
