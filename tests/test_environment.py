"""The set-up of `.venv` by scripts/environment.py: what is reused or installed, and what is said when it cannot be."""

from __future__ import annotations

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
        self.done: list[str] = []
        self.pip_code = 0
        (root / "pyproject.toml").write_text("[project]\n")
        for name, value in {"ROOT": root, "VENV": root / ".venv", "STAMP": root / ".venv" / "installed"}.items():
            monkeypatch.setattr(self.module, name, value)
        monkeypatch.setattr(self.module, "create_venv", self.create)
        monkeypatch.setattr(self.module.subprocess, "run", self.pip)

    def create(self) -> None:
        self.done.append("create")
        (self.module.VENV / "bin").mkdir(parents=True, exist_ok=True)
        self.module.STAMP.unlink(missing_ok=True)

    def pip(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.done.append(command[-1].removeprefix(str(self.module.ROOT)) or "plain")
        if not self.pip_code:
            (self.module.VENV / "bin" / "mqadmin").touch()
        return subprocess.CompletedProcess(command, self.pip_code)

    def prepare(self, extra: str = "") -> list[str]:
        """What one call of `prepare` did."""
        self.done.clear()
        self.module.prepare(extra)
        return list(self.done)


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


def test_changed_dependencies_make_it_anew(machine: Machine) -> None:
    machine.prepare("dev")
    (machine.module.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert machine.prepare() == ["create", "plain"]


def test_a_failed_installation_is_told_and_begun_again(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.pip_code = 1
    with pytest.raises(SystemExit) as stopped:
        machine.prepare()
    assert stopped.value.code == 1
    assert "package index" in capsys.readouterr().err
    machine.pip_code = 0
    assert machine.prepare() == ["create", "plain"]


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
    with pytest.raises(SystemExit) as stopped:
        machine.prepare()
    assert stopped.value.code == 1
    said = capsys.readouterr().err
    assert "3.11 or newer is needed; this is 3." in said and "apt install" in said
