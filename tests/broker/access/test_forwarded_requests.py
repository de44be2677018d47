"""Questions that the broker passes on to a client of whoever: without what the one who asks has proved himself with."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.remoting.bodies import ConsumerData, ConsumerRunningInfo, HeartbeatData, SubscriptionData
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode as C
from rocketmq_ops.remoting.codes import ResponseCode as R
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import CREDENTIALS, AclSigner
from tests.broker.access.test_rights_on_messages import Both, Kind, accounts, users
from tests.broker.signing_client import SECRET


@pytest.mark.parametrize("with_access", [accounts, users], ids=["accounts", "users"])
def test_a_client_does_not_get_the_signature_of_who_asks_it(tmp_path: Path, with_access: Kind) -> None:
    """A signature is of the values alone, in the order of their names, and of no code: with an operator's, and a client
    id of its own choice, a consumer would delete any topic.
    """

    async def test(both: Both) -> None:
        asked: list[dict[str, str]] = []

        def answer(channel: Channel, request: RemotingCommand, header: None) -> RemotingCommand:
            asked.append(dict(request.ext_fields))
            return request.reply(body=ConsumerRunningInfo().encode())

        heartbeat = HeartbeatData(
            client_id="closed",
            consumer_data_set=[
                ConsumerData(
                    group_name="own",
                    consume_type="CONSUME_PASSIVELY",
                    message_model="CLUSTERING",
                    consume_from_where="CONSUME_FROM_LAST_OFFSET",
                    subscription_data_set=[SubscriptionData(topic="open", sub_string="*", sub_version=1)],
                )
            ],
        )
        both.session.broker.config.autoCreateSubscriptionGroup = True
        async with RemotingClient() as hostile:
            hostile.register(C.GET_CONSUMER_RUNNING_INFO, None, answer)
            request = RemotingCommand.request(C.HEART_BEAT, None, heartbeat.encode())
            AclSigner("application", SECRET).sign(request)
            assert (await hostile.invoke(both.session.address, request, 5000)).code == R.SUCCESS
            fields = {"consumerGroup": "own", "clientId": "closed", "jstackEnable": "false"}
            told = await both.operator(C.GET_CONSUMER_RUNNING_INFO, fields)
            assert told.code == R.SUCCESS and ConsumerRunningInfo.decode(told.body) == ConsumerRunningInfo()
            (got,) = asked
            assert {name: got[name] for name in fields} == fields and not CREDENTIALS & got.keys()
            stolen = {name: got.get(name, "") for name in CREDENTIALS} | {"topic": "closed", "zz": "ownfalse"}
            replay = RemotingCommand.request(C.DELETE_TOPIC_IN_BROKER, ext_fields=stolen)
            assert (await hostile.invoke(both.session.address, replay, 5000)).code != R.SUCCESS
            assert both.session.broker.topics.get("closed") is not None

    with_access(tmp_path, test)
