"""A server on the loopback: files at addresses, data sets as the hub serves them, and faults on demand."""

import hashlib
import json
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


@dataclass
class Page:
    """A file at an address."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass
class Fault:
    """What happens once instead of the answer; a cut sends so many bytes and closes the connection."""

    page: Page | None = None
    cut_after: int | None = None


@dataclass
class Repository:
    """A data set: its commits, what its branches are, who may read it."""

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    gated_for: str | None = None
    """The token that opens it."""
    licence: str = "mit"


def commit_id(name: str) -> str:
    return hashlib.sha1(name.encode()).hexdigest()


def is_large(name: str) -> bool:
    return name.endswith((".parquet", ".gz"))


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def digest(name: str, content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if is_large(name) else git_sha1(content)


class Loopback:
    """What is served, and what was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, Page] = {}
        self.repositories: dict[str, Repository] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        """Address -> what goes wrong with the next GETs of it, in order."""
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def storage(self) -> str:
        """Large files lie elsewhere, as on the hub: another origin, for which no token is meant."""
        return f"http://localhost:{self.port}"

    def serve(self, path: str, body: bytes, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = Page(body, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'} | named)
        return self.endpoint + path

    def paths(self, method: str = "GET") -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method]

    def answer(self, path: str, token: str | None) -> Page:
        if unquote(path) in self.pages:
            return self.pages[unquote(path)]
        kind, *parts = [unquote(part) for part in path.strip("/").split("/")]
        if kind == "api" and parts[3:4] == ["revision"]:
            return self._listing("/".join(parts[1:3]), parts[4])
        if kind == "datasets":
            owner, name, _, revision, *file = parts
            return self._resolve(f"{owner}/{name}", revision, "/".join(file), token)
        if kind == "storage":
            found = {hashlib.sha256(b).hexdigest(): b for b in self._all_contents()}
            return Page(found[parts[0]], {"ETag": f'"{parts[0]}"'})
        return Page(b"no such page", status=404)

    def _all_contents(self) -> Iterator[bytes]:
        for repository in self.repositories.values():
            for files in repository.commits.values():
                yield from files.values()

    def _commit(self, repository: Repository, revision: str) -> str | None:
        commit = repository.branches.get(revision, revision)
        return commit if commit in repository.commits else None

    def _listing(self, name: str, revision: str) -> Page:
        repository = self.repositories.get(name)
        if repository is None:
            return Page(b"{}", {"X-Error-Code": "RepoNotFound"}, 401)
        commit = self._commit(repository, revision)
        if commit is None:
            return Page(b"{}", {"X-Error-Code": "RevisionNotFound"}, 404)
        siblings = []
        for file, content in repository.commits[commit].items():
            entry = {"rfilename": file, "size": len(content), "blobId": git_sha1(content)}
            if is_large(file):
                large = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
                entry["lfs"] = large
            siblings.append(entry)
        info = {"id": name, "sha": commit, "siblings": siblings, "cardData": {"license": repository.licence}}
        return Page(json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name: str, revision: str, file: str, token: str | None) -> Page:
        repository = self.repositories.get(name)
        if repository is None:
            return Page(b"{}", {"X-Error-Code": "RepoNotFound"}, 401)
        if repository.gated_for and token != f"Bearer {repository.gated_for}":
            return Page(b"{}", {"X-Error-Code": "GatedRepo"}, 403 if token else 401)
        commit = self._commit(repository, revision)
        content = repository.commits[commit or ""].get(file)
        if content is None:
            return Page(b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": str(commit)}, 404)
        headers = {"X-Repo-Commit": str(commit), "ETag": f'"{digest(file, content)}"'}
        if not is_large(file):
            return Page(content, headers)
        sha256 = digest(file, content)
        linked = {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        # The hub's other protocol, offered for every large file.
        xet = {
            "X-Xet-Hash": sha256,
            "X-Xet-Refresh-Route": f"{self.endpoint}/api/datasets/{name}/xet-read-token/{commit}",
        }
        return Page(b"", headers | linked | xet | {"Location": f"{self.storage}/storage/{sha256}"}, 302)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loopback: Loopback

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        self.loopback.asked.append((self.command, path, dict(self.headers)))
        faults = self.loopback.faults.get(path, [])
        fault = faults.pop(0) if faults and self.command == "GET" else Fault()
        page = fault.page or self.loopback.answer(path, self.headers.get("Authorization"))
        body, status, headers = page.body, page.status, dict(page.headers)
        etag = headers.get("ETag")
        if status == 200 and etag and self.headers.get("If-None-Match") == etag:
            body, status = b"", 304
        start = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
        if status == 200 and start.isdigit() and self.headers.get("If-Range", etag) == etag:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[int(start) :], 206
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body if fault.cut_after is None else body[: fault.cut_after])
        if fault.cut_after is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


@contextmanager
def loopback_server() -> Iterator[Loopback]:
    """A server on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    server.daemon_threads = True
    loopback = Loopback(server.server_address[1])
    server.RequestHandlerClass.loopback = loopback
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
