"""Arguments with which nothing can be done, of commands whose other rows have good ones."""

from __future__ import annotations

from tests.interop.differential.table import CONNECT, NO_EFFECT, NOT_FOUND, NOTHING, STACK, Row, fails

_GRANT = "-s User:user_{s} -r Topic:orders -a Pub -d Allow"


def _of_nobody(command: str, verb: str) -> Row:
    """A command on the write permission of a broker that no name server knows."""
    said = f"{verb} write perm of broker[broker-x] in name server[<namesrv>] OK, 0"
    why = "Java's says OK of a broker that no name server knows; ours names it and exits 4"
    return fails(f"{command} -b broker-x", said, NOT_FOUND, why=why)


FAILING: tuple[Row, ...] = (
    _of_nobody("addWritePerm", "add"),
    _of_nobody("wipeWritePerm", "wipe"),
    *(
        fails(line, STACK, CONNECT)
        for line in (
            "cleanExpiredCQ -b {D}",
            "cleanUnusedTopic -b {D}",
            "deleteExpiredCommitLog -b {D}",
            "deleteSubGroup -b {D} -g fresh_{s}",
            "deleteUser -b {D} -u user_{s}",
            "updateUser -b {D} -u user_{s} -t Super",
            "copyUser -f {D} -t {B} -u user_{s}",
            "listAcl -b {D}",
            "getAcl -b {D} -s User:user_{s}",
            f"updateAcl -b {{D}} {_GRANT}",
            "deleteAcl -b {D} -s User:user_{s}",
            "copyAcl -f {D} -t {B} -s User:user_{s}",
            "producer -b {D}",
            "queryCq -t orders -q 0 -i 0 -c 2 -b {D}",
            "updateColdDataFlowCtrGroupConfig -b {D} -g offline -v 1",
            "removeColdDataFlowCtrGroupConfig -b {D} -g offline",
            "exportMetadata -b {D} -t -f {O}",
            "getUser -b {D} -u user_{s}",
            "resetMasterFlushOffset -b {D} -o 5",
            "updateSubGroup -b {D} -g fresh_{s}",
            "updateSubGroupList -b {D} -f {S}/groups_{s}.json",
            "updateTopic -b {D} -t fresh_{s} -r 2 -w 2",
            "updateTopicList -b {D} -f {S}/topics_{s}.json",
            # No name server answers.
            "clusterList -n {D}",
            "getNamesrvConfig -n {D}",
            "sendMsgStatus -b broker-a -c 1 -s 10 -n {D}",
            "statsAll -n {D}",
            "topicList -n {D}",
            "updateKvConfig -s space -k key -v value -n {D}",
            "updateNamesrvConfig -k deleteTopicWithBrokerRegistration -v false -n {D}",
            "updateOrderConf -m get -t orders -n {D}",
        )
    ),
    *(
        fails(line, STACK, NOT_FOUND)
        for line in (
            "printMsgByQueue -t nowhere -a broker-a -i 0 -p true",
            "queryMsgByKey -t nowhere -k k",
            "queryMsgByOffset -t nowhere -b broker-a -i 0 -o 0",
            "queryMsgByUniqueKey -t nowhere -i nosuch",
            "exportMetrics -c nocluster -f {O}",
            "allocateMQ -t nowhere -i 10.0.0.1",
            "cloneGroupOffset -s nobody -d other_{s} -t orders",
            "consumerStatus -g nobody",
            "updateTopicPerm -c {C} -t nowhere -p 6",
        )
    ),
    fails(
        "checkMsgSendRT -t orders -a 1 -n {D}",
        "#Broker Name                      #QID  #Send Result            #RT",
        CONNECT,
        why="Java's prints a row of 'false' for each send, an average of NaN, and exits 0; ours says the cause and exits 3",
    ),
    fails("getConsumerConfig -g nobody", NOTHING, NOT_FOUND),
    fails("deleteKvConfig -s nospace -k k", "delete kv config from namespace success.", NO_EFFECT),
)
