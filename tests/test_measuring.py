"""What coverage reports and with which versions the lowest run tests: the settings that CI stands on."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MEASURED = """
import json, sys, coverage
measuring = coverage.Coverage(data_file=None, config_file=sys.argv[1])
measuring.start()
import rocketmq_ops.common.lazy, rocketmq_ops.namesrv.config
measuring.stop()
data = measuring.get_data()
print(json.dumps({file: data.has_arcs() for file in data.measured_files()}))
"""


def test_coverage_reports_the_top_level_folders_behind_the_links():
    pytest.importorskip("coverage")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    command = [sys.executable, "-c", MEASURED, str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    measured = {str(Path(file).relative_to(ROOT)): arcs for file, arcs in json.loads(done.stdout).items()}
    assert measured["common/lazy.py"] is True, "branches too"
    assert {file.split("/")[0] for file in measured} == {"common", "remoting", "store"}, (
        "not src, not what has no floor"
    )


@pytest.fixture(scope="module")
def lowest_versions():
    spec = importlib.util.spec_from_file_location("lowest_versions", ROOT / "scripts" / "lowest_versions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lowest_version_of_every_package_is_known(lowest_versions, capsys):
    assert lowest_versions.main() == 0
    pins = capsys.readouterr().out.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = [each for each in [*extras["tui"], *extras["test"]] if not each.startswith("rocketmq-ops[")]
    assert len(pins) == len(project["dependencies"]) + len(named)
    assert all("==" in pin.partition(";")[0] and "<" not in pin for pin in pins)


@pytest.mark.parametrize(
    ("requirement", "pin"),
    [
        ("a>=1", "a==1"),
        ("a-b.c >= 1.2.3, <2", "a-b.c==1.2.3"),
        ("a<2,>=1.5", "a==1.5"),
        ("a>=1; platform_system != 'Windows'", "a==1; platform_system != 'Windows'"),
    ],
)
def test_a_lower_bound_becomes_a_pin(lowest_versions, requirement, pin):
    assert lowest_versions.lowest([requirement]) == [pin]


@pytest.mark.parametrize("requirement", ["a", "a<2", "a==1"])
def test_a_package_without_a_lower_bound_is_named(lowest_versions, requirement):
    with pytest.raises(ValueError, match=f"'{requirement}' has no lower bound"):
        lowest_versions.lowest([requirement])
