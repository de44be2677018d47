"""The set-up of `.venv` by scripts/environment.py: what is reused or installed, and what is said when it cannot be."""

from __future__ import annotations

import ast
import errno
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "environment.py"


class Machine:
    """The module over a scratch folder; notes what is created and installed instead of doing it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = importlib.util.spec_from_file_location("environment_under_test", SCRIPT)
        assert spec is not None and spec.loader is not None
        self.module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.root = root
        self.venv = root / ".venv"
        self.done: list[str] = []
        self.pip_ends: int | type[BaseException] = 0
        self.starts = True
        (root / "pyproject.toml").write_text("[project]\n")
        for name, value in {
            "ROOT": root,
            "VENV": self.venv,
            "ASIDE": root / ".venv-before",
            "STAMP": self.venv / "installed",
        }.items():
            monkeypatch.setattr(self.module, name, value)
        monkeypatch.setattr(self.module, "create_venv", self.create)
        monkeypatch.setattr(self.module.subprocess, "run", self.run)

    def create(self) -> None:
        self.done.append("create")
        (self.venv / "bin").mkdir(parents=True)

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if command[-1] == "--version":
            return subprocess.CompletedProcess(command, 0 if self.starts else 1)
        self.done.append(command[-1].removeprefix(str(self.root)) or "plain")
        if not isinstance(self.pip_ends, int):
            raise self.pip_ends
        if not self.pip_ends:
            (self.venv / "bin" / "mqadmin").touch()
        return subprocess.CompletedProcess(command, self.pip_ends)

    def prepare(self, extra: str = "") -> list[str]:
        """What one call of `prepare` did."""
        self.done.clear()
        assert self.module.prepare(extra) == self.venv / "bin"
        return list(self.done)

    def fails(self, extra: str = "") -> int:
        """The exit code of a call of `prepare` that fails."""
        try:
            return int(self.module.guarded(lambda: self.module.prepare(extra) and 0))
        except SystemExit as stopped:
            return int(stopped.code or 0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_the_demo_after_the_tests_leaves_their_packages(machine: Machine) -> None:
    assert machine.prepare("dev") == ["create", "[dev]"]
    assert machine.prepare() == []
    assert machine.prepare("dev") == []


def test_the_tests_after_the_demo_add_theirs(machine: Machine) -> None:
    assert machine.prepare() == ["create", "plain"]
    assert machine.prepare("dev") == ["[dev]"]
    assert machine.prepare() == []


def test_changed_dependencies_are_installed_with_the_extras_that_are_there(machine: Machine) -> None:
    machine.prepare("dev")
    (machine.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert machine.prepare() == ["[dev]"]
    assert machine.prepare() == []


def test_another_python_makes_it_anew(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.prepare("dev")
    (machine.venv / "old").touch()
    monkeypatch.setattr(sys, "version", "another")
    assert machine.prepare() == ["create", "plain"]
    assert sorted(path.name for path in machine.root.iterdir()) == [".venv", "pyproject.toml"]
    assert not (machine.venv / "old").exists()


def test_the_python_of_the_environment_is_the_one_behind_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.prepare()
    monkeypatch.setattr(sys, "executable", str(machine.venv / "bin" / "python3"))
    assert machine.prepare() == []


def test_a_failed_installation_is_told_and_begun_again(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.pip_ends = 1
    assert machine.fails() == 1
    assert "package index" in capsys.readouterr().err
    assert not machine.venv.exists()
    machine.pip_ends = 0
    assert machine.prepare() == ["create", "plain"]


@pytest.mark.parametrize("ends", ["pip fails", "nothing works", "interrupt", "no space"])
@pytest.mark.parametrize("change", ["python", "requirements", "made by hand"])
def test_an_environment_that_works_is_not_lost(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ends: str, change: str
) -> None:
    machine.prepare("dev")
    (machine.venv / "old").touch()
    if change == "python":
        monkeypatch.setattr(sys, "version", "another")
    elif change == "requirements":
        (machine.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    else:
        machine.module.STAMP.unlink()
    before = sorted(machine.venv.rglob("*"))
    machine.pip_ends = {"pip fails": 1, "interrupt": KeyboardInterrupt, "no space": OSError}.get(ends, 0)
    machine.starts = ends != "nothing works"
    assert machine.fails("dev") == (130 if ends == "interrupt" else 1)
    assert sorted(machine.venv.rglob("*")) == before
    assert not machine.module.ASIDE.exists()
    assert "Traceback" not in capsys.readouterr().err
    machine.pip_ends, machine.starts = 0, True
    assert machine.prepare("dev") == (["[dev]"] if change == "requirements" else ["create", "[dev]"])


@pytest.mark.parametrize("finished", [False, True])
def test_what_a_killed_run_left_is_settled(machine: Machine, monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    machine.prepare()
    (machine.venv / "old").touch()
    machine.venv.rename(machine.module.ASIDE)
    machine.create()
    if finished:
        machine.module.install(set())
    assert machine.prepare() == []
    assert (machine.venv / "old").exists() is not finished
    assert not machine.module.ASIDE.exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/x/.venv"), "Read-only file system: /x/.venv"),
        (PermissionError(errno.EACCES, "Permission denied", "/x/.venv"), "Permission denied: /x/.venv"),
        (subprocess.CalledProcessError(1, ["ensurepip"]), "ensurepip"),
    ],
)
def test_what_the_system_refuses_is_told(
    machine: Machine, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def refuse() -> None:
        raise error

    machine.module.create_venv = refuse
    assert machine.fails() == 1
    told = capsys.readouterr().err
    assert said in told and "The command writes in" in told


def test_an_output_that_nobody_reads_ends_the_command_without_words() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from environment import guarded\n"
        "def main():\n"
        "    while True: print('line', flush=True)\n"
        "sys.exit(guarded(main))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(SCRIPT.parent)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == (b"", 1)


def test_the_demo_takes_no_options() -> None:
    line = [sys.executable, str(SCRIPT.with_name("demo.py")), "--help"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "takes no options" in done.stderr


@pytest.mark.parametrize("script", ["demo.py", "test.py"])
def test_without_ensurepip_the_package_to_install_is_named(script: str, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('as on Debian')\n")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for source in SCRIPT.parent.glob("*.py"):
        (scripts / source.name).write_bytes(source.read_bytes())
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    line = [sys.executable, str(scripts / script)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "apt install python{}.{}-venv".format(*sys.version_info[:2]) in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_is_told_what_is_needed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine.module, "MINIMUM", (99, 0))
    monkeypatch.setattr(machine.module.shutil, "which", lambda name: None)
    assert machine.fails() == 1
    said = capsys.readouterr().err
    assert "3.11 or newer is needed; this is 3." in said and "apt install" in said


@pytest.mark.parametrize("complete", [["python3.12"], []])
def test_an_old_python_hands_over_to_one_that_can_make_environments(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, complete: list[str]
) -> None:
    """Else to the newest that runs, which says what it lacks."""

    def quiet(command: list[str]) -> bool:
        name = command[0].rpartition("/")[2]
        return name != "python3.14" and (name in complete or "ensurepip" not in command[2])

    monkeypatch.setattr(sys, "version_info", (3, 6, 15))
    monkeypatch.setattr(machine.module.shutil, "which", lambda name: f"/bin/{name}" if name >= "python3.11" else None)
    monkeypatch.setattr(machine.module, "quiet", quiet)
    taken: list[str] = []

    def execute(python: str, command: list[str]) -> None:
        assert command == [python, *sys.argv]
        taken.append(python)
        raise KeyboardInterrupt  # this process goes no further

    monkeypatch.setattr(machine.module.os, "execv", execute)
    with pytest.raises(KeyboardInterrupt):
        machine.module.require_python()
    assert taken == (["/bin/python3.12"] if complete else ["/bin/python3.30"])


def test_the_scripts_are_read_by_an_old_python() -> None:
    """Up to where they hand over to a newer one or say what is needed."""
    for name in ("demo.py", "test.py", "environment.py"):
        ast.parse((SCRIPT.parent / name).read_text(), feature_version=(3, 6))
