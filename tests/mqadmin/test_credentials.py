"""As whom a command asks: which keys go first, that the broker's side accepts them, and that no secret is shown."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.connecting.connection import Connection, ProfileError
from rocketmq_ops.mqadmin.connecting.profiles import resolve

SECRET = "hunter2hunter2"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Apache's tools.yml in the folder conf of ROCKETMQ_HOME."""
    file = tmp_path / "home" / "conf" / "tools.yml"
    file.parent.mkdir(parents=True)
    monkeypatch.setenv("ROCKETMQ_HOME", str(tmp_path / "home"))
    return file


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file for `--credentials`."""
    file = tmp_path / "keys.yaml"
    file.write_text(f"accessKey: given\nsecretKey: {SECRET}-given\n")
    file.chmod(0o600)
    return file


def keys_of(connection: Connection) -> tuple[str | None, str | None]:
    return connection.access_key, connection.secret_key


def test_the_option_the_profile_the_environment_then_apaches_file(
    home: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys_of(resolve("h:1", None)) == (None, None)
    home.write_text("accessKey: rocketmq2\nsecretKey: 12345678\n")
    assert keys_of(resolve("h:1", None)) == ("rocketmq2", "12345678")
    assert keys_of(resolve(None, None, needs_namesrv=False)) == ("rocketmq2", "12345678")
    monkeypatch.setenv("ROCKETMQ_OPS_ACCESS_KEY", "env")
    monkeypatch.setenv("ROCKETMQ_OPS_SECRET_KEY", f"{SECRET}-env")
    assert keys_of(resolve("h:1", None)) == ("env", f"{SECRET}-env")
    (tmp_path / "profiles.yaml").write_text(
        "profiles: {p: {namesrv: 'h:1', accessKey: mine, secretKeyEnv: ROCKETMQ_OPS_SECRET_KEY}, bare: {namesrv: 'h:1'}}"
    )
    assert keys_of(resolve(None, "p")) == ("mine", f"{SECRET}-env")
    assert keys_of(resolve(None, "bare")) == ("env", f"{SECRET}-env")
    assert keys_of(resolve(None, "p", credentials=str(keys))) == ("given", f"{SECRET}-given")


@pytest.mark.parametrize(
    "text", ["", "accessKey: a\n", "accessKey: a\nsecretKey: ''\n", "accessKey: ' '\nsecretKey: b\n"]
)
def test_apaches_file_without_both_keys_is_as_none(home: Path, text: str) -> None:
    """AclUtils.buildRpcHook signs nothing then."""
    home.write_text(text)
    assert keys_of(resolve("h:1", None)) == (None, None)


def test_mistakes_are_named_without_the_secret(home: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.chmod(0o644)
    with pytest.raises(ProfileError, match="others may read it"):
        resolve("h:1", None, credentials=str(keys))
    keys.chmod(0o600)
    keys.write_text(f"accessKey: a\nsecretKey: [{SECRET}\n")
    home.write_text(f"accessKey: a\nsecretKey: '{SECRET}\n")
    for credentials, path in ((str(keys), keys), (None, home)):
        with pytest.raises(ProfileError, match=f"cannot read {path}: .*line") as caught:
            resolve("h:1", None, credentials=credentials)
        assert SECRET not in str(caught.value) + caught.value.next_step
    keys.write_text("secretKey: b\n")
    with pytest.raises(ProfileError, match="no accessKey or no secretKey"):
        resolve("h:1", None, credentials=str(keys))
    with pytest.raises(ProfileError, match=r"cannot read .*: no such file"):
        resolve("h:1", None, credentials=str(keys) + ".not")
    monkeypatch.setenv("ROCKETMQ_OPS_ACCESS_KEY", "a")
    with pytest.raises(ProfileError, match="shall come from ROCKETMQ_OPS_SECRET_KEY, which is not set"):
        resolve("h:1", None)


def test_where_they_are_is_shown_and_not_what_they_are(
    home: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text(f"accessKey: ops\nsecretKey: {SECRET}\n")
    for words, where in (([], home), (["--credentials", str(keys)], keys)):
        assert mqadmin.run(["profile", "show", "-n", "h:1", *words]) == 0
        captured = capsys.readouterr()
        assert f"file {where}" in captured.out and SECRET not in captured.out + captured.err


def test_they_are_asked_for_on_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["topicList", "-n", "127.0.0.1:9", "--credentials", "-"]
    command = [sys.executable, "-m", "rocketmq_ops.mqadmin", *line]
    environment = {key: value for key, value in os.environ.items() if key != "ROCKETMQ_HOME"}
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, check=False
    )
    assert ran.returncode == 2 and "there is no terminal" in ran.stderr
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment)
    seen = b""
    try:
        for prompt, typed in ((b"access key: ", b"ops\n"), (b"secret key of 'ops': ", SECRET.encode() + b"\n")):
            while prompt not in seen:
                seen += os.read(terminal, 4096)
            os.write(terminal, typed)
        while True:
            try:
                more = os.read(terminal, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not more:
                break
            seen += more
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 3
    assert b"connection refused" in seen and SECRET.encode() not in seen
