"""Rows of what these servers do not have: a controller, a container, ACLs by access key, or what came in a later version."""

from __future__ import annotations

import re
from typing import Any

from tests.interop.differential.reading import manner
from tests.interop.differential.table import (
    BETTER,
    CONNECT,
    FAILED,
    FIVE_3,
    FOUR_9,
    STACK,
    UNSUPPORTED,
    Row,
    better,
    fails,
    outcome,
)

from rocketmq_ops.mqadmin.apache_commands import since, until


def _refusal(answer: Any) -> Any:
    """The exit code, and the versions that the sentence names."""
    return answer.code, sorted(set(re.findall(r"\d\.\d\.\d", answer.text)))


def _absent(version: str, line: str) -> Row:
    """A command that Java's mqadmin of that version does not have, as its servers do not have what it is for."""
    name = line.split()[0]
    bound = until(name) or since(name)
    which = "last" if until(name) else "first"
    return Row(
        line,
        manner,
        _refusal,
        BETTER,
        f"Java's does not know the command, and exits 0; ours names what is missing, the server's version and the {which} "
        f"that has it, {bound}, and exits {UNSUPPORTED}",
        f"The sub command {name} not exist.",
        (UNSUPPORTED, sorted({version, bound})),
        versions=(version,),
        failing=True,
    )


def _one_by_one(line: str) -> Row:
    """A list that 4.9 takes only item by item."""
    return better(
        line,
        manner,
        outcome,
        "ours makes what the file lists with a request each where the broker does not take a list; Java's of that version does "
        "not know the command, and exits 0",
        f"The sub command {line.split()[0]} not exist.",
        0,
        versions=(FOUR_9,),
        changes=True,
        effects_differ=True,
    )


FEATURES: tuple[Row, ...] = (
    _one_by_one("updateTopicList -c {C} -f {S}/topics_{s}.json"),
    _one_by_one("updateSubGroupList -c {C} -f {S}/groups_{s}.json"),
    *(
        _absent(FOUR_9, line)
        for line in (
            "setConsumeMode -c {C} -t orders -g readers -m POP -q 2",
            "updateStaticTopic -c {C} -t static_{s} -qn 2",
            "haStatus -b {A}",
            "getColdDataFlowCtrInfo -b {A}",
            "setCommitLogReadAheadMode -b {A} -m 0",
            "switchTimerEngine -b {A} -e F",
            "listUser -b {A}",
            "createUser -c {C} -u user_{s} -p secret -t Normal",
            "createAcl -c {C} -s User:user_{s} -r Topic:orders -a Pub -d Allow",
            "checkRocksdbCqWriteProgress -c {C}",
            "exportPopRecord -c {C}",
            "getBrokerLiteInfo -b {A}",
        )
    ),
    *(
        _absent(FIVE_3, line)
        for line in (
            "switchTimerEngine -b {A} -e F",
            "getBrokerLiteInfo -b {A}",
            "getParentTopicInfo -p orders",
            "getLiteTopicInfo -p orders -l child",
            "getLiteGroupInfo -p orders -g readers",
            "getLiteClientInfo -p orders -g readers -c nobody",
            "triggerLiteDispatch -p orders -g readers",
            "getAclConfig -b {A}",
            "clusterAclConfigVersion -b {A}",
            "updateGlobalWhiteAddr -b {A} -g 10.0.0.1",
            "updateAclConfig -b {A} -a access_{s} -s secret-{s}",
            "deleteAclConfig -b {A} -a access_{s}",
        )
    ),
    fails("getControllerMetaData -a {D}", STACK, CONNECT),
    fails("getControllerMetaData -a {N}", STACK, UNSUPPORTED),
    fails("getControllerConfig -a {D}", STACK, CONNECT),
    fails("updateControllerConfig -a {D} -k enableElectUncleanMaster -v true", STACK, CONNECT),
    fails("getSyncStateSet -a {D} -b broker-a", STACK, CONNECT),
    fails("getSyncStateSet -a {N} -b broker-a", STACK, UNSUPPORTED),
    fails("electMaster -a {D} -b 0 -bn broker-a -c {C}", STACK, CONNECT),
    fails("cleanBrokerMetadata -a {D} -bn broker-a -c {C}", STACK, CONNECT),
    fails("getBrokerEpoch -b broker-a", STACK, FAILED),
    fails("addBroker -c {A} -b {S}/broker.conf", STACK, UNSUPPORTED),
    fails("removeBroker -c {A} -b {C}:broker-a:0", STACK, UNSUPPORTED),
)
