"""Where Great Expectations puts its results and the pages of the data docs: each is there as a whole, or not at all.

Its own store writes in place: a disk that fills up left empty pages where good ones had been, and half a result, which
no later run or report could read. The 4 MB of fonts and pictures that it puts beside the pages are left out:
our pages name none of them.
"""

import os
from typing import Any

from great_expectations.data_context.store.tuple_store_backend import TupleFilesystemStoreBackend

from jobs.workspace import files

_ASSETS = "static"


class WholeFiles(TupleFilesystemStoreBackend):
    """A folder of files."""

    def _set(self, key: Any, value: str | bytes, **_: Any) -> Any:
        names = key if isinstance(key, tuple) else key.to_tuple()
        place: Any = self._convert_key_to_filepath
        path = os.path.normpath(os.path.join(self.full_base_directory, place(names)))
        if names[:1] != (_ASSETS,):
            with files.open_atomic(path) as file:
                file.write(value.encode() if isinstance(value, str) else value)
        return path
