"""What a run of `mqadmin probe` takes on a large cluster: 10 brokers, 2,000 topics, 2,000 groups on all of them.

The cluster is a process that answers from prepared bytes, all brokers on one port: what is measured is the prober.
Messages are stored and do not come, so each broker's explanation is part of it. Prints wall time, CPU and memory.

    .venv/bin/python benchmarks/probe.py [--brokers 10] [--topics 2000] [--queues 1]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.large_cluster import options, serving


def main() -> None:
    given = options(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(given):
        for turn in ("first run", "second run", "third run"):
            begun = time.monotonic()
            history, file = Path(folder) / "history.sqlite", Path(folder) / "probes.yaml"
            file.write_text("probe: {wait: 300 ms, delayLevel: 0}\n")  # nothing comes: that is not waited for long
            line = [sys.executable, "-m", "rocketmq_ops.mqadmin", "probe", "-n", f"127.0.0.1:{given.port}"]
            process = subprocess.Popen(
                [*line, "--history", str(history), "--output", "nagios", "--expectations", str(file)],
                stdout=subprocess.PIPE,
            )
            assert process.stdout is not None
            first = process.stdout.read().decode().splitlines()[0].partition(" | ")[0]
            _, _, usage = os.wait4(process.pid, 0)
            process.returncode = 0
            print(
                f"{turn}: {time.monotonic() - begun:.1f} s, CPU {usage.ru_utime + usage.ru_stime:.1f} s, "
                f"memory {usage.ru_maxrss / 1024:.0f} MB; {first[:100]}"
            )


if __name__ == "__main__":
    main()
