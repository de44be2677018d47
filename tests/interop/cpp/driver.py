"""Apache's C++ client, by the bindings of PyPI's `rocketmq`, whose wheel carries the compiled library.

    driver.py features NAMESRV PREFIX ACCESS SECRET    what came of all that it can
    driver.py online NAMESRV TOPIC GROUP               sends one message, consumes until it is killed, says so

NAMESRV is HOST:PORT, or an `http://` address to ask for it. The unpacked wheel is on the PYTHONPATH; every topic has one queue.
It sends no transactions: neither the bindings nor the C functions that the library exports have a producer for them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rocketmq.client import Message, Producer, PullConsumer, PushConsumer, RecvMessage

LIMIT_SECONDS = 60
LARGE = "0123456789abcdef" * 4096  # the client compresses it
SUCCESS, LATER = 0, 1


def message(topic: str, body: str, tags: str = "", keys: str = "", **properties: str) -> Any:
    made = Message(topic)
    made.set_body(body)
    if tags:
        made.set_tags(tags)
    if keys:
        made.set_keys(keys)
    for name, value in properties.items():
        made.set_property(name, value)
    return made


def text(received: Any) -> str:
    return str(received.body.decode())


class Client:
    """Producers and consumers that are connected alike, and what came of them."""

    def __init__(self, namesrv: str, access: str = "", secret: str = "") -> None:
        self._namesrv, self._access, self._secret = namesrv, access, secret
        self.got: dict[str, list[str]] = {}
        self._news = threading.Condition()
        self.running: list[Any] = []

    def start(self, client: Any) -> Any:
        set_address = client.set_namesrv_domain if self._namesrv.startswith("http:") else client.set_namesrv_addr
        set_address(self._namesrv)
        if self._access:
            client.set_session_credentials(self._access, self._secret, "ALIYUN")
        client.start()
        self.running.append(client)
        return client

    def add(self, kind: str, what: str) -> None:
        with self._news:
            self.got.setdefault(kind, []).append(what)
            self._news.notify_all()

    def wait_for(self, **counts: int) -> None:
        def all_there() -> bool:
            return all(len(self.got.get(kind, ())) >= count for kind, count in counts.items())

        with self._news:
            self._news.wait_for(all_there, LIMIT_SECONDS)

    def consume(
        self, topic: str, group: str, listener: Callable[[Any], int], expression: str = "*", *, orderly: bool = False
    ) -> None:
        """With a callback of our own: that of `subscribe` says that a message which it failed on was consumed."""
        consumer = PushConsumer(group, orderly)
        consumer.subscribe(topic, None, expression)
        consumer._register_callback(lambda _, received: listener(RecvMessage(received)))
        consumer.set_instance_name(group)
        self.start(consumer)

    def shutdown(self) -> None:
        for client in reversed(self.running):
            client.shutdown()


def features(client: Client, prefix: str) -> dict[str, list[str]]:
    producer = client.start(Producer(f"{prefix}producer", timeout=10_000))
    tagged, ordered, plain, batch = (f"{prefix}{kind}" for kind in ("Tags", "Ordered", "Later", "Batch"))
    for number in range(6):
        sent = message(tagged, f"m{number}", "abc"[number % 3], f"k{number}", region="华东")
        assert producer.send_sync(sent).status == 0
    producer.send_sync(message(tagged, LARGE, "b"))
    producer.send_oneway(message(tagged, "oneway", "a"))
    producer.send_async(
        message(tagged, "async", "a"), lambda result: client.add("Async", str(int(result.status))), None
    )
    for number in range(10):
        producer.send_orderly(message(ordered, f"{number}"), 1)
    began = time.time()
    producer.send_sync(message(plain, "again"))
    producer.send_batch([message(batch, f"b{number}") for number in range(3)])

    def on_tagged(m: Any) -> int:
        keys, region = ((each or b"").decode() for each in (m.keys, m.get_property("region")))
        client.add("Tags", f"{text(m)[:8]} {len(m.body)} {m.tags.decode()} {keys} {region}".rstrip())
        return SUCCESS

    def on_ordered(m: Any) -> int:
        client.add("Ordered", text(m))
        return SUCCESS

    def on_plain(m: Any) -> int:
        client.add("Later", f"{text(m)} {m.reconsume_times} {time.time() - began >= 1}")
        return LATER if text(m) == "again" and not m.reconsume_times else SUCCESS

    def on_batch(m: Any) -> int:
        client.add("Batch", str(len(m.body)))
        return SUCCESS

    client.consume(batch, f"{prefix}batch_group", on_batch)
    client.consume(tagged, f"{prefix}tagged_group", on_tagged, "a || b")
    client.consume(ordered, f"{prefix}ordered_group", on_ordered, orderly=True)
    client.consume(plain, f"{prefix}later_group", on_plain)
    # Not before: of messages that come together, the client sends all back where one is refused.
    client.wait_for(Later=1)
    late = message(plain, "level")
    late.set_delay_time_level(1)
    began = time.time()
    producer.send_sync(late)
    client.wait_for(Tags=7, Async=1, Ordered=10, Later=3, Batch=1)
    puller = client.start(PullConsumer(f"{prefix}puller"))
    client.got["Pulled"] = [text(m) for m in puller.pull(ordered)]
    client.got["Later"] = [each for each in client.got["Later"] if not each.startswith("again 0")]
    return {kind: got if kind in ("Ordered", "Pulled") else sorted(got) for kind, got in client.got.items()}


def online(client: Client, topic: str, group: str) -> None:
    producer = client.start(Producer("cpp_producer", timeout=10_000))
    producer.send_sync(message(topic, "m0"))
    seen: Counter[str] = Counter()

    def listener(m: Any) -> int:
        seen[m.id] += 1
        print("online" if seen[m.id] == 1 else "again", flush=True)
        return SUCCESS

    client.consume(topic, group, listener)
    sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "features":
        namesrv, prefix, *credentials = sys.argv[2:]
        client = Client(namesrv, *credentials)
        result = features(client, prefix)
        client.shutdown()
        print(json.dumps({"result": result}), flush=True)
    else:
        online(Client(sys.argv[2]), *sys.argv[3:])
    os._exit(0)  # destructors of the library may wait for its threads
