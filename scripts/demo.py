"""Set up everything and run the main job: `python3 scripts/demo.py`. Needs Python 3.11+ and a package index.

Starts the embedded name server and broker on free ports with a scratch store; creates a topic, sends, consumes, shows
route, lag, a reset of the offset and the stored bytes; stops cleanly. What is printed is what the commands printed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environment import ROOT, fail, guarded, prepare

START_LIMIT_SECONDS = 30
#: Of what is started: Ctrl-C reaches the demo alone, which ends the rest.
APART = {"process_group": 0}


def run(binaries, namesrv, *arguments):
    """Show a mqadmin command and its output; stop the demo when it fails."""
    shown = " ".join(f"'{a}'" if " " in a else a for a in arguments)
    print(f"\n$ mqadmin {shown}", flush=True)
    environment = {**os.environ, "NAMESRV_ADDR": namesrv}
    done = subprocess.run([str(binaries / "mqadmin"), *arguments], env=environment, check=False, **APART)
    if done.returncode:
        fail(f"mqadmin {arguments[0]} failed with exit code {done.returncode}")


def wait_ready(process, ready, log):
    """The content of the ready file, once the servers have written it."""
    limit = time.monotonic() + START_LIMIT_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > limit:
            fail("The name server and broker did not start:\n" + log.read_text())
        time.sleep(0.02)
    return json.loads(ready.read_text())


def clients(binaries, namesrv, action):
    """Run a client of scripts/demo_clients.py."""
    print(f"\n$ python scripts/demo_clients.py {action}", flush=True)
    command = [str(binaries / "python"), str(ROOT / "scripts" / "demo_clients.py"), action, namesrv]
    if subprocess.run(command, check=False, **APART).returncode:
        fail(f"the {action} client failed")


def tour(binaries, address, store):
    """The main job."""
    namesrv, broker = address["namesrv"], address["broker"]
    before = str(int(time.time() * 1000))
    run(binaries, namesrv, "clusterList")
    run(binaries, namesrv, "updateTopic", "-b", broker, "-t", "Orders", "-r", "4", "-w", "4")
    clients(binaries, namesrv, "send")
    clients(binaries, namesrv, "consume")
    run(binaries, namesrv, "sendMessage", "-t", "Orders", "-p", "one more", "-c", "TagA", "-k", "order-last")
    run(binaries, namesrv, "topicRoute", "-t", "Orders", "-l")
    run(binaries, namesrv, "consumerProgress", "-g", "demo_group")
    run(binaries, namesrv, "resetOffsetByTime", "-g", "demo_group", "-t", "Orders", "-s", before)
    run(binaries, namesrv, "consumerProgress", "-g", "demo_group", "--output", "csv")
    run(binaries, namesrv, "queryMsgByKey", "-t", "Orders", "-k", "order-last")
    run(binaries, namesrv, "store", "show", str(store), "--offset", "0")
    run(binaries, namesrv, "store", "check", str(store), "--live")


def serve(binaries, scratch):
    """Start the servers in `scratch`, give the tour, stop them."""
    started = time.monotonic()
    ready, log = scratch / "ready.json", scratch / "dev.log"
    command = [str(binaries / "mqadmin"), "dev", "--namesrv-port", "0", "--broker-port", "0", "--until-stdin-ends"]
    command += ["--store-dir", str(scratch / "store"), "--ready-file", str(ready)]
    print("$ mqadmin dev --namesrv-port 0 --broker-port 0 &", flush=True)
    with log.open("wb") as output:
        # Its standard input is ours to end, be it by a signal that nobody catches.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, **APART)
    try:
        address = wait_ready(process, ready, log)
        print(f"name server {address['namesrv']}, broker {address['broker']}, after {time.monotonic() - started:.2f} s")
        tour(binaries, address, scratch / "store")
        process.terminate()
        code = process.wait(timeout=START_LIMIT_SECONDS)
        if code:
            fail(f"the servers ended with exit code {code}:\n" + log.read_text())
        print(f"\nStopped cleanly. All of this took {time.monotonic() - started:.1f} s.")
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            process.kill()
            process.wait()


def main():
    """Set up, then the tour in a scratch folder."""
    if sys.argv[1:]:
        print("demo.py takes no options: run `python3 scripts/demo.py`.", file=sys.stderr)
        return 2
    binaries = prepare("tui")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="rocketmq-ops-demo-", ignore_cleanup_errors=True) as folder:
        serve(binaries, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
