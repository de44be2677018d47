"""Applying and undoing on copies of hosts, by both forms and across them; the machine itself is never touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import OsSmallFiles
from rocketmq_ops.housekeeping.host.changes import apply, plan_of, undo, undoable
from rocketmq_ops.housekeeping.host.dropins import FILES, LIMITS, SYSCTL, SYSTEMD, TMPFILES, UDEV
from rocketmq_ops.housekeeping.host.record import FOLDER, RefusedError
from rocketmq_ops.housekeeping.host.root import Root
from tests.housekeeping.host.hosts import HOSTS, Host, made, tree
from tests.housekeeping.host.shells import SCRIPT, SHELLS, os_sh, shell

Act = Callable[[Path], object]
REFUSED, NOTHING = 6, 8


def apply_here(root: Path) -> None:
    host = Root(str(root))
    apply(host, plan_of(host))


def acts(form: str) -> tuple[Act, Act]:
    """Apply and undo of a form: `python` or a shell."""
    if form == "python":
        return apply_here, lambda root: undo(Root(str(root)))
    words = shell(form)
    return lambda root: os_sh(words, "apply", "--root", str(root)), lambda root: os_sh(
        words, "undo", "--root", str(root)
    )


FORMS = ("python", *SHELLS)
#: Every host in Python and one shell, one host in the others.
TRIED = [(host, form) for form in FORMS for host in HOSTS if form in ("python", "dash") or host == "rotating_disks"]


@pytest.mark.parametrize(("host", "form"), TRIED)
def test_a_second_apply_changes_nothing_and_undo_brings_every_byte_back(host: str, form: str, tmp_path: Path) -> None:
    do, back = acts(form)
    root = made(host, tmp_path / "root")
    before = tree(root)
    do(root)
    applied = tree(root)
    assert before.items() <= applied.items(), "nothing that was there is touched"
    do(root)
    assert tree(root) == applied
    if applied == before:
        assert host in ("container", "old_container", "empty"), "elsewhere there is something to set"
        return
    back(root)
    assert tree(root) == before


@pytest.mark.parametrize(("host", "form"), [(host, form) for host, form in TRIED if form != "python"])
def test_both_forms_write_the_same(host: str, form: str, tmp_path: Path) -> None:
    """The record too: what one applies the other undoes."""
    do, back = acts(form)
    ours, theirs = made(host, tmp_path / "ours"), made(host, tmp_path / "theirs")
    before = tree(ours)
    apply_here(ours)
    do(theirs)
    assert tree(ours) == tree(theirs)
    if tree(ours) == before:
        return
    back(ours)
    undo(Root(str(theirs)))
    assert tree(ours) == tree(theirs) == before


@pytest.mark.parametrize("form", FORMS)
def test_files_that_were_there_come_back(form: str, tmp_path: Path) -> None:
    do, back = acts(form)
    root = made("old_kernel", tmp_path / "root")
    Host(root).put(SYSCTL, "# mine\nvm.swappiness=7\nno newline at the end")
    place = root / SYSCTL
    place.write_bytes(b"\xff binary \0 without a newline")
    place.chmod(0o640)
    os.utime(place, ns=(1_500_000_000_000_000_000, 1_400_000_000_000_000_000))
    (root / "etc/udev/rules.d" / Path(UDEV).name).symlink_to("/dev/null")
    before, times = tree(root), place.stat().st_mtime_ns
    do(root)
    assert place.read_bytes().startswith(b"# Written by")
    assert not (root / UDEV).is_symlink()
    back(root)
    assert tree(root) == before
    assert place.stat().st_mtime_ns == times


@pytest.mark.parametrize("form", FORMS)
def test_a_later_apply_adds_and_undo_goes_back_to_the_first(form: str, tmp_path: Path) -> None:
    do, back = acts(form)
    root = made("virtual_machine", tmp_path / "root")
    before = tree(root)
    do(root)
    host = Host(root)
    host.put("proc/sys/vm/max_map_count", "655360")  # in effect now
    host.put("proc/sys/vm/overcommit_memory", "2")  # and something new is wrong
    do(root)
    text = (root / SYSCTL).read_text()
    assert "vm.max_map_count = 655360\n" in text, "it is right because the file says so"
    assert "vm.overcommit_memory = 0\n" in text
    back(root)
    host.put("proc/sys/vm/max_map_count", "65530")
    host.put("proc/sys/vm/overcommit_memory", "0")
    assert tree(root) == before


@pytest.mark.parametrize("form", FORMS)
def test_what_somebody_changed_since_is_not_lost(form: str, tmp_path: Path) -> None:
    do, _ = acts(form)
    root = made("old_kernel", tmp_path / "root")
    before = tree(root)
    do(root)
    place = root / SYSCTL
    place.write_text(place.read_text() + "kernel.panic = 10\n")
    edited = tree(root)
    host = Root(str(root))
    for act in (lambda: apply_here(root), lambda: undo(host)):
        with pytest.raises(RefusedError, match="changed by somebody"):
            act()
    if form != "python":
        for command in ("apply", "undo"):
            done = os_sh(shell(form), command, "--root", str(root), code=REFUSED)
            assert f"changed by somebody since it was applied: /{SYSCTL}" in done.stderr
    assert tree(root) == edited
    if form == "python":
        undo(host, force=True)
    else:
        os_sh(shell(form), "undo", "--force", "--root", str(root))
    assert tree(root) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_link_that_leads_out_of_the_copy_is_not_followed(form: str, tmp_path: Path) -> None:
    do, _ = acts(form)
    root, outside = made("old_kernel", tmp_path / "root"), tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(root / "etc/sysctl.d")
    (root / "etc/sysctl.d").symlink_to(outside)
    before = tree(root)
    if form == "python":
        with pytest.raises(RefusedError, match="is a symbolic link"):
            do(root)
    else:
        assert "is a symbolic link" in os_sh(shell(form), "apply", "--root", str(root), code=REFUSED).stderr
    assert tree(root) == before
    assert not list(outside.iterdir())


def test_the_files(tmp_path: Path) -> None:
    root = made("old_kernel", tmp_path / "root")
    texts = {file.path: file.text for file in plan_of(Root(str(root))).files}
    assert set(texts) == set(FILES)
    assert "# net.ipv4.tcp_tw_recycle\nnet.ipv4.tcp_tw_recycle = 0\n" in texts[SYSCTL]
    assert "drop_caches" not in "".join(texts.values())
    assert "* hard nofile 655350\nroot hard nofile 655350\n" in texts[LIMITS]
    assert "root soft nproc 32768\nroot hard nproc 127000\n" in texts[LIMITS]
    assert "[Manager]\n# limit.nofile\nDefaultLimitNOFILE=1024:655350\n" in texts[SYSTEMD]
    assert 'KERNEL=="sda", ATTR{queue/scheduler}="deadline"\n' in texts[UDEV]
    assert 'KERNEL=="cciss/c0d0", ATTR{queue/read_ahead_kb}=' in texts[UDEV], "udev writes a kernel's ! as /"
    assert "w /sys/kernel/mm/transparent_hugepage/defrag - - - - madvise\n" in texts[TMPFILES]


def test_what_is_left_to_do_by_hand(tmp_path: Path) -> None:
    def left(name: str) -> dict[str, str]:
        return {item.id: item.hand for item in plan_of(Root(str(made(name, tmp_path / name)))).by_hand}

    assert "clocksource=tsc" in left("old_kernel")["clock.source"]
    inside = left("container")
    assert "--sysctl" in inside["vm.max_map_count"]
    assert "--for apache" in inside["cgroup.memory"]
    assert left("arm_machine")["thp.enabled"] == "no drop-in folder for it on this host"


@pytest.mark.parametrize("shell_name", SHELLS)
def test_what_is_read_later_is_named(shell_name: str, tmp_path: Path) -> None:
    words = shell(shell_name)
    root = made("old_kernel", tmp_path / "root")
    host = Host(root)
    host.put("etc/sysctl.conf", "# vm.swappiness = 3\nvm.swappiness=  60\nvm.max_map_count = 655360\nfs.file-max=1")
    host.put("etc/sysctl.d/99-db.conf", "; vm.max_map_count = 7\nvm.max_map_count\t= 262144\nnothing")
    host.put("etc/sysctl.d/50-early.conf", "vm.swappiness = 50")
    host.put("etc/sysctl.d/99-text.txt", "vm.swappiness = 51")
    (root / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    host.put("etc/tuned/active_profile", "throughput-performance")
    notes = [
        "/etc/sysctl.d/99-db.conf sets vm.max_map_count = 262144 and is read later: change that line",
        "/etc/sysctl.conf sets vm.swappiness = 60 and is read later: change that line",
        "tuned is active with the profile throughput-performance: what that sets comes after these files",
    ]
    assert plan_of(Root(str(root))).notes == notes
    said = os_sh(words, "plan", "--root", str(root)).stdout.splitlines()
    assert said[-len(notes) :] == notes


def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = made("old_kernel", tmp_path / "root")
    before = tree(root)
    write = OsSmallFiles.write_synced

    def full(files: OsSmallFiles, path: str, data: bytes) -> None:
        write(files, path, data)
        if path == str(root / UDEV) + ".tmp":
            raise OSError(28, "No space left on device")

    # Of the class: on an object pytest 8 leaves what it puts back, which hides what others do to the class.
    monkeypatch.setattr(OsSmallFiles, "write_synced", full)
    with pytest.raises(OSError, match="No space left"):
        apply_here(root)
    assert (root / SYSCTL).exists()
    assert not list(root.rglob("*.tmp"))
    undo(Root(str(root)))
    assert tree(root) == before


def test_busybox_needs_nothing_else(tmp_path: Path) -> None:
    """On a host that has no other programs."""
    shell("busybox")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "cp", "mv", "rm", "mkdir", "rmdir", "id"):
        (programs / name).symlink_to(shutil.which("busybox") or "")
    alone = ["env", "-i", f"PATH={programs}", str(programs / "sh")]
    root = made("old_kernel", tmp_path / "root")
    Host(root).put(SYSCTL, "mine")
    (root / UDEV).symlink_to("/dev/null")
    before = tree(root)
    for act in ("plan", "apply", "undo"):
        assert os_sh(alone, act, "--root", str(root)).stderr == ""
        assert (tree(root) == before) is (act != "apply")


def test_undo_before_apply(tmp_path: Path) -> None:
    assert undoable(Root(str(tmp_path))) == {}
    undo(Root(str(tmp_path)))
    assert "nothing to undo" in os_sh(shell("dash"), "undo", "--root", str(tmp_path), code=NOTHING).stderr


@pytest.mark.parametrize(
    "text", ["something else\n", "rocketmq-ops os 1\nnew etc/passwd\n", "rocketmq-ops os 1\nx y\n"]
)
def test_a_record_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "manifest").write_text(text)
    before = tree(tmp_path)
    with pytest.raises(RocketMQError, match="unknown"):
        undo(Root(str(tmp_path)))
    assert "unknown" in os_sh(shell("dash"), "undo", "--root", str(tmp_path), code=1).stderr
    assert tree(tmp_path) == before


def test_an_apply_that_was_cut_off_is_undone(tmp_path: Path) -> None:
    """The record is there before the first file: what was not yet written is as it was."""
    root = made("old_kernel", tmp_path / "root")
    Host(root).put(LIMITS, "* hard core 0")
    before = tree(root)
    apply_here(root)
    shutil.copy(root / FOLDER / "before" / LIMITS, root / LIMITS)
    (root / TMPFILES).unlink()
    undo(Root(str(root)))
    assert tree(root) == before


@pytest.mark.parametrize("shell_name", SHELLS)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sideways"], "unknown word 'sideways'"),
        (["check", "plan"], "only one command"),
        (["--root"], "--root needs a value"),
        (["--format", "xml"], "invalid --format 'xml': expected text or tsv"),
        (["--store", "data"], "expected an absolute path"),
    ],
)
def test_wrong_command_lines(words: list[str], said: str, shell_name: str) -> None:
    done = os_sh(shell(shell_name), *words, code=2)
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("shell_name", SHELLS)
def test_a_folder_that_is_not_there(shell_name: str) -> None:
    done = os_sh(shell(shell_name), "--root", "/no/such/folder", code=4)  # as mqadmin has it
    assert "no such folder: /no/such/folder" in done.stderr


@pytest.mark.parametrize("shell_name", SHELLS)
def test_the_text_of_a_check(shell_name: str, tmp_path: Path) -> None:
    root = made("old_kernel", tmp_path / "root")
    lines = os_sh(shell(shell_name), "--root", str(root)).stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith("change   vm.overcommit_memory"))
    assert lines[at].endswith("2 (wanted: 0|1)")
    assert lines[at + 1].strip().startswith("why: with 2 the kernel refuses")
    assert lines[-1].endswith("not applicable")
    assert "usage: os.sh" in os_sh(shell(shell_name), "--help").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("shell_name", SHELLS)
def test_on_the_machine_itself_it_needs_root(shell_name: str) -> None:
    """Run as nobody, whom the kernel would stop too; the script comes through stdin, as nobody may not enter every checkout."""
    words = shell(shell_name)
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if shutil.which(become[0]) is None:
        pytest.skip("no setpriv on this machine")
    with SCRIPT.open("rb") as script:
        done = subprocess.run(
            [*become, *words, "-s", "apply"], stdin=script, capture_output=True, text=True, check=False, cwd="/"
        )
    assert done.returncode == REFUSED, (done.stdout, done.stderr)
    assert "only root may" in done.stderr
