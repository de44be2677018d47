"""Addresses, names, Java arithmetic, compression, unique ids and the safe replacement of small files."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.addresses import (
    AddressError,
    Networks,
    address_key,
    pack_host,
    parse_address,
    resolve_host,
    split_addresses,
    unpack_host,
)
from rocketmq_ops.common.compression import compress, compression_name, decompress
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.files import OsSmallFiles, load_with_backup, save_with_backup
from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.javatypes import to_int32
from rocketmq_ops.common.permission import is_valid_perm, perm_to_string
from rocketmq_ops.common.sysflag import COMPRESSION_LZ4_TYPE, COMPRESSION_ZLIB_TYPE, COMPRESSION_ZSTD_TYPE
from rocketmq_ops.common.topics import group_problem, is_system_topic, topic_problem
from rocketmq_ops.common.unique_id import UniqueIdFactory, near_time_of


def test_addresses_sort_by_number_not_by_text() -> None:
    texts = ["127.0.0.10:9", "127.0.0.9:10911", "127.0.0.9:9876", "[::1]:5", "host-b:1"]
    assert sorted(texts, key=address_key) == [
        "127.0.0.9:9876", "127.0.0.9:10911", "127.0.0.10:9", "[::1]:5", "host-b:1"]  # fmt: skip


@pytest.mark.parametrize("text", ["", "host", "host:", ":9876", "host:abc", "host:70000", "host:-1", "host:²"])
def test_a_bad_address_is_named(text: str) -> None:
    with pytest.raises(RocketMQError, match="expected HOST:PORT"):
        parse_address(text)


def test_hosts_resolve_as_java_resolves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_host("10.1.2.3") == "10.1.2.3"
    assert resolve_host("::1") == "::1"
    assert resolve_host("::ffff:10.1.2.3") == "10.1.2.3"
    four, six = (socket.AF_INET, 1, 6, "", ("10.0.0.1", 0)), (socket.AF_INET6, 1, 6, "", ("2001:db8::1", 0, 0, 0))
    other = (socket.AF_INET, 1, 6, "", ("10.0.0.2", 0))
    for told, wanted in (([six, four, other], "10.0.0.1"), ([other, four], "10.0.0.2"), ([six], "2001:db8::1")):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, told=told, **_more: told)
        assert resolve_host("somewhere") == wanted

    def unknown(*_args: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(AddressError, match="the host 'nowhere' cannot be resolved: Name or service not known"):
        resolve_host("nowhere")


def test_addresses_parse() -> None:
    assert parse_address("[::1]:9876") == ("::1", 9876)
    assert parse_address("fe80::1:9876") == ("fe80::1", 9876)
    assert parse_address("host", 9876) == ("host", 9876)
    assert split_addresses(" a:1 ;b:2;;a:1,c:3") == ["a:1", "b:2", "c:3"]


def test_hosts_pack() -> None:
    assert pack_host("127.0.0.1", 10911) == bytes.fromhex("7f00000100002a9f")
    assert unpack_host(pack_host("2001:db8::1", 1)) == ("2001:db8::1", 1)
    assert pack_host("::ffff:10.0.0.1", 1) == pack_host("10.0.0.1", 1)
    with pytest.raises(RocketMQError):
        pack_host("localhost", 1)


def test_java_hash() -> None:
    # Values of String.hashCode in Java.
    assert string_hash("") == 0
    assert string_hash("TagA") == 2598919
    assert string_hash("polygenelubricants") == -(1 << 31)
    assert string_hash("标签") == 857175  # 0x6807 * 31 + 0x7B7E
    assert string_hash("😀") == 55357 * 31 + 56832


@given(st.integers())
def test_java_integers_wrap(value: int) -> None:
    assert -(1 << 31) <= to_int32(value) < 1 << 31
    assert (to_int32(value) - value) % (1 << 32) == 0


def test_permissions_and_names() -> None:
    assert [perm_to_string(p) for p in (0, 2, 4, 6, 7)] == ["---", "-W-", "R--", "RW-", "RWX"]
    assert is_valid_perm(7) and not is_valid_perm(8) and not is_valid_perm(-1)
    assert topic_problem("a|b-%_9") is None
    assert "characters" in (topic_problem("a b") or "")
    assert "127" in (topic_problem("t" * 128) or "")
    assert group_problem("g" * 255) is None and group_problem("g" * 256)
    assert is_system_topic("rmq_sys_x") and is_system_topic("TBW102") and not is_system_topic("Orders")


@given(st.binary(max_size=500), st.sampled_from([COMPRESSION_LZ4_TYPE, COMPRESSION_ZLIB_TYPE, COMPRESSION_ZSTD_TYPE]))
def test_compression_round_trip(body: bytes, kind: int) -> None:
    packed = compress(body, kind)
    assert decompress(packed, kind | 1) == body
    if body:
        with pytest.raises(CorruptDataError):
            decompress(packed, kind | 1, limit=len(body) - 1)


def test_messages_older_than_the_type_bits_are_zlib() -> None:
    assert compression_name(1) == "zlib"
    assert decompress(compress(b"abc"), 1) == b"abc"
    for bad in (b"", b"\x78\x9c", b"garbage"):
        with pytest.raises(CorruptDataError):
            decompress(bad, 1)
    with pytest.raises(CorruptDataError, match="unknown compression"):
        decompress(b"x", 0x701)


def test_unique_ids_differ_and_carry_their_time() -> None:
    factory = UniqueIdFactory("10.1.2.3", 0x1234)
    ids = [factory.create() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(i.startswith("0A010203" + "1234") and len(i) == 32 for i in ids)
    assert abs(near_time_of(ids[0], int(time.time() * 1000) + 1) - time.time() * 1000) < 60_000
    with pytest.raises(RocketMQError):
        near_time_of("xyz")


class FailingFiles(OsSmallFiles):
    """Fails the n-th operation that changes the disk."""

    def __init__(self, fail_at: int) -> None:
        super().__init__()
        self.left = fail_at

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write_synced(self, path: str, data: bytes) -> None:
        try:
            self._step()
        except OSError:
            super().write_synced(path, data[: len(data) // 2])
            raise
        super().write_synced(path, data)

    def replace(self, source: str, target: str) -> None:
        self._step()
        super().replace(source, target)

    def rename(self, source: str, target: str) -> None:
        self._step()
        super().rename(source, target)

    def link(self, source: str, target: str) -> None:
        self._step()
        super().link(source, target)


def test_a_failed_save_at_any_step_keeps_a_whole_file(tmp_path: Path) -> None:
    path = str(tmp_path / "config" / "topics.json")
    save_with_backup(path, b"one")
    save_with_backup(path, b"two")
    assert Path(path + ".bak").read_bytes() == b"one"
    for step in range(4):
        with pytest.raises(RocketMQError, match=r"cannot save .*topics.json: no space left"):
            save_with_backup(path, b"three", FailingFiles(step))
        assert Path(path).read_bytes() == b"two"
        assert load_with_backup(path, bytes.decode) == "two"
        assert not list(Path(path).parent.glob("*.tmp")), "nothing half-written takes the room that is missing"
    save_with_backup(path, b"three", FailingFiles(4))
    assert Path(path).read_bytes() == b"three"


def parse_number(data: bytes) -> int:
    return int(data)


@pytest.mark.parametrize("content", [b"", b"\0\0\0\0", b"half-writ"])
def test_an_empty_or_broken_file_falls_back_to_its_backup(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    (tmp_path / "x.json.bak").write_bytes(b"7")
    assert load_with_backup(str(path), parse_number) == 7
    said = caplog.messages
    assert (
        len(said) == 1
        and said[0].startswith(str(path))
        and said[0].endswith(f"what was saved before is used, {path}.bak")
    )
    if not content.strip(b"\0"):
        save_with_backup(str(path), b"8")
        assert (tmp_path / "x.json.bak").read_bytes() == b"7", "an emptied file is no backup"


def test_missing_is_none_and_broken_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert load_with_backup(str(path), parse_number) is None
    path.write_bytes(b"")
    assert load_with_backup(str(path), parse_number) is None
    path.write_bytes(b"broken")
    with pytest.raises(CorruptDataError, match="no usable configuration"):
        load_with_backup(str(path), parse_number)


def test_networks() -> None:
    some = Networks(" 10.0.0.2; 10.1.0.0/16;2001:db8::/64;")
    assert some and not Networks("") and not Networks(" ; ")
    for host in ("10.0.0.2", "10.1.255.1", "::ffff:10.1.0.1", "2001:db8::7", "2001:db8::7%eth0"):
        assert host in some, host
    for host in ("10.0.0.3", "10.2.0.1", "2001:db8:1::7", "::ffff:10.2.0.1", "?", "", "slave-1"):
        assert host not in some, host
    for wrong in ("10.0.0.1,10.0.0.2", "slave-1", "10.0.0.0/33", "10.*"):
        with pytest.raises(AddressError, match="invalid network"):
            Networks(wrong)


def test_networks_of_ipv4_that_are_written_as_ipv6() -> None:
    some = Networks("::ffff:10.0.0.2; ::ffff:10.1.0.0/112; ::ffff:172.16.0.0/108")
    for host in ("10.0.0.2", "::ffff:10.0.0.2", "10.1.255.1", "172.31.0.1", "::ffff:ac1f:1"):
        assert host in some, host
    for host in ("10.0.0.3", "10.2.0.1", "172.32.0.1", "::ffff:10.0.0.3", "::10.0.0.2", "::1"):
        assert host not in some, host
    assert "10.9.9.9" in Networks("::ffff:0:0/96") and "::1" not in Networks("::ffff:0:0/96")
