"""Texts about clients' routes and connections."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import LOAD, ROUTE, Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "no-route",
        "DefaultMQProducerImpl",
        ("No route info of this topic",),
        "the name server has no route of the topic: no broker holds it, the brokers are not registered with this name "
        "server, or the client asks another name server; or it has one without a master: only slaves of its brokers "
        "are up",
        "check the name and the client's name server address; start the masters, or promote a slave; create the topic, "
        "or set autoCreateTopicEnable on the broker for tests",
        ROUTE,
    ),
    Known(
        "no-route-for-topic",
        "DefaultMQProducerImpl",
        ("No route info for this topic", "No topic route info in name server for the topic"),
        "the name server has no route of the topic",
        "check the name; see that the brokers of the topic are registered with this name server, then create the topic",
        ROUTE,
    ),
    Known(
        "no-queue",
        "MQAdminImpl",
        ("Can not find Message Queue for this topic",),
        "the route of the topic has no readable or writable queue: its permission or queue numbers exclude them",
        "check the permission and the queue numbers of the topic on each broker",
        ("topicRoute -t TOPIC -l",),
    ),
    Known(
        "no-name-server",
        "DefaultMQProducerImpl",
        ("No name server address, please set it.",),
        "the client was started without the address of a name server",
        "set namesrvAddr, -Drocketmq.namesrv.addr or NAMESRV_ADDR of the client",
    ),
    Known(
        "connect-failed",
        "RemotingConnectException",
        ("connect to … failed",),
        "no TCP connection to that address: nothing listens there, a firewall or NAT is between, or the broker "
        "registered an address (brokerIP1) that the client cannot reach; `connect to null failed` means that no name "
        "server address is known",
        "connect to the address from the client's machine; in containers set brokerIP1 to an address clients reach; "
        "open the port, and the port minus 2 where clients use the VIP channel",
        ("clusterList", "topicRoute -t TOPIC"),
    ),
    Known(
        "wait-response",
        "RemotingTimeoutException",
        ("wait response on the channel <…> timeout",),
        "the server accepted the request and did not answer in time: it is overloaded, pauses for garbage collection, "
        "or the network loses packets",
        "look at the server's load and GC log; raise the timeout only when the server is healthy",
        LOAD,
    ),
    Known(
        "send-request-failed",
        "RemotingSendRequestException",
        ("send request to <…> failed",),
        "the connection was closed while the request was written: the server stopped, or refuses plain text or TLS",
        "see whether the server restarted at that time, and whether both sides agree on TLS",
        ("clusterList",),
    ),
    Known(
        "send-timeout",
        "DefaultMQProducerImpl",
        ("sendDefaultImpl call timeout",),
        "sending took longer than sendMsgTimeout (3 s), all attempts together: the first connection or route request "
        "is slow, the broker address is not reachable from the client, or the broker is overloaded",
        "see that the address in the route is reachable from the client (brokerIP1 in containers), then look at the "
        "broker's load; a longer sendMsgTimeout helps only where the first connection is slow",
        ("topicRoute -t TOPIC", "checkMsgSendRT -t TOPIC -a 20", "brokerStatus -b HOST:PORT"),
    ),
    Known(
        "kernel-timeout",
        "DefaultMQProducerImpl",
        ("sendKernelImpl call timeout", "sendSelectImpl call timeout", "sendMessage call timeout"),
        "the time of sendMsgTimeout was used up before the request was sent, by finding the route or by an attempt "
        "before it",
        "look at the load of the broker and the time to connect; raise sendMsgTimeout to fit several attempts",
        ("checkMsgSendRT -t TOPIC -a 20", "clusterRT"),
    ),
    Known(
        "async-timeout",
        "DefaultMQProducerImpl",
        ("DEFAULT ASYNC send call timeout",),
        "an asynchronous send waited longer than its timeout in the producer's own queue of tasks",
        "send at a lower rate, or give the producer more threads for asynchronous sends",
        ("checkMsgSendRT -t TOPIC -a 20",),
    ),
    Known(
        "send-failed",
        "DefaultMQProducerImpl",
        ("times, still failed, cost [",),
        "every attempt of a send failed; BrokersSent lists the brokers that were tried",
        "the exception after `Caused by` is the reason: explain that text; see that the brokers listed are reachable",
        ("topicRoute -t TOPIC", "clusterList"),
    ),
    Known(
        "unmatched-response",
        "NettyRemotingAbstract",
        ("but not matched any request",),
        "an answer came after its request had timed out: the server or the network is slower than the timeout",
        "find the request that timed out (`wait response on the channel`) at that time; look at the server's load",
        LOAD,
    ),
    Known(
        "request-timed-out",
        "NettyRemotingAbstract",
        ("remove timeout request",),
        "a request got no answer within its timeout and is given up",
        "look at the load of the server that was asked, and at the network between",
        LOAD,
    ),
    Known(
        "semaphore",
        "NettyRemotingAbstract",
        ("invokeAsyncImpl tryAcquire semaphore timeout", "invokeOnewayImpl tryAcquire semaphore timeout"),
        "more asynchronous or one-way requests wait for answers than the client allows at once",
        "send at a lower rate; find why answers are slow; the limits are the system properties "
        "com.rocketmq.remoting.clientAsyncSemaphoreValue and clientOnewaySemaphoreValue",
        LOAD,
    ),
    Known(
        "invoke-too-fast",
        "NettyRemotingAbstract",
        ("invokeAsyncImpl invoke too fast", "invokeOnewayImpl invoke too fast"),
        "the client has as many requests under way as it may, and none may wait",
        "send at a lower rate, or find why answers are slow",
        LOAD,
    ),
    Known(
        "heartbeat-failed",
        "MQClientInstance",
        ("send heart beat to broker[…] failed", "send heart beat to broker[…] exception, because the broker not up"),
        "the client could not send its heartbeat to a broker; `because the broker not up, forget it` is normal for a "
        "broker that was stopped for good",
        "where the broker runs: check that its address is reachable from the client",
        ("clusterList",),
    ),
    Known(
        "thread-pool-busy",
        "NettyRemotingAbstract",
        ("too many requests and system thread pool busy",),
        "the queue of requests of one kind is full on the server",
        "look which queue is long (`[WATERMARK]` in the broker's log), and at the disk; send or pull at a lower rate",
        LOAD,
    ),
)
