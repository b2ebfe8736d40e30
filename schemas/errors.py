"""Every error a user can meet; each message says what to do next."""


class Phase0Error(Exception):
    """Root of all errors with a message meant for the user. The CLI prints it without a traceback."""

    exit_code = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the message, as on a terminal."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(Phase0Error):
    """The configuration, a path or an option is wrong; lists every fault found, not only the first."""


class EnvironmentSetupError(Phase0Error):
    """Java, Python or a package is missing or of a wrong version."""


class SchemaMismatchError(Phase0Error):
    """A DataFrame or a stored table lacks a column, or has it with another type."""


class MissingTableError(Phase0Error):
    """A stage reads a table that no stage has written yet."""


class DamagedTableError(Phase0Error):
    """The files of a table cannot be read; says which table, and how to get it back."""

    exit_code = 1


class SparkJobError(Phase0Error):
    """A job of Spark failed; says why in one line."""

    exit_code = 1


class SourceFormatError(Phase0Error):
    """A source file is not in the format it was said to be in."""


class DownloadError(Phase0Error):
    """A server did not give what was asked for: out of reach, busy, or cut too often. It may at another time."""

    exit_code = 3


class DataRefusedError(Phase0Error):
    """The data does not pass a gate: refused records, a critical expectation, a checksum, a change upstream."""

    exit_code = 1


class ProviderError(Phase0Error):
    """A model's provider cannot be reached or refuses to answer; what was paid until then is kept."""

    exit_code = 3


class UploadError(Phase0Error):
    """A server did not take what was sent: out of reach, or busy. It may at another time."""

    exit_code = 3


class WorkspaceBusyError(Phase0Error):
    """Another run holds the lease of the workspace."""

    exit_code = 3


class StoppedError(Phase0Error):
    """The run ended before its work was done: budget, provider or Ctrl-C. What was paid is kept; it can be resumed."""

    exit_code = 3
