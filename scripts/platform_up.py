"""Starts `greffe up` on a free port with a data folder of its own, for scripts that play on it."""

import contextlib
import hashlib
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READY_SECONDS = 120
STOP_SECONDS = 60
REPO = Path(__file__).resolve().parent.parent
REQUIREMENTS = REPO / "scripts" / "requirements-python.txt"
VENV = REPO / ".tools" / "venv-py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def platform(greffe: str, **environment: str):
    """Yields what a client needs, as environment variables; stops the platform by its pid."""
    with tempfile.TemporaryDirectory(prefix="greffe-") as folder:
        address = environment.pop("GREFFE_LISTEN", None) or f"127.0.0.1:{free_port()}"
        password = secrets.token_urlsafe(18)
        server = {
            **os.environ,
            "GREFFE_LISTEN": address,
            "GREFFE_DATA_DIR": str(Path(folder) / "data"),
            "GREFFE_ADMIN_PASSWORD": password,
            **environment,
        }
        # Its own servers, whatever the shell has set.
        for name in ("DATABASE_URL", "NATS_URL", "GREFFE_CONFIG"):
            server.pop(name, None)
        log_path = Path(folder) / "greffe.log"
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                [greffe, "up"],
                env=server,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_until_ready(process, log_path)
                client = {
                    "GREFFE_URL": f"http://{address}",
                    "GREFFE_ADMIN_PASSWORD": password,
                    "GREFFE_DATA_DIR": server["GREFFE_DATA_DIR"],
                    # Scripts may call `greffe simulate` and the like on the same platform.
                    "GREFFE_BIN": str(Path(greffe).resolve()),
                }
                yield {**os.environ, **client}
            finally:
                stop(process)


def wait_until_ready(process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    seen = b""
    while time.monotonic() < deadline:
        if selector.select(timeout=1):
            chunk = os.read(process.stdout.fileno(), 65536)
            seen += chunk
            if any(line.startswith(b"ready: ") for line in seen.splitlines()):
                # What it prints from here on is not read; the pipe must not fill up.
                drain(process)
                return
            if not chunk:
                break
    said = log.read_text(errors="replace")[-4000:]
    raise SystemExit(f"greffe up did not become ready:\n{said}")


def drain(process: subprocess.Popen) -> None:
    subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(command: list, **options) -> str:
    """What the command prints; ends with what it said if it fails."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def python_with_nats() -> str:
    """The interpreter of a virtual environment that holds exactly the requirements."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = VENV / ".greffe-installed"
    interpreter = str(VENV / "bin" / "python")
    if not (stamp.is_file() and stamp.read_text() == digest):
        VENV.parent.mkdir(exist_ok=True)
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--no-input", "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS)])
        stamp.write_text(digest)
    return interpreter


def create_user(environment: dict, username: str, level: str) -> None:
    """An account with the password of `admin`."""
    command = [environment["GREFFE_BIN"], "user", "create", "--username", username, "--level", level]
    password = environment["GREFFE_ADMIN_PASSWORD"]
    run([*command, "--password-stdin"], env=environment, input=password)


def service_account(environment: dict, owner: str, *scopes: str, name: str = "support") -> dict:
    """A service account: what its program needs, as environment variables."""
    command = [environment["GREFFE_BIN"], "service-account", "create", "--name", name]
    scope_options = [word for scope in scopes for word in ("--scope", scope)]
    key = run([*command, "--owner", owner, *scope_options], env=environment).strip()
    endpoints = json.loads((Path(environment["GREFFE_DATA_DIR"]) / "endpoints.json").read_text())
    return {"NATS_URL": endpoints["nats"], "GREFFE_SERVICE": name, "GREFFE_KEY": key}
