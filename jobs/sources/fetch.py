"""Downloads: what the sources name on the hub or by address is brought here and written into the lock."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rich import filesize
from rich.console import Console

from jobs.config.settings import Settings, SourceConfig, source_of
from jobs.rendering.terminal import say
from jobs.sources.download_progress import DownloadProgress
from jobs.sources.downloads import Downloads, downloads_folder, is_offline, local_folder
from jobs.sources.hub import changes_on_hub, fetch_from_hub
from jobs.sources.lockfile import LockedSource, lock_path, not_here, read_lock, write_locked
from jobs.sources.url import changes_at_urls, fetch_from_urls
from schemas.errors import ConfigError, DataRefusedError, DownloadError, EnvironmentSetupError, Phase0Error
from udfs.printable import printable


def fetch_sources(
    settings: Settings,
    console: Console,
    names: Sequence[str] = (),
    update: Sequence[str] = (),
    *,
    benchmarks: bool = False,
) -> None:
    """Download what is missing or damaged, ask upstream whether the rest has changed, and show what is here.

    Benchmarks are fetched like sources, under the name `benchmark-NAME`; an optional one that fails is only told of.

    Args:
        settings: the configuration.
        console: where progress and the list go.
        names: sources to fetch, none: all.
        update: sources to take as they are upstream now, whatever the lock says.
        benchmarks: whether the known benchmarks come too where the configuration chooses none.

    Raises:
        ConfigError: there is no such source, data set or address, a set is gated, or it is missing and offline.
        DataRefusedError: a file is not what the lock, its checksum or the hub says; what was here is kept.
        DownloadError: a server gave not what was asked for.
    """
    known = [source.name for source in settings.downloadable]
    if unknown := sorted({*names, *update} - {*known}):
        raise ConfigError(f"no source {', '.join(unknown)}; the sources are {', '.join(known)}")
    chosen = settings.downloadable if benchmarks else settings.chosen_downloads
    here = read_lock(settings.workspace).sources
    wanted = {*names, *update} or {*(source.name for source in chosen), *(name for name in known if name in here)}
    for source in settings.downloadable:
        if source.paths and source.name in wanted:
            say(console, f"{source.name}  {', '.join(source.paths)}: named by path, nothing to fetch")
    sources = [source for source in settings.downloadable if source.name in wanted and not source.paths]
    _fetch_all(settings, sources, console, update=update, thoroughly=True)


def fetch_missing(settings: Settings, console: Console) -> None:
    """Download what is missing, and ask the network for nothing else.

    Raises:
        Phase0Error: as `fetch_sources`.
    """
    _fetch_all(settings, [source for source in settings.chosen_downloads if not source.paths], console)


def _fetch_all(
    settings: Settings,
    sources: Sequence[SourceConfig],
    console: Console,
    *,
    update: Sequence[str] = (),
    thoroughly: bool = False,
) -> None:
    """Fetch each source, and only then complain of those that failed."""
    if not sources:
        return
    progress = DownloadProgress(console)
    folder = local_folder(downloads_folder(settings.downloads, settings.workspace))
    downloads = Downloads(folder, settings.downloads, progress)
    locked = read_lock(settings.workspace).sources
    optional = {source_of(one).name for one in settings.decontaminate.wanted if one.optional}
    if is_offline(settings.downloads):
        required = [source for source in sources if source.name not in optional]
        _require_here(required, locked, folder, update, thoroughly=thoroughly)
        sources = [source for source in sources if source in required or source.name in locked]
    errors: list[Phase0Error] = []
    for source in sources:
        before = locked.get(source.name)
        keep = partial(write_locked, settings.workspace, source.name)
        try:
            after = _fetch(source, before, downloads, keep, update=source.name in update, thoroughly=thoroughly)
        except Phase0Error as error:
            failed: Phase0Error | None = error
        except OSError as error:
            failed = EnvironmentSetupError(f"{source.name}: {folder}: {error}")
        else:
            failed = None
            if after != before:
                keep(after)
            if after != before or thoroughly:
                _show(source, before, after, folder, console)
        if failed is not None and source.name in optional:
            progress.note(f"optional, and left out: {failed}", style="yellow")
        elif failed is not None:
            errors.append(failed)
    if errors:
        # One that says what the user can do comes first, and so does its exit code.
        order = (DataRefusedError, ConfigError, EnvironmentSetupError, DownloadError, Phase0Error)
        kind = next(kind for kind in order if any(isinstance(error, kind) for error in errors))
        raise kind("\n".join(str(error) for error in errors))
    if thoroughly:
        progress.note(f"locked in {lock_path(settings.workspace)}")


def _require_here(
    sources: Sequence[SourceConfig],
    locked: Mapping[str, LockedSource],
    folder: Path,
    update: Sequence[str],
    *,
    thoroughly: bool,
) -> None:
    offline = "offline (--offline, downloads.offline or HF_HUB_OFFLINE)"
    if update:
        raise ConfigError(f"{offline}: what is upstream now cannot be taken, --update {' '.join(update)}")
    found = {name: one for name, one in locked.items() if one.is_here(folder, thoroughly=thoroughly)}
    missing = [source for source in sources if source.name not in found or not found[source.name].is_whole(source)]
    if missing:
        raise ConfigError(f"{offline}, and {not_here(missing)}")


def _fetch(
    source: SourceConfig,
    before: LockedSource | None,
    downloads: Downloads,
    keep: Callable[[LockedSource], None],
    *,
    update: bool,
    thoroughly: bool,
) -> LockedSource:
    known = before if before and before.is_from(source) and not update else None
    if known and known.is_whole(source) and known.is_here(downloads.folder, thoroughly=thoroughly):
        if thoroughly and not known.is_pinned(source) and not is_offline(downloads.config):
            _require_unchanged(source, known, downloads)
        return known
    if source.hub:
        return fetch_from_hub(source, known, downloads)
    return fetch_from_urls(source, known, downloads, keep)


def _require_unchanged(source: SourceConfig, known: LockedSource, downloads: Downloads) -> None:
    try:
        changes = (changes_on_hub if source.hub else changes_at_urls)(source, known, downloads)
    except DownloadError as error:
        downloads.progress.note(f"not asked whether it has changed: {error}", style="yellow")
        return
    if changes:
        stay = f", or to stay with it for good, set revision: {known.commit}" if source.hub else ""
        raise DataRefusedError(
            f"{source.name} has changed upstream. What was fetched before is kept, and is what `phase0 run` reads:\n"
            + "\n".join(f"  {printable(change)}" for change in changes)
            + f"\nTo take what is there now: phase0 fetch --update {source.name}{stay}"
        )


def _show(
    source: SourceConfig, before: LockedSource | None, after: LockedSource, folder: Path, console: Console
) -> None:
    was = {file.name: file.sha256 for file in before.files} if before else {}
    hosts = sorted({urlsplit(file.name).netloc for file in after.files})
    origin = f"{source.hub}, revision {after.commit}" if source.hub else f"from {', '.join(hosts)}"
    lines = [f"{source.name}  {origin}"]
    for file in after.files:
        state = "here" if was.get(file.name) == file.sha256 else "fetched"
        lines += [
            f"  {printable(file.name)}  {filesize.decimal(file.size)}  {state}",
            f"    sha256 {file.sha256}",
            f"    {printable(str(folder / file.path))}",
        ]
    say(console, "\n".join(lines))
