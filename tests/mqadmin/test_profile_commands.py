"""`mqadmin profile`: what it writes, who may read that, and that no secret is shown."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.connecting import project_file
from rocketmq_ops.mqadmin.connecting.connection import ProfileError
from rocketmq_ops.mqadmin.connecting.profiles import resolve
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran

SECRET = "hunter2hunter2"


class Profiles:
    """Runs `mqadmin profile ...` in this process."""

    def __init__(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = file
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        code = mqadmin.run(["profile", *arguments])
        captured = self._capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        assert "Traceback" not in captured.err
        return Ran(code, captured.out, captured.err)

    @property
    def document(self) -> object:
        return yaml.safe_load(self.file.read_text())


@pytest.fixture
def profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Profiles:
    return Profiles(tmp_path / "profiles.yaml", capsys)


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


def test_the_life_of_profiles(profile: Profiles) -> None:
    assert profile("list", "--output", "json").json["status"] == "empty"
    assert profile("add", "dev", "-n", "h:1, h:2", "--timeout", "700").code == 0
    assert profile("add", "prod", "-n", "p:1", "--accessKey", "ops", "--secretKeyEnv", "MQ_SECRET").code == 0
    assert profile.document == {
        "profiles": {
            "dev": {"namesrv": "h:1, h:2", "timeoutMs": 700},
            "prod": {"namesrv": "p:1", "accessKey": "ops", "secretKeyEnv": "MQ_SECRET"},
        }
    }
    assert stat.S_IMODE(profile.file.stat().st_mode) == 0o600
    assert profile("use", "prod").code == 0
    listed = profile("list", "--output", "json").json["data"]["profiles"]
    assert [(one["name"], one["default"], one["secretKeyFrom"]) for one in listed] == [
        ("dev", False, None),
        ("prod", True, "environment variable MQ_SECRET"),
    ]
    assert profile("show", "dev", "--output", "json").json["data"]["profile"]["namesrv"] == ["h:1", "h:2"]
    removed = profile("remove", "prod")
    assert removed.code == 0 and profile.document == {"profiles": {"dev": {"namesrv": "h:1, h:2", "timeoutMs": 700}}}
    assert resolve(None, None).timeout_ms == 700  # the only one is the default


def test_a_stored_secret_is_read_from_stdin_and_only_the_owner_may_read_it(
    profile: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.file.write_text("profiles: {old: {namesrv: 'h:1'}}  # mine\n")
    profile.file.chmod(0o644)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((SECRET + "\n").encode())))
    added = profile("add", "prod", "-n", "p:1", "--accessKey", "ops", "--storeSecretKey", "--default")
    assert added.code == 0 and "comments are not kept" in added.err
    assert stat.S_IMODE(profile.file.stat().st_mode) == 0o600
    found = resolve(None, None)
    assert (found.name_servers, found.access_key, found.secret_key) == (("p:1",), "ops", SECRET)
    for words in (("list",), ("show",), ("show", "prod"), ("use", "prod"), ("remove", "prod")):
        for form in ("table", "json", "yaml", "csv"):
            if words[0] != "remove" or form == "table":
                assert profile(*words, "--output", form).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "dev", "-n", "h:1"), "there is a profile 'dev' already"),
        (("add", "new"), "no name server is given for the profile"),
        (("add", "a b", "-n", "h:1"), "invalid profile name"),
        (("add", "new", "-n", "h"), "invalid address 'h'"),
        (("add", "new", "-n", "h:1", "--accessKey", "a"), "accessKey and no secret key"),
        (("add", "new", "-n", "h:1", "--secretKeyPrompt"), "secret key and no accessKey"),
        (
            ("add", "new", "-n", "h:1", "--accessKey", "a", "--secretKeyPrompt", "--secretKeyEnv", "E"),
            "in several ways",
        ),
        (("use", "new"), "there is no profile 'new'"),
        (("remove", "new"), "there is no profile 'new'"),
        (("test", "new"), "there is no profile 'new'"),
    ],
)
def test_what_is_refused_leaves_the_file_alone(words: tuple[str, ...], said: str, profile: Profiles) -> None:
    profile("add", "dev", "-n", "h:1")
    before = profile.file.read_bytes()
    ran = profile(*words)
    assert ran.code == 2 and said in ran.err and "\n  next: " in ran.err
    assert profile.file.read_bytes() == before


def test_a_profile_that_cannot_be_used_does_not_hide_the_others(profile: Profiles) -> None:
    profile.file.write_text("profiles: {good: {namesrv: 'h:1'}, bad: {namesrv: 'h:1', server: x}}")
    ran = profile("list")
    assert ran.code == 5 and "good" in ran.out and "profile 'bad' has an unknown key 'server'" in ran.err


def test_a_profile_is_tried(profile: Profiles, pair: RocketMQBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    profile("add", "up", "-n", pair.namesrv)
    answer = profile("test", "up", "--output", "json")
    assert answer.code == 0
    assert [(one["kind"], one["address"], one["answered"]) for one in answer.json["data"]["servers"]] == [
        ("name server", pair.namesrv, True),
        ("broker", pair.broker, True),
    ]
    profile("add", "half", "-n", f"{pair.namesrv};127.0.0.1:9")
    assert profile("test", "half").code == 5
    profile("add", "down", "-n", "127.0.0.1:9")
    assert profile("test", "down").code == 3
    monkeypatch.setenv("NAMESRV_ADDR", pair.namesrv)
    assert profile("test").code == 0


# The project file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a project, in a sub-folder of which the test works."""
    folder = tmp_path / "project" / "src"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder.parent / ".rocketmq-ops.yaml"


def test_a_project_file_is_found_upwards_before_the_default_profile(
    project: Path, profile: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile("add", "dev", "-n", "h:1", "--default")
    profile("add", "prod", "-n", "h:2")
    assert project_file.find() is None
    project.write_text("namesrv: h:3\ntimeoutMs: 900\n")
    assert (resolve(None, None).name_servers, resolve(None, None).timeout_ms) == (("h:3",), 900)
    assert resolve(None, None).origin == str(project)
    project.write_text("profile: prod\n")
    assert resolve(None, None).name_servers == ("h:2",)
    assert str(project) in profile("use", "dev").err
    monkeypatch.setenv("NAMESRV_ADDR", "h:4")
    assert resolve(None, None).name_servers == ("h:4",)
    monkeypatch.setenv("ROCKETMQ_OPS_PROFILE", "dev")
    assert resolve(None, None).name_servers == ("h:1",)
    assert resolve(None, "prod").name_servers == ("h:2",)
    assert resolve("h:5", None).name_servers == ("h:5",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("namesrv: h:1\nsecretKey: hunter2hunter2\n", "may not hold credentials"),
        ("namesrv: h:1\naccessKey: a\nsecretKeyFile: /etc/key\n", "may not hold credentials"),
        ("profile: prod\nnamesrv: h:1\n", "a profile and more"),
        ("server: h:1\n", "unknown key 'server'"),
        ("{}\n", "gives no name server address"),
        ("profile: nobody\n", "there is no profile file"),
    ],
)
def test_mistakes_in_a_project_file_are_named(project: Path, text: str, said: str) -> None:
    project.write_text(text)
    with pytest.raises(ProfileError, match=said) as caught:
        resolve(None, None)
    assert str(project) in caught.value.cause and caught.value.next_step
    assert SECRET not in str(caught.value)


def test_a_project_file_of_another_user_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write_text("namesrv: h:1\n")
    monkeypatch.setattr("os.getuid", lambda: project.stat().st_uid + 1)
    if project.stat().st_uid == 0:  # root's files are trusted: as if another owned it
        monkeypatch.setattr(project_file, "_TRUSTED_UID", -1)
    with pytest.raises(ProfileError, match="belongs to another user"):
        resolve(None, None)


def test_a_working_folder_that_is_gone_has_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert project_file.find() is None


def test_removing_says_what_is_gone_and_what_is_the_default_now(profile: Profiles) -> None:
    for name in ("dev", "prod", "test"):
        assert profile("add", name, "-n", f"{name}:1").code == 0
    assert profile("use", "prod").code == 0
    removed = profile("remove", "prod")
    assert f"profile 'prod' is removed from {profile.file}" in removed.out and "prod:1" in removed.out
    assert "no profile is the default now" in removed.out and "`mqadmin profile use` chooses another" in removed.err
    last = profile("remove", "test", "--output", "json").json["data"]
    assert last["profile"]["name"] == "test" and last["defaultProfile"] == "dev"  # the only one that is left
    assert "no profile is the default now" in profile("remove", "dev").out


@pytest.mark.parametrize("broken", ["{namesrv: 'h:1', nameserver: x}", "3", "[a]", "", "{accessKey: ops}"])
def test_a_profile_that_cannot_be_used_can_be_removed(profile: Profiles, broken: str) -> None:
    profile.file.write_text(f"default: bad\nprofiles:\n  good: {{namesrv: 'h:1'}}\n  bad: {broken}\n")
    listed = profile("list")
    assert listed.code == 5 and "good" in listed.out and "bad" in listed.err
    removed = profile("remove", "bad")
    assert removed.code == 0 and "it could not be used: " in removed.err
    assert "the default profile is 'good' now" in removed.out
    assert profile.document == {"profiles": {"good": {"namesrv": "h:1"}}}


def test_names_that_yaml_reads_as_numbers_are_names(profile: Profiles) -> None:
    profile.file.write_text("default: 12\nprofiles:\n  12: {namesrv: 'h:1'}\n  13: {namesrv: 'h:2'}\n")
    assert resolve(None, None).name_servers == ("h:1",)
    assert profile("remove", "12").code == 0
    assert resolve(None, "13").name_servers == ("h:2",)
    assert profile("remove", "14").code == 2


def test_a_project_file_with_a_key_twice_is_refused(
    profile: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one would lead to another cluster than the line that was read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / project_file.FILE_NAME).write_text("namesrv: h:1\nnamesrv: h:2\n")
    with pytest.raises(ProfileError, match="the key 'namesrv' is there twice, line 2"):
        resolve(None, None)
