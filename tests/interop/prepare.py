"""Fetches and compiles beforehand what interop needs: `python -m tests.interop.prepare`.

The tests do so themselves where it is missing. What they do not make is an archive of the classes that Apache's servers and
clients load, for each version: with it their JVMs start in half the time.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.interop import toolchain
from tests.interop.apache import TEST_SETTINGS, broker_settings, name_server_settings
from tests.interop.ours import write_config
from tests.interop.processes import BROKER_PORTS, free_port


def make_archive(version: str) -> None:
    """One JVM with all that the tests start in several writes down what it has loaded, as it ends."""
    archive = toolchain.class_archive(version)
    if archive.exists():
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        port = free_port()
        address = f"127.0.0.1:{port}"
        namesrv = write_config(folder / "namesrv.conf", name_server_settings(port, folder))
        settings = broker_settings(free_port(BROKER_PORTS), address, folder / "store") | TEST_SETTINGS
        broker = write_config(folder / "broker.conf", settings)
        written = archive.with_suffix(".building")
        flags = (*toolchain.QUICK, toolchain.NO_TLS, f"-XX:ArchiveClassesAtExit={written}")
        command = toolchain.java_command(
            version, "Training", [str(namesrv), str(broker), address], scratch=folder, heap="512m", flags=flags
        )
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        if done.returncode == 0 and written.exists():
            written.rename(archive)
        else:  # the tests are as good without
            print(f"no archive of {version}'s classes: the JVM ended with {done.returncode}\n{done.stderr}")


if __name__ == "__main__":
    toolchain.require()
    for version in toolchain.VERSIONS:
        toolchain.classpath(version)
    toolchain.container_jar("5.3.3")
    here = Path(__file__).parent
    if shutil.which("go"):
        toolchain.go_driver(here / "go")
    if shutil.which("npm"):
        toolchain.node_driver(here / "node")
    if platform.machine() == "x86_64":
        toolchain.cpp_client()
    for version in toolchain.VERSIONS:
        make_archive(version)
