"""Every kind of finding: what it means, how bad it is, and what to do. `explain ID` prints these entries.

Also what no check can detect, because nothing on disk covers it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from rocketmq_ops.store.inspect.check.findings import Severity

I, W, E, C = Severity.INFO, Severity.WARNING, Severity.ERROR, Severity.CRITICAL  # noqa: E741


class Kind(NamedTuple):
    """One kind of finding."""

    severity: Severity
    title: str
    explanation: str
    action: str


_SALVAGE = "copy the store away, then `salvage` into a new directory"
_REBUILD = "stop the broker and `rebuild` consumequeue and index from the commitlog"
_RESTORE = "restore the file from a backup or a slave, or `salvage` what is left"

CATALOGUE: Final[dict[str, Kind]] = {
    "CL-GAP": Kind(C, "commitlog file missing", "A file between the first and the last is missing; its messages are gone unless a copy exists. Apache's broker starts all the same, with an error in its log, and reads of these messages fail; our broker refuses to start.", _RESTORE),
    "CL-FIRST": Kind(W, "the log does not begin at 0", "Earlier files are missing. This is normal after they expired (fileReservedTime). When the oldest record is younger than that, they were lost or deleted by hand, which is critical when consumer groups had not yet received messages in them. A broker skips units that point before the first file.", "compare with the expected retention; restore the files if they should still exist"),
    "CL-LENGTH": Kind(C, "wrong file length", "A commitlog file does not have mappedFileSizeCommitLog bytes. Apache's broker logs `length not matched message store config value` and refuses to start, whatever the content.", "find out what cut or extended the file; `salvage` reads it as far as it goes"),
    "CL-NAME": Kind(C, "invalid file name", "A file's name is the offset of its first byte. This one is not a multiple of the file size, so offsets of its records cannot be right.", "restore the original name if you know it"),
    "CL-STRANGER": Kind(C, "foreign file in commitlog", "The name is not an offset of 20 digits. Apache's broker takes every name for a commitlog file, hidden files included: it refuses to start when the file does not have the length of a commitlog file or the name is not a number, and reads a whole number as an offset. 5.x ignores folders and removes a last file of 0 bytes; 4.9 refuses to start on these too.", "move it out of the directory"),
    "CL-SWAPPED": Kind(C, "file under another file's name", "All records of this file name offsets in the range of another file: the files were swapped, or copied under the wrong name.", "rename each file to the offset that its records give"),
    "CL-PHYSICAL": Kind(E, "record names another position", "The physicalOffset inside the record differs from the record's position. A broker serves the record by its position; message ids and recovery use the field.", _SALVAGE),
    "CL-MAGIC": Kind(C, "no record where one must begin", "The magic code is neither that of a message nor that of a blank. Recovery cuts the log off here if it reads this far; otherwise reads fail at this position.", _SALVAGE),
    "CL-SIZE": Kind(C, "impossible record size", "The size leads past the end of the file, or is below that of the smallest record. A broker cannot reach anything behind it in the file.", _SALVAGE),
    "CL-LENGTHS": Kind(C, "lengths inside a record do not add up", "Body, topic and properties do not fill the record. A broker's recovery stops here.", _SALVAGE),
    "CL-CRC": Kind(E, "body CRC mismatch", "The bytes of the body are not those that were stored (or the CRC field is damaged). Recovery with checkCRCOnRecover cuts the log off at the first such record in the files that it reads.", _SALVAGE),
    "CL-HOLE": Kind(C, "zeroed range", "Zeros where records were, with records behind them. A broker takes zeros for the end of the log.", _SALVAGE),
    "CL-TORN": Kind(W, "torn tail", "The last record is incomplete: the machine stopped while it was written. Recovery cuts it off. No message that was acknowledged under SYNC_FLUSH is lost by this.", "none: the next start truncates it"),
    "CL-BLANK": Kind(E, "blank of the wrong size", "The blank that ends a file must reach exactly to the end of the file.", "none for reading; `salvage` writes a new one"),
    "CL-TRAILING": Kind(W, "bytes after the end", "Behind the blank, and behind the last record of the log, a file must be zero. Something that is not part of any record was written there.", "look at the bytes with `dump --raw`; recovery wipes or overwrites them"),
    "CL-FLAG": Kind(E, "impossible sysFlag", "The bits contradict the body or the properties.", _SALVAGE),
    "CL-QUEUE-ID": Kind(E, "queueId does not match", "The record names a different queue than the one whose unit points at it, or an impossible one. A rebuild would put it into the wrong queue.", "`salvage` takes the queue from the unit"),
    "CL-QUEUE-OFFSET": Kind(E, "queueOffset does not match", "The record names a different queue offset than the unit that points at it.", "`salvage` takes the offset from the unit"),
    "CL-TOPIC": Kind(E, "topic does not match", "The record names a different topic than the queue whose unit points at it.", "`salvage` takes the topic from the queue"),
    "CL-BITS": Kind(I, "unknown sysFlag bits", "No version up to Apache's 5.5 uses these bits. Brokers and clients ignore them; a newer broker may have set them.", "none if a newer broker wrote the store; otherwise a bit was flipped, which does no harm"),
    "CL-RECONSUME": Kind(W, "impossible reconsumeTimes", "The retry count is out of range, or is not 0 in a topic without retries.", _SALVAGE),
    "CL-PREPARED": Kind(E, "impossible preparedTransactionOffset", "It must be 0, except in a committed transaction, where it is the offset of an earlier half message.", _SALVAGE),
    "CL-TIME": Kind(E, "storeTimestamp out of order", "Records are stored in order of time; this one is not between its neighbours. Searches by time and recovery from the checkpoint may go wrong.", _SALVAGE),
    "CL-CLOCK": Kind(I, "the clock went back", "From here on store timestamps are earlier than before: the broker's clock was set back. Searches by time are unreliable across this position.", "none"),
    "CL-BORN": Kind(W, "implausible bornTimestamp", "More than a day after the store timestamp, or more than ten years before it.", "check the producer's clock; if only one record is affected, suspect damage"),
    "CL-HOST": Kind(W, "implausible host", "An impossible port, or a store host that differs in one byte from that of both neighbours in a single record. A broker that was started at another address is not reported.", _SALVAGE),
    "CL-PROPERTIES": Kind(E, "malformed properties", "Not UTF-8, control characters in a name, a property without a separator, or a run of zeros. Control characters in values are allowed.", _SALVAGE),
    "CL-PROP-CRC": Kind(E, "record CRC mismatch", "The store was written with enabledAppendPropCRC, and the CRC of the whole record does not match.", _SALVAGE),
    "CQ-GAP": Kind(E, "consumequeue file missing", "A file between the first and the last of a queue is missing.", _REBUILD),
    "CQ-LENGTH": Kind(C, "wrong consumequeue file length", "Brokers refuse to start on consumequeue files whose length differs from mappedFileSizeConsumeQueue. The length of most queue files of the store is taken for that setting.", _REBUILD),
    "CQ-STRANGER": Kind(C, "foreign file in a queue", "The name is not an offset of 20 digits. Apache's broker refuses to start on it as it does in the commitlog (CL-STRANGER).", "move it out of the directory"),
    "CQ-OFFSET": Kind(E, "unit points at the wrong place", "The unit's commitlog offset is not where its record begins. A consumer would skip the message or stop.", _REBUILD),
    "CQ-SIZE": Kind(E, "unit has the wrong size", "The unit's size differs from its record's. A pull would return a message that is cut or too long.", _REBUILD),
    "CQ-TAG": Kind(E, "unit has the wrong tag hash", "The tag hash (in SCHEDULE_TOPIC_XXXX the delivery time) differs from what the record gives, so tag filters pass or drop the message wrongly. Either the unit or the record is damaged.", _REBUILD),
    "CQ-MISSING": Kind(E, "record without a unit", "The record is in the log, but no unit of its queue points at it: no consumer receives it.", _REBUILD),
    "CQ-BEHIND": Kind(W, "queue behind the log", "The newest records have no units yet. After an unclean stop the next start dispatches them again.", "none: the next start catches up"),
    "CQ-NO-QUEUE": Kind(E, "records of a missing queue", "The log holds records of a topic and queue that has no consumequeue directory. This is normal when the topic was deleted (it is missing from topics.json). A start does not dispatch messages again that are older than those that other queues have units for: no consumer receives them.", _REBUILD),
    "CQ-ORPHAN": Kind(E, "unit without a record", "The unit points into the readable log, but not at the start of a record of its queue.", _REBUILD),
    "CQ-BEYOND": Kind(C, "units past the end of the log", "The queue has units for messages behind the last readable record: the end of the log (or its last file) is lost. Recovery cuts these units off.", _RESTORE),
    "CQ-LOST": Kind(C, "messages in a damaged range", "Units show that messages were stored where the commitlog is now unreadable.", _RESTORE),
    "CQ-ROCKSDB": Kind(I, "queues in RocksDB", "The broker runs with storeType=defaultRocksDB. This version cannot read such queues; it checks everything else.", "none"),
    "CQ-TYPE": Kind(C, "queues of the wrong type", "A topic with queue.type=BatchCQ has its queues in `batchconsumequeue`, all other topics in `consumequeue`. Apache's 5.x refuses to start when topics.json and the folders contradict each other.", "restore topics.json; or move the topic's folder away and `rebuild`"),
    "CQ-FOREIGN": Kind(C, "queue of another store", "Most units of the queue do not point at records of this log: the files are from another store or from another time.", _REBUILD),
    "IX-LENGTH": Kind(E, "wrong index file length", "The length does not match any number of slots and entries. Apache's broker maps the file at the size that it has configured, and would extend it.", _REBUILD),
    "IX-HEADER": Kind(E, "index header does not match", "A field of the header contradicts the entries.", _REBUILD),
    "IX-SLOT": Kind(E, "slot leads to the wrong entry", "A hash slot does not hold the number of its last entry: queries by key miss messages.", _REBUILD),
    "IX-CHAIN": Kind(E, "broken chain", "An entry does not lead to the previous one of its slot: queries by key miss older messages.", _REBUILD),
    "IX-ENTRY": Kind(E, "damaged index entry", "The hash, offset or time of an entry does not belong to the key of its record.", _REBUILD),
    "IX-TIME": Kind(W, "index entry with the wrong time", "The entry's seconds since the begin of the file differ from the record's: queries with a time window miss it.", _REBUILD),
    "IX-MISSING": Kind(E, "key without an entry", "The key of a record is not in the index: queries by key miss it.", _REBUILD),
    "IX-BEHIND": Kind(W, "index behind the log", "The keys of the newest records are not indexed. After an unclean stop the next start indexes them again.", "none: the next start catches up"),
    "IX-ORPHAN": Kind(E, "entry without a key", "An entry points at an offset where no record has such a key.", _REBUILD),
    "IX-UNKNOWN": Kind(I, "unknown kind of index entries", "The entries are in order, point at the start of whole records that have all the entries known to this version, and have the times of those records; but nothing in the records gives their hashes. A newer broker indexes more than this version knows. They do no harm to queries.", "none; a `rebuild` would leave them out"),
    "IX-LOST": Kind(W, "entries of a damaged range", "The records of these entries were stored where the commitlog is now unreadable.", _RESTORE),
    "IX-NONE": Kind(I, "keys without an index", "No index file covers these records. This is normal when the broker runs with messageIndexEnable=false, or did so then; otherwise the files were deleted or lost, and queries by key find nothing.", _REBUILD),
    "IX-STRANGER": Kind(W, "foreign file in index", "The name is not a time of creation (17 digits). A broker ignores the file, with an error in its log.", "move the file out of the directory"),
    "IX-BEYOND": Kind(E, "entries past the end of the log", "The index has entries for messages behind the last readable record.", _RESTORE),
    "CP-MISSING": Kind(W, "no checkpoint", "Without it, recovery after an unclean stop begins at the first file.", "none: the broker writes a new one"),
    "CP-LENGTH": Kind(W, "wrong checkpoint length", "The checkpoint must have 4096 bytes.", "delete it: the broker writes a new one"),
    "CP-VALUE": Kind(E, "impossible checkpoint", "A time or offset that matches no record. A time in the future, or (for Apache's 5.5) a logicsPhysicalOffset past the end of the log, makes recovery start too late and miss damage.", "delete the checkpoint: recovery then reads the whole log"),
    "CP-TRAILING": Kind(I, "bytes after the checkpoint's fields", "This version does not know them: in Apache's versions up to 5.5 the checkpoint ends after six fields. A newer broker may have written more.", "none"),
    "ST-UNKNOWN": Kind(I, "unknown to this version", "No broker up to Apache's 5.5 and none of our tools writes this file, folder or field. A newer broker may have written it, or somebody put it there.", "none"),
    "CL-DLEDGER": Kind(C, "log of a DLedger group", "The messages are in `dledger-*/data`, in a format that this version does not read; queues and index are not compared with a commitlog. A broker without enableDLegerCommitLog does not see the messages and begins a second log; our broker refuses to start.", "start only Apache's broker with enableDLegerCommitLog=true on it"),
    "TM-AHEAD": Kind(E, "timer store ahead of the commitlog", "The timer store of a 5.x broker has read its queue further than the commitlog reaches (any more). Timer messages that are stored from now on are skipped until the queue is that long again.", "remove timerwheel, timerlog and config/timercheck before the start: the broker then reads all timers from the queue again, and delivers those that are due (again)"),
    "TM-PENDING": Kind(W, "timer messages are waiting", "Messages with a delivery time are waiting in the timer store. Apache's 5.x and our broker deliver them; 4.9 has no timer store and never delivers them.", "let Apache's 5.x or our broker deliver them before a 4.9 takes over the store"),
    "TM-ROCKSDB": Kind(W, "timers in RocksDB", "Apache's 5.5 has run with timerRocksDBEnable=true: what it took from the timer topic meanwhile waits in rocksdbstore, which no other broker reads. Our broker finds what waits by reading the timer topic from its beginning. A 5.x without that setting goes on where the timer wheel was: what lies before that place is not delivered.", "let Apache's 5.5 with timerRocksDBEnable=true, or our broker, deliver them before a 5.x without it takes over the store"),
    "AB-PRESENT": Kind(I, "unclean stop", "A broker writes the abort file at its start and removes it at a clean stop.", "none: recovery runs at the next start"),
    "AB-RUNNING": Kind(I, "a broker is running", "A process holds the broker's lock on the store: the abort file is its own, and what it is storing right now is not a fault.", "none; `rebuild` and `salvage` need the broker stopped, or a copy of the store"),
    "CF-MISSING": Kind(W, "configuration only as .bak", "The broker then loads the .bak, which holds the content before the last save.", "copy the .bak to the file's name"),
    "CF-GONE": Kind(C, "configuration lost", "A broker starts without the file and does not report it. Without topics.json no consumer is routed to any message; without consumerOffset.json groups begin where consumeFromWhere of their clients says (by default at the end); without delayOffset.json delayed messages are delivered again.", "restore config/ from a backup or a slave before the broker starts"),
    "CF-EMPTY": Kind(E, "empty configuration", "0 bytes or zeros: the machine stopped while the file was replaced. A broker loads the .bak; without one it starts without the content (for the effect see CF-GONE).", "copy the .bak over it if it is usable, otherwise restore a backup"),
    "CF-BROKEN": Kind(E, "broken configuration", "Not the JSON that a broker reads: half-written, damaged, or without its table. A broker loads the .bak instead of a file that it cannot read, and refuses to start when the .bak is broken too; without a .bak it starts without the content (CF-GONE). A valid object without the table counts as empty, and the .bak is then not loaded.", "copy the .bak over it if it is usable, otherwise restore a backup"),
    "CF-BACKUP": Kind(W, "unusable .bak", "The backup would not help if the file were lost.", "none: the next save replaces it"),
    "CF-BAK-NEWER": Kind(W, ".bak newer than the file", "The .bak holds the content before the last save, so it cannot be newer, unless the save was interrupted or the file was restored.", "compare the two files"),
    "OF-BEYOND": Kind(E, "offset past the end of its queue", "A group (or delay level) is ahead of the queue: it would skip what is stored next, or be reset.", "find out whether the queue lost its end; reset the offset after the start"),
    "OF-BELOW": Kind(I, "offset before the start of its queue", "The messages have expired; the group continues at the minimum offset.", "none"),
    "OF-TOPIC": Kind(I, "offsets of an unknown topic", "The topic was deleted, or topics.json lost it.", "compare topics.json with its .bak"),
    "OF-GROUP": Kind(I, "offsets of an unknown group", "The group was deleted, or subscriptionGroup.json lost it.", "compare subscriptionGroup.json with its .bak"),
    "TP-UNKNOWN": Kind(W, "queues of an unknown topic", "The topic has queues but no configuration: topics.json lost it. No consumer is routed to its messages, and a broker removes such queues when it cleans unused topics. Retry topics come back with their group.", "compare topics.json with its .bak; `updateTopic` creates the topic again"),
    "TP-QUEUES": Kind(C, "messages beyond a topic's read queues", "The topic has fewer read queues than its messages are stored in: pulls from the others are refused. Messages that all groups of the topic have consumed do not count.", "raise readQueueNums with `updateTopic`"),
}  # fmt: skip

UNDETECTABLE: Final[tuple[str, ...]] = (
    "flag: the application sets it freely",
    "bornTimestamp: any value between ten years before and one day after storeTimestamp",
    "bornHost: any address and port that a host can have",
    "storeHost of the first and last record of the log, and next to a change of the broker's address",
    "storeTimestamp: a change that leaves it between its neighbours' and within the second that the index holds",
    "reconsumeTimes within its range in retry, dead-letter, delay and half-message topics",
    "preparedTransactionOffset of a committed transaction, as long as it lies in the log",
    "properties other than TAGS, KEYS, UNIQ_KEY and DELAY that stay UTF-8 with a separator in each piece, unless the broker ran with enabledAppendPropCRC",
    "sysFlag's compressed bit of a compressed body, unless the compression type contradicts it (clients before 5.0 set none)",
    "checkpoint: a time that another record has; an offset where another record or file begins or ends, or past the end of the log",
    "the body of a message whose CRC field was damaged so that it matches, or that was wrong when it was stored",
    "the content of configuration files, as long as it is well-formed JSON",
    "queue and index files that are missing together with everything that shows that they existed: an index is optional, and the oldest files of a store expire",
)
