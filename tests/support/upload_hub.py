"""A hub on the loopback that takes data sets: what the hub's own client sends, kept in memory."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_write"


@dataclass
class Repository:
    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    commits: list[str] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


class Hub:
    """Repositories by name, files in large storage by sha256, and answers that come instead of the right ones."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.repositories: dict[str, Repository] = {}
        self.stored: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refusals: dict[str, int] = {}
        """Beginning of "METHOD /path" -> status of its answers."""

    def answer(self, method: str, path: str, body: bytes, token: str | None) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        for start, status in self.refusals.items():
            if f"{method} {path}".startswith(start):
                return status, {"error": "as the test wants it"}
        parts = path.strip("/").split("/")
        if parts[0] == "storage":
            return self._storage(method, parts[1], body)
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid credentials"}
        match [method, *parts]:
            case ["GET", "api", "whoami-v2"]:
                return 200, {"name": "acme", "type": "user"}
            case ["POST", "api", "validate-yaml"]:
                return 200, {"errors": [], "warnings": []}
            case ["POST", "api", "repos", "create"]:
                return self._create(json.loads(body))
            case ["GET", "api", "datasets", owner, name, *rest] if f"{owner}/{name}" in self.repositories:
                return self._read(f"{owner}/{name}", rest)
            case ["POST", "api", "datasets", owner, name, "preupload", "main"]:
                files = [file["path"] for file in json.loads(body)["files"]]
                modes = {name: "lfs" if name.endswith((".parquet", ".jsonl")) else "regular" for name in files}
                return 200, {"files": [{"path": n, "uploadMode": m, "shouldIgnore": False} for n, m in modes.items()]}
            case ["POST", "datasets", owner, name, "info", "lfs", "objects", "batch"]:
                return 200, {"transfer": "basic", "objects": [self._upload(o) for o in json.loads(body)["objects"]]}
            case ["POST", "api", "datasets", owner, name, "commit", "main"]:
                return self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
            case ["GET" | "HEAD", "datasets", owner, name, "resolve", _, *file]:
                return self._resolve(self.repositories[f"{owner}/{name}"], "/".join(file))
        return 404, {"error": f"no {method} {path}"}

    def _storage(self, method: str, oid: str, body: bytes) -> tuple[int, Any]:
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "other bytes than announced"}
        self.stored[oid] = body
        return 200, {}

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any]:
        name = f"{wanted.get('organization') or 'acme'}/{wanted['name']}"
        if not name.startswith("acme/"):
            return 403, {"error": "no rights in that namespace"}
        status = 409 if name in self.repositories else 200
        self.repositories.setdefault(name, Repository(private=wanted.get("visibility") == "private"))
        return status, {"url": f"{self.endpoint}/datasets/{name}"}

    def _read(self, name: str, rest: list[str]) -> tuple[int, Any]:
        repository = self.repositories[name]
        if rest[:1] == ["tree"]:
            return 200, [{"type": "file", "path": n, "size": len(b), "oid": ""} for n, b in repository.files.items()]
        siblings = [{"rfilename": file} for file in repository.files]
        return 200, {"id": name, "sha": repository.sha, "private": repository.private, "siblings": siblings}

    def _upload(self, wanted: dict[str, Any]) -> dict[str, Any]:
        is_known = wanted["oid"] in self.stored
        upload = {} if is_known else {"actions": {"upload": {"href": f"{self.endpoint}/storage/{wanted['oid']}"}}}
        return {"oid": wanted["oid"], "size": wanted["size"], **upload}

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        repository = self.repositories[name]
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "header":
                    if value.get("parentCommit") != repository.sha:
                        return 412, {"error": "the branch has moved"}
                    repository.commits.append(value["summary"])
                case "file":
                    repository.files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    repository.files[value["path"]] = self.stored[value["oid"]]
                case "deletedFile":
                    del repository.files[value["path"]]
        sha = repository.sha
        return 200, {"commitOid": sha, "commitUrl": f"{self.endpoint}/datasets/{name}/commit/{sha}", "success": True}

    def _resolve(self, repository: Repository, file: str) -> tuple[int, Any]:
        return (200, repository.files[file]) if file in repository.files else (404, {"error": "Entry not found"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path).replace(".git/", "/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._chunks())
        status, content = self.hub.answer(self.command, path, body, self.headers.get("Authorization"))
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if isinstance(content, bytes):
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def upload_hub() -> Iterator[Hub]:
    """A hub on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    server.daemon_threads = True
    hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass.hub = hub
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
