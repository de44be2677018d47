"""What a broker says that its store will take."""

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.filesystem import DiskUsage
from rocketmq_ops.store.footprint import amount, footprint

GIB = 1 << 30


def test_defaults() -> None:
    text = footprint(MessageStoreConfig(storePathRootDir="/data/store"), DiskUsage(100 * GIB, 40 * GIB, 60 * GIB))
    assert text == (
        "disk: /data/store, blocks taken as messages come: commitlog files of 1 GiB kept 72 h, less once 75% of the disk "
        "are used (35 GiB from now), consumequeue files of 5.722 MiB (each 300,000 messages of a queue), index files of "
        "400.5 MiB (each 19,999,999 keys)"
    )


def test_small_files_without_an_index_on_a_full_disk() -> None:
    config = MessageStoreConfig(
        storePathRootDir="/s", mappedFileSizeCommitLog=1 << 20, mappedFileSizeConsumeQueue=199, fileReservedTime=1,
        diskMaxUsedSpaceRatio=50, messageIndexEnable=False,
    )  # fmt: skip
    assert footprint(config, DiskUsage(100, 60, 40)) == (
        "disk: /s, blocks taken as messages come: commitlog files of 1 MiB kept 1 h, less once 50% of the disk are used "
        "(they are already), consumequeue files of 200 bytes (each 10 messages of a queue)"
    )


def test_units() -> None:
    assert [amount(size) for size in (0, 1023, 1024, 1536, 5 << 20, GIB, 3 * GIB // 2, 2048 * GIB)] == [
        "0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "5 MiB", "1 GiB", "1.5 GiB", "2,048 GiB",
    ]  # fmt: skip
