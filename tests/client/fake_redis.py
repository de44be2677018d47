"""A server that speaks as much of Redis' protocol as the store of consumed keys needs, in the test's own loop."""

import asyncio
import contextlib
from collections import defaultdict

from rocketmq_ops.client.consumer.redis_store import CLAIM, DONE, SETTLE


class FakeRedis:
    """`start` and `stop` it as often as wanted: what it holds stays, and so does its port."""

    def __init__(self):
        self.data = {}
        #: ms for which each key was reserved and remembered, in turn.
        self.lasting = defaultdict(list)
        self.port = 0
        self.refuses = ""
        self._server = None
        self._writers = set()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 5)

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2].decode())
                writer.write(self._answer(words))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, words):
        if words[0].upper() != "EVAL":
            return b"+OK\r\n"
        if self.refuses:
            return b"-" + self.refuses.encode() + b"\r\n"
        script, _, key, owner, lasting = words[1:]
        found = self.data.get(key)
        if script == CLAIM:
            answer = "done" if found == DONE else "busy" if found not in (None, owner) else "mine"
            if answer == "mine":
                self.data[key] = owner
                self.lasting[key].append(int(lasting))
            return b"$%d\r\n%s\r\n" % (len(answer), answer.encode())
        assert script == SETTLE
        if found not in (None, owner):
            return b":0\r\n"
        if lasting == "0":
            self.data.pop(key, None)
        else:
            self.data[key] = DONE
            self.lasting[key].append(int(lasting))
        return b":1\r\n"
