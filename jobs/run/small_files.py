"""What a local session is spared where the sources are small: compilation above all, which pays for itself later."""

from jobs.config.settings import Settings
from jobs.sources.listing import list_local
from jobs.workspace.quick_start import JAVA_OPTIONS, QUICK_COMPILER
from jobs.workspace.session import THROUGH_DRIVER

_SHORT_RUN = f"{QUICK_COMPILER} -XX:+UseSerialGC -XX:MetaspaceSize=256m -XX:NewSize=256m"
"""Nor is garbage collected while classes are loaded."""
_SMALL = {
    # Nor is a program written and compiled for each query: 416 records cost 55 instead of 63 seconds of CPU.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    THROUGH_DRIVER: "true",
}
_SHORT_BYTES, _QUICK_BYTES = 5_000_000, 150_000_000
"""Of all source files together: up to there a run is over before optimised code has paid for its compilation."""


def for_small_files(settings: Settings) -> Settings:
    """The same settings, with fewer things compiled where the sources are not large and on this machine.

    Forty thousand rows of 1.4 KB cost 160 instead of 225 seconds of CPU with Java's quick compiler alone: Java mostly
    hands texts on, and what it gains by optimised code is less than half of what the optimising takes.
    """
    if JAVA_OPTIONS in settings.spark.conf or not all(source.paths for source in settings.sources):
        return settings
    listed = [list_local(source.paths) for source in settings.sources]
    total = sum(file.size for listing in listed if listing is not None for file in listing.files)
    if None in listed or total > _QUICK_BYTES:
        return settings
    is_short = total <= _SHORT_BYTES
    java = _SHORT_RUN if is_short else QUICK_COMPILER
    conf = {**(_SMALL if is_short else {}), **settings.spark.conf, JAVA_OPTIONS: java}
    return settings.model_copy(update={"spark": settings.spark.model_copy(update={"conf": conf})})
