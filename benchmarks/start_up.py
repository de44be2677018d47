"""What a command costs before and after its request: CPU time of whole processes, beside Python with what all of them need.

    python benchmarks/start_up.py [--runs 20]

The commands ask a name server and a broker of ours. Each is run `--runs` times, in turn with the others, and the least
CPU time (user and system) of each counts: it is what other work on the machine disturbs least. The last column is the
ratio to `python -c 'import asyncio, msgspec'`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASE = ("python -c 'import asyncio, msgspec'", [sys.executable, "-c", "import asyncio, msgspec"])
MQADMIN = str(Path(sys.executable).with_name("mqadmin"))
TOPIC = "TBW102"  # every broker has it


def cpu_ms(argv: list[str]) -> float:
    """The CPU time in ms of one process and of the children it waited for. Raises RuntimeError when it fails."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv} ended with {process.returncode}: {said}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def command_lines(namesrv: str) -> dict[str, list[str]]:
    """What is measured, the base first."""
    ask = ["-n", namesrv]
    return dict([BASE]) | {
        "python -c pass": [sys.executable, "-c", "pass"],
        "mqadmin help": [MQADMIN, "help"],
        "mqadmin topicRoute --help": [MQADMIN, "topicRoute", "--help"],
        "completion of an option": [MQADMIN, "__complete", "bash", "topicRoute", *ask, "--"],
        "completion of a topic": [MQADMIN, "__complete", "bash", "topicRoute", *ask, "-t", ""],
        "mqadmin topicRoute": [MQADMIN, "topicRoute", "-t", TOPIC, *ask],
        "mqadmin topicRoute --list": [MQADMIN, "topicRoute", "-t", TOPIC, "--list", *ask],
        "mqadmin clusterList": [MQADMIN, "clusterList", *ask],
    }


def measure(lines: dict[str, list[str]], runs: int) -> dict[str, float]:
    """The least CPU time of each in ms. One run of each goes before, so that its bytecode is cached."""
    least = {name: cpu_ms(argv) for name, argv in lines.items()}
    for _ in range(runs):
        for name, argv in lines.items():
            least[name] = min(least[name], cpu_ms(argv))
    return least


def main() -> int:
    """Run and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=20)
    runs = arguments.parse_args().runs
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's commands keep their bytecode
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("PYTHONPYCACHEPREFIX", f"{scratch}/pycache")
        ready = Path(scratch, "ready.json")
        dev = [MQADMIN, "dev", "--namesrv-port", "0", "--ready-file", str(ready), "--until-stdin-ends"]
        server = subprocess.Popen(dev, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            while not ready.exists():
                if server.poll() is not None:
                    return 1
                time.sleep(0.05)
            namesrv = json.loads(ready.read_text())["namesrv"]
            least = measure(command_lines(namesrv), runs)
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
    print("| process | CPU ms | ratio |\n|---|---:|---:|")
    for name, spent in least.items():
        print(f"| `{name}` | {spent:.1f} | {spent / least[BASE[0]]:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
