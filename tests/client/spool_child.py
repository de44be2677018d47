"""A process that is killed while it uses a send spool: `spool_child.py FOLDER BROKER_FILE up|down FIRST SEED`.

Its broker is a file: a send is a line appended, answered when it is there. With "down" nothing answers, and numbered
messages are sent, with "up" the spool is drained. It says a line for each message that is kept or settled.
"""

import asyncio
import os
import random
import sys

from rocketmq_ops.client import SendResult, SendSettings, SendSpool, SendStatus
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.errors import RemotingConnectError

QUEUE = MessageQueue("Orders", "broker-a", 0)


class FileProducer:
    """What a spool needs of a producer."""

    settings = SendSettings()
    started = True

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.up = True

    def check(self, message):
        pass

    async def queues(self, topic):
        if not self.up:
            raise RemotingConnectError("nobody listens")
        return [QUEUE]

    async def next_queue(self, topic, other_than=None):
        return (await self.queues(topic))[0]

    async def send(self, message, *, queue=None, timeout_ms=None):
        return await self.send_batch([message], queue=queue)

    async def send_batch(self, messages, *, queue=None, timeout_ms=None):
        offset = os.fstat(self.fd).st_size // 10
        os.write(self.fd, b"".join(b"%09d\n" % int(m.body) for m in messages))
        ids = ",".join(m.properties["UNIQ_KEY"] for m in messages)
        at = ",".join(f"{offset + i:032X}" for i in range(len(messages)))
        return SendResult(
            status=SendStatus.SEND_OK, msg_id=ids, offset_msg_id=at, queue=queue or QUEUE, queue_offset=offset
        )


async def main(folder, broker, mode, first, seed):
    chance = random.Random(seed)
    producer = FileProducer(broker)
    producer.up = mode == "up"

    def say(text):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    async with SendSpool(
        folder, producer, retry_ms=1, max_retry_ms=5, on_settled=lambda entry: say(f"settled {entry.number}")
    ) as spool:
        if mode == "up":
            await spool.drained()
        number = first
        while mode == "down":
            await spool.send(Message("Orders", b"%d" % number, properties={"pad": "x" * chance.randrange(1, 3000)}))
            say(f"kept {number}")
            number += 1
    say("done")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
