"""Sets up `.venv` with the project and its packages; needs Python 3.11+ and a package index only.

Imported by demo.py and test.py. Standard library of Python 3.6 only, and syntax that it parses: it has to say what is
wrong.

An environment that works is not lost to one that does not come to be: one of the same interpreter is brought up to
date in place, one of another is put aside, and comes back unless the new one works. (Making the new one beside it and
renaming it would not do: its scripts hold its path.)
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
ASIDE = ROOT / ".venv-before"
STAMP = VENV / "installed"
MINIMUM = (3, 11)
INTERRUPTED = 130


def fail(message):
    """Print what is wrong and what to do, and stop with exit code 1."""
    print(message, file=sys.stderr, flush=True)
    raise SystemExit(1)


def guarded(main):
    """Run `main`; an interrupt and what the system refuses end it with a sentence in place of a stack trace."""
    try:
        return main()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr, flush=True)
        return INTERRUPTED
    except BrokenPipeError:  # of `| head`: nobody reads any more, also not what Python would flush at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        cause = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    except subprocess.SubprocessError as error:
        cause = str(error)
    return fail(
        f"{cause}\nThe command writes in {ROOT} when it sets up, and in the folder for temporary files. See that it "
        "may, and that there is room; or copy the checkout to where it may. Then run it again."
    )


def require_python():
    """Go on with this Python when it is new enough, else with the newest that is found on the PATH."""
    if sys.version_info >= MINIMUM:
        return
    found = [shutil.which(f"python3.{minor}") for minor in range(30, MINIMUM[1] - 1, -1)]
    # One that can make environments rather than one that is newer.
    for modules in ("ensurepip, venv", "sys"):
        for python in filter(None, found):
            if quiet([python, "-c", f"import {modules}"]):
                sys.stdout.flush()
                os.execv(python, [python, *sys.argv])
    fail(
        "Python 3.11 or newer is needed; this is {}.{}. Install one (Debian, Ubuntu: apt install python3.11 "
        "python3.11-venv) and run the command again.".format(*sys.version_info[:2])
    )


@contextlib.contextmanager
def scratch_folder():
    """A folder for the temporary files of what is started meanwhile: an interrupt does not let it clean up."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="rocketmq-ops-setup-") as folder:
        os.environ["TMPDIR"] = folder
        try:
            yield
        finally:
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before


def quiet(command):
    """True when the command ends with exit code 0; what it prints is dropped. (`capture_output` is of Python 3.7.)"""
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return False
    return done.returncode == 0


def interpreter():
    """What makes two environments of this checkout interchangeable: the Python behind any environment, and the path."""
    base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    return hashlib.sha256(f"{sys.version}|{base}|{ROOT}".encode()).hexdigest()


def requirements():
    """What the packages depend on, besides the extras."""
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def installed():
    """(interpreter, requirements, extras) of the finished environment; empty when there is none."""
    if not STAMP.is_file() or not (VENV / "bin" / "mqadmin").exists():
        return "", "", set()
    python, required, extras, *_ = [*STAMP.read_text().split("\n"), "", ""]
    return python, required, set(extras.split())


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
    venv.EnvBuilder(symlinks=True, with_pip=True).create(str(VENV))


def install(extras):
    """Install the project with `extras` into the environment, and note that it works."""
    target = str(ROOT) + ("[{}]".format(",".join(sorted(extras))) if extras else "")
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, "--editable", target], check=False).returncode:
        fail("pip could not install the packages (its message is above). Check that a package index is reachable.")
    if not quiet([str(VENV / "bin" / "mqadmin"), "--version"]):
        fail(f"The packages are installed, but {VENV / 'bin' / 'mqadmin'} does not start: run it to see why.")
    STAMP.write_text("\n".join([interpreter(), requirements(), " ".join(sorted(extras))]))


def replace(extras):
    """Make the environment anew; the one that was there comes back when that fails, or stops half-way."""
    if VENV.exists() or VENV.is_symlink():
        VENV.rename(ASIDE)
    try:
        create_venv()
        install(extras)
    except BaseException:
        put_back()
        raise
    remove(ASIDE)


def put_back():
    """Have what was put aside in the place of what is there; without the former, nothing."""
    remove(VENV)
    if ASIDE.exists() or ASIDE.is_symlink():
        ASIDE.rename(VENV)
        print(f"{VENV} is the one that was there before.", file=sys.stderr, flush=True)


def settle():
    """End what a run that was killed has left half-way."""
    if not (ASIDE.exists() or ASIDE.is_symlink()):
        return
    if STAMP.is_file():
        remove(ASIDE)
    else:
        put_back()


def remove(path):
    """Remove a folder or a link, as far as it is there."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(str(path))


def prepare(extra=""):
    """Create or reuse the environment with the project and its `extra` dependencies; return its bin directory.

    One that has more than is asked for is used as it is, so that the demo leaves the tests' packages where they are.
    """
    require_python()
    settle()
    wanted = {extra} - {""}
    python, required, extras = installed()
    if python != interpreter():
        with scratch_folder():
            replace(wanted)
    elif required != requirements() or not wanted <= extras:
        with scratch_folder():
            install(wanted | extras)
    return VENV / "bin"
