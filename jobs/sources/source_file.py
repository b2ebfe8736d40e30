"""One file of a source, and how it is read."""

from dataclasses import dataclass

from udfs.containers import Container
from udfs.reading import FileOptions


@dataclass(frozen=True)
class SourceFile:
    """One file, and how it is to be read."""

    path: str
    size: int
    modified: str
    container: Container
    options: FileOptions
    is_message_rows: bool = False
    """Rows are single messages (OpenAssistant), to be joined into trees."""
    is_here: bool = True
    """On this machine, where tasks open it as well."""
    is_split: bool = False
    """Spark reads it, a part in each task; else one task reads it whole."""
    fault: str | None = None
    """Why nothing of it can be used, as far as its first records tell; what is refused of it is counted."""
