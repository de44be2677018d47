"""Apache RocketMQ's released parts on this machine: jars from Maven Central, compiled Java sources, JVM command lines.

Everything lands in `.interop-cache/` of the checkout, once. Nothing here starts a server (see `apache.py`). What `prepare.py`
made there before makes JVMs start in half the time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = (ROOT / ".interop-cache").resolve()  # may be a link: JVMs compare the paths of their archives
POM = Path(__file__).parent / "maven" / "pom.xml"
DRIVER_SOURCES = Path(__file__).parent / "java"
VERSIONS = ("5.3.3", "4.9.7", "5.5.0")
MIN_JDK = 17
#: PyPI's bindings of Apache's C++ client: their wheel, for x86-64, carries the client of November 2019, compiled.
CPP_CLIENT = "rocketmq==0.4.4 --hash=sha256:19a10219f5074d1050e88cdbdfed3903a374b3f83c0dd2c8773e1e93e33ad02d"

# What Apache's broker needs opened on JDK 17: it unmaps and warms its files through JDK internals.
OPENED = (
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
)
# Short-lived test JVMs: quick to start, one collector thread.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
# Else each server of Apache's makes keys and a certificate as it starts: some seconds of a core, and it varies.
NO_TLS = "-Dtls.server.mode=disabled"

LOGBACK = """<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>${user.home}/%s.log</file>
    <encoder><pattern>%%d %%p %%t - %%m%%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="file"/></root>
</configuration>
"""


class ToolchainMissingError(Exception):
    """No usable JDK or Maven: says which, and what to install."""


def require() -> None:
    """Raises `ToolchainMissingError` unless a JDK of at least 17 and Maven are on the PATH."""
    for tool, package in (("java", "a JDK 17 or newer"), ("javac", "a JDK (not a JRE)"), ("mvn", "Maven 3")):
        if shutil.which(tool) is None:
            raise ToolchainMissingError(f"no `{tool}` on the PATH: interop needs {package}")
    text = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)", text.stdout + text.stderr)
    if found is None or int(found[1]) < MIN_JDK:
        raise ToolchainMissingError(
            f"javac is {found[1] if found else 'unknown'}: interop needs a JDK {MIN_JDK} or newer"
        )


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """One process at a time fills a part of the cache."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(files: Sequence[Path]) -> str:
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(file.name.encode())
        sha.update(file.read_bytes())
    return sha.hexdigest()[:16]


def _run(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=cwd)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def jars(version: str) -> Path:
    """Folder with Apache's jars of that version and all they need; fetched by Maven the first time."""
    lib = CACHE / version / "lib"
    stamp = lib / f".complete-{_digest([POM])}"
    with _locked(version):
        if not stamp.exists():
            shutil.rmtree(lib, ignore_errors=True)
            _run(
                [
                    "mvn",
                    "-B",
                    "-q",
                    "-f",
                    str(POM),
                    f"-Drocketmq.version={version}",
                    "dependency:copy-dependencies",
                    f"-DoutputDirectory={lib}",
                ]
            )
            stamp.touch()
    return lib


def container_jar(version: str) -> Path:
    """Apache's jar of broker containers, which stands on the others; fetched by Maven the first time."""
    folder = CACHE / version / "container"
    jar = folder / f"rocketmq-container-{version}.jar"
    with _locked(version):
        if not jar.exists():
            artifact = f"-Dartifact=org.apache.rocketmq:rocketmq-container:{version}"
            _run(["mvn", "-B", "-q", "-f", str(POM), "dependency:copy", artifact, f"-DoutputDirectory={folder}"])
    return jar


def classpath(version: str, sources: Path = DRIVER_SOURCES) -> str:
    """Class path with Apache's jars and the classes of the Java files in `sources`, compiled once per content."""
    lib = jars(version)
    files = sorted(sources.glob("*.java"))
    jar = CACHE / version / f"classes-{sources.parent.name}-{_digest(files)}.jar"
    with _locked(version):
        if not jar.exists():
            classes = jar.with_suffix(".building")
            shutil.rmtree(classes, ignore_errors=True)
            options = ["-nowarn", "-proc:none", "-XDignore.symbol.file", "-encoding", "UTF-8"]
            _run(["javac", *options, "-cp", f"{lib}/*", "-d", str(classes), *map(str, files)])
            whole = classes / jar.name
            _run(["jar", "--create", "--file", str(whole), "-C", str(classes), "."])
            whole.rename(jar)
            shutil.rmtree(classes)
    return f"{lib}/*{os.pathsep}{jar}"


def class_archive(version: str) -> Path:
    """Where `prepare.py` puts the archive of the classes that JVMs of this machine load from that class path."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    loaded = hashlib.sha256("\n".join([java, *OPENED, *QUICK, classpath(version)]).encode()).hexdigest()[:16]
    return CACHE / version / f"classes-{loaded}.jsa"


@lru_cache
def _from_archive(version: str) -> tuple[str, ...]:
    """What a JVM is started with to use that archive. One that does not fit is left alone: said on stderr, not on stdout."""
    archive = class_archive(version)
    return (f"-XX:SharedArchiveFile={archive}", "-Xlog:disable", "-Xlog:all=warning:stderr") if archive.exists() else ()


def go_driver(sources: Path) -> Path:
    """The program of the Go module in `sources`, built once per content; its modules come from the module proxy."""
    digest = _digest([file for file in sources.iterdir() if file.suffix in (".go", ".mod", ".sum")])
    program = CACHE / "go" / f"driver-{digest}"
    with _locked("go"):
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            building = program.with_suffix(".building")
            _run(["go", "build", "-C", str(sources), "-mod=readonly", "-o", str(building), "."])
            building.rename(program)
    return program


def _installed(tool: str, folder: Path, install: Callable[[Path], None]) -> Path:
    """The folder that `install` has filled, once, under a name that it gets when all is in it."""
    with _locked(tool):
        if not folder.exists():
            building = folder.with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir(parents=True)
            install(building)
            building.rename(folder)
    return folder


def node_driver(sources: Path) -> Path:
    """The program in `sources` beside its packages, installed once per content; they come from the npm registry."""
    digest = _digest([file for file in sources.iterdir() if file.suffix in (".js", ".json")])
    folder = CACHE / "node" / f"driver-{digest}"

    def install(building: Path) -> None:
        for file in sources.iterdir():
            shutil.copy(file, building)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], building)

    return _installed("node", folder, install) / "driver.js"


def cpp_client() -> Path:
    """The folder with the bindings of the C++ client, to be put on a PYTHONPATH, installed once; skips other processors."""
    if platform.machine() != "x86_64":
        pytest.skip(f"the C++ client is not to be had compiled for {platform.machine()}")
    folder = CACHE / "cpp" / f"client-{hashlib.sha256(CPP_CLIENT.encode()).hexdigest()[:16]}"

    def install(building: Path) -> None:
        wanted = building / "requirements.txt"
        wanted.write_text(CPP_CLIENT)
        line = ["install", "-q", "--no-deps", "--only-binary=:all:", "--no-compile", "--require-hashes"]
        _run([sys.executable, "-m", "pip", *line, "--target", str(building), "-r", str(wanted)])

    return _installed("cpp", folder, install)


def need(tool: str, why: str) -> None:
    """Skip the test without the tool; in CI it fails."""
    if shutil.which(tool) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no `{tool}` on the PATH: {why}")
        pytest.skip(f"no `{tool}` on the PATH")


def home(version: str) -> Path:
    """A `-Drocketmq.home.dir`: 4.9.7 refuses to start without logback files in its `conf`."""
    path = CACHE / version / "home"
    with _locked(version):
        (path / "conf").mkdir(parents=True, exist_ok=True)
        for part in ("broker", "namesrv", "tools"):
            file = path / "conf" / f"logback_{part}.xml"
            if not file.exists():
                file.write_text(LOGBACK % part)
    return path


def java_command(
    version: str,
    main: str,
    args: Sequence[str],
    *,
    scratch: Path,
    heap: str = "256m",
    flags: Sequence[str] = QUICK,
    sources: Path = DRIVER_SOURCES,
    more: Sequence[Path] = (),
) -> list[str]:
    """Command line of a JVM with Apache's parts and the jars `more`; logs, local offsets and the like go below
    `scratch`.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    return [
        "java",
        f"-Xmx{heap}",
        *(_from_archive(version) if sources == DRIVER_SOURCES else ()),
        *flags,
        *OPENED,
        f"-Drocketmq.home.dir={home(version)}",
        f"-Duser.home={scratch}",
        f"-Djava.io.tmpdir={scratch}",
        f"-Drocketmq.client.localOffsetStoreDir={scratch}/offsets",
        f"-Drocketmq.client.logRoot={scratch}/clientlogs",
        "-Dfile.encoding=UTF-8",
        "-Duser.timezone=UTC",
        "-cp",
        os.pathsep.join([classpath(version, sources), *map(str, more)]),
        main,
        *args,
    ]
