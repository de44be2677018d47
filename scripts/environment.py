"""Sets up `.venv` with the project and its packages; needs Python 3.11+ and a package index only.

Imported by demo.py and test.py. Standard library only, and syntax that Python 3.6 parses: it has to say what is wrong.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed"
MINIMUM = (3, 11)


def fail(message):
    """Print what is wrong and what to do, and stop with exit code 1."""
    print(message, file=sys.stderr)
    raise SystemExit(1)


def require_python():
    """Go on with this Python when it is new enough, else with the newest that is found on the PATH."""
    if sys.version_info >= MINIMUM:
        return
    for minor in range(20, MINIMUM[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            os.execv(found, [found, *sys.argv])
    fail(
        "Python 3.11 or newer is needed; this is {}.{}. Install one (Debian, Ubuntu: apt install python3.11 "
        "python3.11-venv) and run the command again.".format(*sys.version_info[:2])
    )


def fingerprint():
    """What the installed environment depends on, besides its extras."""
    text = (ROOT / "pyproject.toml").read_bytes() + f"{sys.version}|{sys.executable}|{ROOT}".encode()
    return hashlib.sha256(text).hexdigest()


def installed_extras(wanted):
    """The extras that the environment has, or None when there is no finished one for this fingerprint."""
    lines = STAMP.read_text().split("\n") if STAMP.is_file() else []
    return set(lines[1:]) if lines[:1] == [wanted] and (VENV / "bin" / "mqadmin").exists() else None


def create_venv():
    """Make an empty virtual environment, or say exactly what this system lacks for one."""
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        version = "{}.{}".format(*sys.version_info[:2])
        fail(
            "This Python has no ensurepip, as on Debian and Ubuntu without the venv package. Run\n"
            f"    apt install python{version}-venv\n"
            "(with sudo where you are not root) and then this command again."
        )
    print(f"Setting up {VENV} ...", flush=True)
    venv.EnvBuilder(clear=True, with_pip=True).create(VENV)


def prepare(extra=""):
    """Create or reuse the environment with the project and its `extra` dependencies; return its bin directory.

    One that has more than is asked for is used as it is, so that the demo leaves the tests' packages where they are.
    """
    require_python()
    wanted = fingerprint()
    extras = installed_extras(wanted)
    if extras is None:
        create_venv()
        extras = set()
    elif not extra or extra in extras:
        return VENV / "bin"
    target = str(ROOT) + (f"[{extra}]" if extra else "")
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--editable", target], check=False)
    if done.returncode:
        fail("pip could not install the packages (its message is above). Check that a package index is reachable.")
    STAMP.write_text("\n".join([wanted, *sorted({*extras, extra} - {""})]))
    return VENV / "bin"
