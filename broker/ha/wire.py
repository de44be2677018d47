"""The protocol of replication: frames of the commitlog to the slave, offsets back.

A frame is where its bytes lie in the commitlog (8 bytes), how many they are (4 bytes; 0 is a heartbeat), and they
themselves. A report is the offset of the byte that the slave needs next (8 bytes). Mirrors DefaultHAConnection and
DefaultHAClient.

TLS is not Apache's: its masters would take a handshake for a report, and a SYNC_MASTER of its would take everything for
replicated from then on. So a slave of ours asks before it begins one, with a byte that Apache's masters pass over, as
they wait for the other seven of a report. Whoever begins a handshake at once is answered, too.
"""

from __future__ import annotations

import struct

#: Offset and size of a frame's bytes.
FRAME_HEAD = struct.Struct(">qi")
#: Bytes of the commitlog in a frame at most: Apache's slave has a buffer of 4 MiB for a whole frame.
MAX_FRAME_BYTES = 4 * 1024 * 1024 - FRAME_HEAD.size
#: What a slave reports.
REPORT = struct.Struct(">q")
#: What a slave sends first that would have TLS, and the master answers that has it. No report begins so: its offset
#: would be 6 EiB.
TLS_WANTED = b"T"
