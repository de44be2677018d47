"""Texts about permissions and accounts."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "sending-forbidden",
        "SendMessageProcessor",
        ("the broker[…] sending message is forbidden", "the topic[…] sending message is forbidden"),
        "the permission of the broker (brokerPermission) or of the topic on it does not allow writing",
        "see who took the permission away (wipeWritePerm, updateTopicPerm, a switch of masters), and give it back",
        ("topicRoute -t TOPIC -l", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "pulling-forbidden",
        "PullMessageProcessor",
        ("the broker[…] pulling message is forbidden", "the topic[…] pulling message is forbidden"),
        "the permission of the broker (brokerPermission) or of the topic on it does not allow reading",
        "give the permission back with updateTopicPerm, or set brokerPermission of the broker",
        ("topicRoute -t TOPIC -l", "getBrokerConfig -b HOST:PORT"),
    ),
    Known(
        "group-forbidden",
        "PullMessageProcessor",
        ("subscription group no permission", "the consumer group[…] can not consume by broadcast way"),
        "the configuration of the group does not allow consuming (consumeEnable), or not in this way "
        "(consumeBroadcastEnable)",
        "change it with updateSubGroup -s true or -d true",
        ("getConsumerConfig -g GROUP",),
    ),
    Known(
        "system-topic",
        "TopicValidator",
        ("Sending message to topic[…] is forbidden.",),
        "the topic is one that brokers keep for themselves: clients may not send to it",
        "send to a topic of your own",
        ("topicList",),
    ),
    Known(
        "acl-no-permission",
        "PlainPermissionManager",
        ("No default permission for ", "No acl config for "),
        "the account may not do this with the topic or group (ACL of 4.x: plain_acl.yml)",
        "add a permission for the resource to the account; a group's retry topic needs the one of its group",
        ("topicList",),
    ),
    Known(
        "acl-unknown-key",
        "PlainPermissionManager",
        ("No accessKey is configured", "No PlainAccessResource for accessKey="),
        "the client sent no access key, or one that the broker does not know",
        "configure the client with the keys of an account of this broker",
    ),
    Known(
        "acl-signature",
        "PlainPermissionManager",
        ("Check signature failed for accessKey=",),
        "the secret key of the client is not the one of the account on the broker; a broker of rocketmq-ops says so of "
        "an unknown account too",
        "correct the secret key; a blank or line end at its end counts",
    ),
    Known(
        "auth-signature",
        "DefaultAuthenticationHandler",
        ("check signature failed.",),
        "the password (secret key) of the client is not the one of the user on the broker; a broker of rocketmq-ops "
        "says so of an unknown user too",
        "correct the secret key of the client, or set it with updateUser",
        ("getUser -b HOST:PORT -u USER",),
    ),
    Known(
        "auth-denied",
        "AclAuthorizationHandler",
        (" has no permission to access ",),
        "no entry of the user's ACL allows this action on this resource from this address, or one denies it",
        "add an entry with createAcl or updateAcl",
        ("getAcl -b HOST:PORT -s User:USER", "listAcl -b HOST:PORT"),
    ),
)
