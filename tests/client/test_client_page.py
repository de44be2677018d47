"""The examples of docs/client.md that are whole programs run, with and without a cluster."""

import asyncio
import os
import re
import sys
from pathlib import Path

from client_cluster import cluster

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
PROGRAMS = dict(re.findall(r"<!-- runs: (\w+) -->\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


async def run(name, tmp_path, address):
    text = PROGRAMS[name].replace("127.0.0.1:9876", address).replace("asyncio.timeout(10)", "asyncio.timeout(0.3)")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, cwd=tmp_path, stdout=-1, stderr=-1, env=dict(os.environ)
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


def test_the_spool(tmp_path):
    async def main():
        kept = await run("spool", tmp_path, "127.0.0.1:9")
        assert kept[:11] == ["kept for later"] * 10 + ["10 messages wait for a broker"]
        async with cluster(tmp_path, Orders=4) as c:
            address = c.options.name_servers[0]
            sent = await run("spool", tmp_path, address)
            report = [line.split() for line in sent if " SENT " in line]
            assert [int(line[0]) for line in report] == list(range(1, len(report) + 1)) and len(report) >= 10
            assert sum(c.broker.store.max_offset("Orders", i) for i in range(4)) == 20

    asyncio.run(main())


def test_every_program_is_run_here():
    assert set(PROGRAMS) == {"spool"}
