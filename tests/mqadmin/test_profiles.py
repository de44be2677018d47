"""Where the name servers come from, and that secrets stay where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.addresses import name_server_addresses
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.connecting import profile_file
from rocketmq_ops.mqadmin.connecting.connection import ProfileError
from rocketmq_ops.mqadmin.connecting.profiles import resolve
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeTransport


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The profile file that the fixture of this folder points to."""
    path = tmp_path / "profiles.yaml"
    path.write_text(
        "default: dev\n"
        "profiles:\n"
        "  dev: {namesrv: '10.0.0.1:9876;10.0.0.2:9876', timeoutMs: 700}\n"
        "  prod: {namesrv: ['10.1.0.1:9876'], accessKey: ops, secretKeyEnv: MQ_SECRET}\n"
    )
    return path


def test_the_option_goes_before_the_environment_before_the_profile(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve(None, None).name_servers == ("10.0.0.1:9876", "10.0.0.2:9876")
    monkeypatch.setenv("NAMESRV_ADDR", "10.2.0.1:9876")
    assert resolve(None, None).name_servers == ("10.2.0.1:9876",)
    assert resolve("10.3.0.1:9876", None).name_servers == ("10.3.0.1:9876",)


def test_a_named_profile_goes_before_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMESRV_ADDR", "10.2.0.1:9876")
    assert resolve(None, "dev").timeout_ms == 700
    assert resolve("10.3.0.1:9876", "dev").name_servers == ("10.3.0.1:9876",)


def test_a_secret_from_the_environment_shows_nowhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProfileError, match="MQ_SECRET"):
        resolve(None, "prod")
    monkeypatch.setenv("MQ_SECRET", "hunter2hunter2")
    found = resolve(None, "prod")
    assert (found.access_key, found.secret_key) == ("ops", "hunter2hunter2")
    assert "hunter2" not in repr(found)


def test_a_file_with_a_secret_must_be_private(file: Path) -> None:
    file.write_text("profiles: {p: {namesrv: 'h:1', accessKey: a, secretKey: s}}\n")
    file.chmod(0o644)
    with pytest.raises(ProfileError, match="others may read it") as caught:
        resolve(None, "p")
    assert "chmod 600" in caught.value.next_step
    file.chmod(0o600)
    assert resolve(None, "p").secret_key == "s"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("profiles: {a: {namesrv: 'h:1'}, b: {namesrv: 'h:2'}}", None, "names no default"),
        ("profiles: {a: {namesrv: 'h:1'}}", "b", "no profile 'b'"),
        ("profiles: {a: {namesrv: 'h'}}", "a", "expected HOST:PORT"),
        ("profiles: {a: {}}", "a", "gives no name server"),
        ("profiles: {a: {namesrv: 'h:1', nameserver: x}}", "a", "unknown key 'nameserver'"),
        ("profiles: [", "a", "cannot read .*, line 1"),
        ("profiles: {a: {namesrv: 'h:1', timeoutMs: soon}}", "a", "timeoutMs 'soon'"),
        ("profiles: {a: {namesrv: 'h:1', timeoutMs: 0}}", "a", "timeoutMs 0"),
        ("", "a", "has no `profiles`"),
    ],
)
def test_mistakes_are_named(file: Path, text: str, name: str | None, said: str) -> None:
    file.write_text(text)
    with pytest.raises(RocketMQError, match=said) as caught:
        resolve(None, name)
    assert caught.value.next_step


@pytest.mark.parametrize("line", ['secretKey: "hunter2', "secretKey: hunter2 : x", "secretKey: [hunter2"])
def test_a_broken_file_does_not_give_away_its_secret(file: Path, line: str, cli: Cli) -> None:
    file.write_text(f"profiles:\n  a:\n    namesrv: h:1\n    {line}\n    accessKey: ops\n")
    for form in ("table", "json"):
        ran = cli(FakeTransport(), "topicList", "--profile", "a", "--output", form)
        assert ran.code == 2
        assert "line " in ran.err and str(file) in ran.err
        assert "hunter2" not in ran.out + ran.err


def test_a_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"profiles: \xff")
    with pytest.raises(ProfileError, match="not UTF-8"):
        resolve(None, "a")


def test_the_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/some/where")
    assert profile_file.config_folder() == Path("/some/where/rocketmq-ops")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr("sys.platform", "linux")
    assert profile_file.config_folder() == Path.home() / ".config" / "rocketmq-ops"
    monkeypatch.setattr("sys.platform", "darwin")
    assert profile_file.config_folder() == Path.home() / "Library" / "Application Support" / "rocketmq-ops"


def test_addresses_are_taken_as_apaches_clients_take_them() -> None:
    """ClientConfig.getNamesrvAddr takes off `http://` and what is before the last slash."""
    for text, addresses in (
        ("http://127.0.0.1:9876", ["127.0.0.1:9876"]),
        ("http://a:1;b:2", ["a:1", "b:2"]),
        ("http://a:1;http://b:2/", ["a:1", "b:2"]),
        ("http://instance.example/a:1", ["a:1"]),
        ("a:1;a:1", ["a:1"]),
        ("http://", []),
    ):
        assert name_server_addresses(text) == addresses
    assert resolve("http://127.0.0.1:9876", None).name_servers == ("127.0.0.1:9876",)
    assert ClientOptions(name_servers=["http://127.0.0.1:9876"]).name_server_list() == ["127.0.0.1:9876"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("# mine\n[]\n", 2, "expected `key: value` lines"),
        ("just a text\n", 1, "expected `key: value` lines"),
        ("default: a\nprofiles: 3\n", 2, "under 'profiles'"),
        ("default: a\nprofiles:\n- a\n", 3, "under 'profiles'"),
        ("profiles: {a: {namesrv: 'h:1'}}\nprofiles: {b: {namesrv: 'h:2'}}\n", 2, "the key 'profiles' is there twice"),
        ("profiles:\n  a: {namesrv: 'h:1'}\n  b: {namesrv: 'h:2'}\n  a: {namesrv: 'h:3'}\n", 4, "'a' is there twice"),
        ("profiles:\n  1: {namesrv: 'h:1'}\n  '1': {namesrv: 'h:2'}\n", 3, "the key '1' is there twice"),
        ("profiles:\n  a:\n    namesrv: h:1\n    namesrv: h:2\n", 4, "the key 'namesrv' is there twice"),
        ("profiles: {a: {namesrv: 'h:1'}}\n--- # more\nprofiles: {}\n", 2, "another document"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_line_and_stays(
    file: Path, cli: Cli, text: str, line: int, said: str
) -> None:
    file.write_text(text)
    for words in (["profile", "list"], ["profile", "add", "c", "-n", "h:1"], ["profile", "use", "a"], ["topicList"]):
        ran = cli(FakeTransport(), *words)
        assert ran.code == 2 and said in ran.err and f"line {line}" in ran.err and str(file) in ran.err, (words, ran)
    assert file.read_text() == text


@pytest.mark.parametrize("text", ["", "~\n", "# nothing yet\n", "profiles:\n", "default: a\nprofiles: {}\n"])
def test_an_empty_file_is_no_profiles(file: Path, cli: Cli, text: str) -> None:
    file.write_text(text)
    assert cli(FakeTransport(), "profile", "list", "--output", "json").json["status"] == "empty"
    assert cli(FakeTransport(), "profile", "add", "c", "-n", "h:1").code == 0
    assert resolve(None, "c").name_servers == ("h:1",)


def test_aliases_and_merges_are_read(file: Path) -> None:
    file.write_text(
        "base: &base {timeoutMs: 7}\nprofiles:\n  a: {<<: *base, namesrv: 'h:1'}\n  b: {<<: *base, namesrv: 'h:2'}\n"
    )
    assert [resolve(None, name).timeout_ms for name in ("a", "b")] == [7, 7]
