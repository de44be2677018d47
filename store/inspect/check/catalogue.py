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
    "CL-GAP": Kind(C, "commitlog file missing", "A file between the first and the last is not there; the messages in it are gone unless a copy exists. Apache's broker starts all the same, with an error in its log, and reads of these messages fail; ours refuses to start.", _RESTORE),
    "CL-FIRST": Kind(W, "the log does not begin at 0", "Earlier files are not there. That is normal after they expired (fileReservedTime); when the oldest record is younger than that, they were lost or deleted by hand, which is critical when consumer groups were still due to get messages of theirs. Units that point before the first file are skipped by a broker.", "compare with the expected retention; restore the files when they should be there"),
    "CL-LENGTH": Kind(C, "wrong file length", "A commitlog file does not have mappedFileSizeCommitLog bytes. Apache's broker logs `length not matched message store config value` and refuses to start, whatever the content.", "find out what cut or extended the file; `salvage` reads it as far as it goes"),
    "CL-NAME": Kind(C, "file name out of line", "A file's name is its first offset; this one is no multiple of the file size, so offsets of its records cannot be right.", "restore the original name if known"),
    "CL-STRANGER": Kind(C, "foreign file in commitlog", "A name that is no 20-digit offset. Apache's broker takes every name for a commitlog file: it refuses to start on one that has not the length of such a file or whose name is no number, hidden files included, and reads a whole number as an offset. 5.x passes over folders and removes a last file of 0 bytes, on which 4.9 refuses to start too.", "move it out of the directory"),
    "CL-SWAPPED": Kind(C, "file under another file's name", "All records of this file name offsets in the range of another file: the files were swapped or copied under the wrong name.", "rename the files to what their records say"),
    "CL-PHYSICAL": Kind(E, "record names another place", "The physicalOffset inside the record is not where the record is. A broker serves it by its place; ids and recovery checks use the field.", _SALVAGE),
    "CL-MAGIC": Kind(C, "no record where one must begin", "The magic is neither a message's nor a blank's. Recovery cuts the log off here when it comes by; else reads fail at this place.", _SALVAGE),
    "CL-SIZE": Kind(C, "impossible record size", "The size leads past the end of the file or below the smallest record. All that follows in the file is out of reach for a broker.", _SALVAGE),
    "CL-LENGTHS": Kind(C, "lengths inside a record do not add up", "Body, topic and properties do not fill the record. A broker's recovery stops here.", _SALVAGE),
    "CL-CRC": Kind(E, "body CRC mismatch", "The body's bytes are not those that were stored (or the CRC field is not). Recovery with checkCRCOnRecover cuts the log off at the first such record within the files that it reads.", _SALVAGE),
    "CL-HOLE": Kind(C, "zeroed range", "Zeros where records were, with records after them. A broker takes zeros for the end of what was written.", _SALVAGE),
    "CL-TORN": Kind(W, "torn tail", "The last record is not whole: the machine stopped while it was written. Recovery cuts it off; a message acknowledged under SYNC_FLUSH is not lost by that.", "none: the next start truncates it"),
    "CL-BLANK": Kind(E, "blank of the wrong size", "The blank that ends a file must reach exactly to the file's end.", "none for reading; `salvage` writes it anew"),
    "CL-TRAILING": Kind(W, "bytes after the end", "After the blank, or after the last record of the log, a file is zero. Something was written there that no record covers.", "look at the bytes with `dump --raw`; recovery wipes or overwrites them"),
    "CL-FLAG": Kind(E, "impossible sysFlag", "Bits that contradict the body or the properties.", _SALVAGE),
    "CL-QUEUE-ID": Kind(E, "queueId does not fit", "The record names another queue than the one whose unit points at it, or an impossible one. Rebuilding would put it into the wrong queue.", "salvage takes the queue from the unit"),
    "CL-QUEUE-OFFSET": Kind(E, "queueOffset does not fit", "The record names another queue offset than the unit that points at it.", "salvage takes the offset from the unit"),
    "CL-TOPIC": Kind(E, "topic does not fit", "The record names another topic than the queue whose unit points at it.", "salvage takes the topic from the queue"),
    "CL-BITS": Kind(I, "sysFlag bits not known", "Bits that no version up to Apache's 5.5 uses. Brokers and clients ignore them; a newer one may have set them.", "none, if the store was written by a newer broker; else a bit was flipped, which does no harm"),
    "CL-RECONSUME": Kind(W, "impossible reconsumeTimes", "The retry count is out of range, or not 0 in a topic that is no retry topic.", _SALVAGE),
    "CL-PREPARED": Kind(E, "impossible preparedTransactionOffset", "It is 0 in every record but a committed transaction's, where it is the offset of an earlier half message.", _SALVAGE),
    "CL-TIME": Kind(E, "storeTimestamp out of order", "Records are stored in order of time; this one is not between its neighbours. Searches by time and recovery from the checkpoint may go wrong.", _SALVAGE),
    "CL-CLOCK": Kind(I, "the clock went back", "From here on store timestamps are earlier than before: the broker's clock was set back. Searches by time are unreliable across this place.", "none"),
    "CL-BORN": Kind(W, "implausible bornTimestamp", "More than a day after, or ten years before, the store timestamp.", "check the producer's clock; if only one record is off, suspect damage"),
    "CL-HOST": Kind(W, "implausible host", "A port that no host has, or the store host of a single record that differs in one byte from that of its neighbours. A broker that was started at another address is no damage.", _SALVAGE),
    "CL-PROPERTIES": Kind(E, "malformed properties", "Not UTF-8, a name that is no text, a piece without a separator, or a run of zeros. Control characters in values are the application's own.", _SALVAGE),
    "CL-PROP-CRC": Kind(E, "record CRC mismatch", "The store was written with enabledAppendPropCRC, and the CRC over the whole record does not match.", _SALVAGE),
    "CQ-GAP": Kind(E, "consumequeue file missing", "A file between the first and the last of a queue is not there.", _REBUILD),
    "CQ-LENGTH": Kind(C, "wrong consumequeue file length", "Brokers refuse to start on consumequeue files whose length is not mappedFileSizeConsumeQueue, which is taken to be what most queues of the store have.", _REBUILD),
    "CQ-STRANGER": Kind(C, "foreign file in a queue", "A name that is no 20-digit offset. Apache's broker refuses to start on it as it does in commitlog (CL-STRANGER).", "move it out of the directory"),
    "CQ-OFFSET": Kind(E, "unit points at the wrong place", "The unit's commitlog offset is not where its record begins; a consumer would skip it or stop.", _REBUILD),
    "CQ-SIZE": Kind(E, "unit has the wrong size", "The unit's size is not its record's; a pull would return a cut or a swollen message.", _REBUILD),
    "CQ-TAG": Kind(E, "unit has the wrong tag hash", "The tag hash (in SCHEDULE_TOPIC_XXXX the deliver time) is not what the record gives: tag filters pass or drop the message wrongly. One of unit and record is damaged.", _REBUILD),
    "CQ-MISSING": Kind(E, "record without a unit", "The record is in the log, no unit of its queue points at it: no consumer sees it.", _REBUILD),
    "CQ-BEHIND": Kind(W, "queue behind the log", "The newest records have no units yet. After an unclean stop the next start dispatches them again.", "none: the next start catches up"),
    "CQ-NO-QUEUE": Kind(E, "records of a queue that is not there", "The log holds records of a topic and queue without a consumequeue directory. Normal when the topic was deleted (topics.json does not have it). Messages before those that other queues have units for are not dispatched again by a start: no consumer sees them.", _REBUILD),
    "CQ-ORPHAN": Kind(E, "unit without a record", "The unit points into the readable log, but not at the start of a record of its queue.", _REBUILD),
    "CQ-BEYOND": Kind(C, "units past the end of the log", "The queue knows of messages after the last readable record: the end of the log (or its last file) is lost. Recovery cuts these units off.", _RESTORE),
    "CQ-LOST": Kind(C, "messages in a damaged range", "Units show that messages lay where the commitlog is unreadable.", _RESTORE),
    "CQ-ROCKSDB": Kind(I, "queues in RocksDB", "The broker runs with storeType=defaultRocksDB. This version cannot read such queues, it checks the rest.", "none"),
    "CQ-TYPE": Kind(C, "queues of the other type", "A topic with queue.type=BatchCQ has its queues in `batchconsumequeue`, all others in `consumequeue`. Apache's 5.x refuses to start when topics.json and the folders contradict each other.", "restore topics.json; or move the topic's folder away and `rebuild`"),
    "CQ-FOREIGN": Kind(C, "queue of another store", "Most units of the queue do not point at this log's records: the files are from another store or another time.", _REBUILD),
    "IX-LENGTH": Kind(E, "wrong index file length", "The length fits no number of slots and entries. Apache's broker maps the file at its own configured size and would extend it.", _REBUILD),
    "IX-HEADER": Kind(E, "index header does not fit", "A field of the header contradicts the entries.", _REBUILD),
    "IX-SLOT": Kind(E, "slot leads to the wrong entry", "A hash slot does not hold the number of its last entry: queries by key miss messages.", _REBUILD),
    "IX-CHAIN": Kind(E, "broken chain", "An entry does not lead to the one before it in its slot: queries by key miss older messages.", _REBUILD),
    "IX-ENTRY": Kind(E, "damaged index entry", "An entry's hash, offset or time does not belong to the key that its record has.", _REBUILD),
    "IX-TIME": Kind(W, "index entry with the wrong time", "The entry's seconds since the file began are not the record's: queries with a time window miss it.", _REBUILD),
    "IX-MISSING": Kind(E, "key without an entry", "A record's key is not in the index: queries by key miss it.", _REBUILD),
    "IX-BEHIND": Kind(W, "index behind the log", "The newest records' keys are not indexed. After an unclean stop the next start indexes them again.", "none: the next start catches up"),
    "IX-ORPHAN": Kind(E, "entry without a key", "An entry points where no record has such a key.", _REBUILD),
    "IX-UNKNOWN": Kind(I, "index entries of a kind not known", "Entries in their place, at the start of whole records that have all the entries known to this version, and with those records' times, but with hashes that nothing in the records gives: a newer broker indexes more than this version knows. They harm no query.", "none; a `rebuild` would leave them out"),
    "IX-LOST": Kind(W, "entries of a damaged range", "The entries' records lay where the commitlog is unreadable.", _RESTORE),
    "IX-NONE": Kind(I, "keys that no index covers", "There is no index file for these records. Normal when the broker runs with messageIndexEnable=false or did so then; else the files were deleted or lost, and queries by key find nothing.", _REBUILD),
    "IX-STRANGER": Kind(W, "foreign file in index", "A name that is no time of creation. A broker skips it with an error in its log.", "move the file out of the directory"),
    "IX-BEYOND": Kind(E, "entries past the end of the log", "The index knows of messages after the last readable record.", _RESTORE),
    "CP-MISSING": Kind(W, "no checkpoint", "Without it, recovery after an unclean stop goes back to the first file.", "none: the broker writes a new one"),
    "CP-LENGTH": Kind(W, "wrong checkpoint length", "The checkpoint is one page of 4096 bytes.", "delete it: the broker writes a new one"),
    "CP-VALUE": Kind(E, "impossible checkpoint", "A time or offset that no record bears out. A time in the future, or (for Apache's 5.5) a logicsPhysicalOffset past the end of the log, makes recovery start too late and skip damage.", "delete the checkpoint: recovery then reads the whole log"),
    "CP-TRAILING": Kind(I, "bytes after the checkpoint's fields", "Not known to this version: Apache's brokers up to 5.5 have nothing behind the six fields. A newer one may.", "none"),
    "ST-UNKNOWN": Kind(I, "not known to this version", "A file, folder or field that no broker up to Apache's 5.5 and none of our tools writes. A newer broker may have, or somebody put it there.", "none"),
    "CL-DLEDGER": Kind(C, "log of a DLedger group", "The messages are in `dledger-*/data`, in entries that this version does not read; what can be told of queues and index by a commitlog is not judged. A broker without enableDLegerCommitLog does not see them and begins a second log; ours refuses to start.", "start Apache's broker with enableDLegerCommitLog=true on it, and no other"),
    "TM-AHEAD": Kind(E, "timer store ahead of the commitlog", "The timer store of a 5.x broker has taken messages from its queue that the commitlog does not hold (any more). Timer messages stored from now on are passed over until the queue is as long again.", "remove timerwheel, timerlog and config/timercheck before the start: timers are then read anew from the queue, and those whose time has come are delivered (again)"),
    "TM-PENDING": Kind(W, "timer messages wait", "Messages with a time of delivery wait in the timer store of a 5.x broker. Apache's 5.x goes on with them; 4.9 and ours have no timer store and never deliver them.", "let Apache's 5.x deliver them before another broker takes the store over"),
    "AB-PRESENT": Kind(I, "unclean stop", "The abort file is written at start and removed by a clean stop.", "none: recovery runs at the next start"),
    "AB-RUNNING": Kind(I, "a broker is running", "A process holds the broker's lock on the store: the abort file belongs to it, and what it stores meanwhile is no fault.", "none; `rebuild` and `salvage` need it stopped, or a copy of the store"),
    "CF-MISSING": Kind(W, "configuration only as .bak", "A broker then loads the .bak, which holds what the file held before its last save.", "copy the .bak to the file's name"),
    "CF-GONE": Kind(C, "configuration lost", "A broker starts without the file, and nothing says so: without topics.json no consumer is routed to any message, without consumerOffset.json groups begin where their clients' consumeFromWhere says (by default at the end), without delayOffset.json delayed messages are delivered again.", "restore config/ from a backup or a slave before the broker starts"),
    "CF-EMPTY": Kind(E, "configuration without content", "0 bytes or zeros: the file was being replaced when the machine stopped. A broker loads the .bak; without one it starts without the file's content (CF-GONE says what that means).", "copy the .bak over it when that is usable, else restore a backup"),
    "CF-BROKEN": Kind(E, "broken configuration", "Not the JSON that a broker reads: half-written or damaged, or without its table. A broker loads the .bak of what it cannot read, and refuses to start when that is broken too; without a .bak it starts without the content (CF-GONE). A whole object without the table counts as nothing, and the .bak is not looked at.", "copy the .bak over it when that is usable, else restore a backup"),
    "CF-BACKUP": Kind(W, "useless .bak", "The backup would not help if the file were lost.", "none: the next save replaces it"),
    "CF-BAK-NEWER": Kind(W, ".bak newer than the file", "The .bak holds what the file held before its last save, so it cannot be newer, unless the save was interrupted or the file restored.", "compare the two"),
    "OF-BEYOND": Kind(E, "offset past the end of its queue", "A group (or delay level) is ahead of the queue: it would skip what is stored next, or be reset.", "find out whether the queue lost its end; reset the offset after the start"),
    "OF-BELOW": Kind(I, "offset before the start of its queue", "The messages have expired; the group goes on at the minimum.", "none"),
    "OF-TOPIC": Kind(I, "offsets of an unknown topic", "The topic was deleted, or topics.json lost it.", "compare topics.json with its .bak"),
    "OF-GROUP": Kind(I, "offsets of an unknown group", "The group was deleted, or subscriptionGroup.json lost it.", "compare subscriptionGroup.json with its .bak"),
    "TP-UNKNOWN": Kind(W, "queues of an unknown topic", "The topic has queues but no configuration: topics.json lost it. No consumer is routed to its messages, and a broker drops such queues when it cleans unused topics. Retry topics come back with their group.", "compare topics.json with its .bak; `updateTopic` makes the topic again"),
    "TP-QUEUES": Kind(C, "messages behind a topic's queues", "The topic has fewer read queues than its messages lie in: a pull of the others is refused. Messages that all groups of the topic have consumed do not count.", "raise readQueueNums with `updateTopic`"),
}  # fmt: skip

UNDETECTABLE: Final[tuple[str, ...]] = (
    "flag: the application's own number",
    "bornTimestamp: any value between ten years before and one day after storeTimestamp",
    "bornHost: any address and port that a host can have",
    "storeHost of the first and last record of the log, and next to a change of the broker's address",
    "storeTimestamp: a change that keeps it between its neighbours' and within the second that the index holds",
    "reconsumeTimes within its range in retry, dead-letter, delay and half-message topics",
    "preparedTransactionOffset of a committed transaction, as long as it lies in the log",
    "properties other than TAGS, KEYS, UNIQ_KEY and DELAY that stay UTF-8 with a separator in each piece, unless the broker ran with enabledAppendPropCRC",
    "sysFlag's compressed bit of a compressed body, where no compression type beside it contradicts (clients before 5.0)",
    "checkpoint: a time that is another record's, an offset that is another record's or file's border or past the end of the log",
    "the body of a message whose CRC field is damaged to fit, or that was wrong when it was stored",
    "the content of configuration files that still is well-formed JSON",
    "queue and index files that are missing as a whole with everything that would tell of them: an index is optional, and the oldest files of a store expire",
)
