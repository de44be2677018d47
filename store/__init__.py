"""The message store on Apache RocketMQ's disk layout: commitlog, consumequeue, index, recovery, flush and cleaning."""
