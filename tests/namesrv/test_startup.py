"""`mqnamesrv` as a process: flags, the ready line, mistakes, the end."""

import re
import socket

from tests.server_process import run, started

from rocketmq_ops.common.properties import parse_properties


def write_config(tmp_path, **keys) -> str:
    path = tmp_path / "namesrv.conf"
    values = {"listenPort": 0, "bindAddress": "127.0.0.1", "kvConfigPath": tmp_path / "kvConfig.json", **keys}
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return str(path)


def test_start_and_stop(tmp_path):
    with started("mqnamesrv", "-c", write_config(tmp_path), home=tmp_path) as server:
        found = re.fullmatch(
            r"The Name Server boot success\. serializeType=JSON, address 127\.0\.0\.1:(\d+), ready in \d+ ms",
            server.boot_line,
        )
        assert found, server.boot_line
        socket.create_connection(("127.0.0.1", int(found[1])), 5).close()
        code, out, err = server.end()
    uses = rf"memory: \d+ MB of its own now, .*; disk: {tmp_path}/kvConfig\.json alone\n"
    assert re.fullmatch(uses, out), out
    assert code == 0
    assert "Traceback" not in err


def test_print_configuration(tmp_path):
    config = write_config(tmp_path, listenPort=19876, clientRequestThreadPoolNums=3)
    everything = run("mqnamesrv", "-c", config, "-p", home=tmp_path)
    assert everything.returncode == 0
    shown = parse_properties(everything.stdout)
    assert (shown["listenPort"], shown["clientRequestThreadPoolNums"]) == ("19876", "3")
    assert shown["configStorePath"] == config
    important = parse_properties(run("mqnamesrv", "-c", config, "-m", home=tmp_path).stdout)
    assert important["listenPort"] == "19876"
    assert "clientRequestThreadPoolNums" not in important
    defaults = parse_properties(run("mqnamesrv", "-p", home=tmp_path).stdout)
    assert (defaults["listenPort"], defaults["kvConfigPath"]) == ("9876", f"{tmp_path}/namesrv/kvConfig.json")


def test_mistakes_are_one_line_and_an_exit_code(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for keys, code, words in (
            ({"waitSecondsForService": "soon"}, 2, ["waitSecondsForService", "soon"]),
            ({"listenPort": port}, 1, [str(port), "in use", "another port"]),
            (None, 2, ["no such file", "-c"]),
            ({"kvConfigPath": "~/kv.json"}, 2, ["line 3: ", "kvConfigPath", "'~/kv.json'", "a path written out"]),
            ({"scanNotActiveBrokerInterval": "10 "}, 2, ["line 4: ", "'10 '", "without the blanks"]),
            ({"enableControllerInNamesrv": "true"}, 2, ["enableControllerInNamesrv=true is refused", "no controller"]),
            ({"authenticationEnabled": "true"}, 2, ["authenticationEnabled=true is refused"]),
            ({"tls.server.mode": "on"}, 2, ["tls.server.mode", "'on'", "disabled, permissive, enforcing"]),
            ({"tls.server.certPath": "/no.pem"}, 2, ["tls.server.keyPath is missing", "tls.test.mode.enable=true"]),
        ):
            config = str(tmp_path / "none.conf") if keys is None else write_config(tmp_path, **keys)
            ended = run("mqnamesrv", "-c", config, home=tmp_path)
            assert ended.returncode == code, ended
            assert ended.stdout == ""
            assert len(ended.stderr.strip().splitlines()) == 1
            assert all(word in ended.stderr for word in ("mqnamesrv: ", *words)), ended.stderr


def test_an_unknown_key_is_named_and_the_server_starts(tmp_path):
    config = write_config(tmp_path, orderMessageEnabled="true")
    ended = run("mqnamesrv", "-c", config, "-p", home=tmp_path)
    assert ended.returncode == 0
    assert "'orderMessageEnabled'" in ended.stderr
    assert "'orderMessageEnable'" in ended.stderr


def test_words_count_more_than_the_file(tmp_path):
    config = write_config(tmp_path, waitSecondsForService=7, orderMessageEnable="false")
    printed = run("mqnamesrv", "orderMessageEnable=true", "-c", config, "oddKey=1", "-p", home=tmp_path)
    shown = parse_properties(printed.stdout)
    assert (shown["orderMessageEnable"], shown["waitSecondsForService"]) == ("true", "7")
    assert printed.stderr.startswith("mqnamesrv: command line: unknown configuration key 'oddKey'")
    wrong = run("mqnamesrv", "-c", config, "orderMessageEnable", home=tmp_path)
    assert wrong.returncode == 2
    assert "'orderMessageEnable' is neither an option nor KEY=VALUE" in wrong.stderr


def test_a_file_in_utf_16_is_refused(tmp_path):
    path = tmp_path / "namesrv.conf"
    path.write_text("listenPort=0\n", encoding="utf-16")
    ended = run("mqnamesrv", "-c", str(path), home=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"mqnamesrv: {path} is UTF-16 text: no key of it could be read; save the file as UTF-8 or ASCII\n"
    )


def test_help_and_unknown_flags(tmp_path):
    assert "--configFile" in run("mqnamesrv", "-h", home=tmp_path).stdout
    assert run("mqnamesrv", "--nonsense", home=tmp_path).returncode == 2


def test_log_files_have_apaches_names(tmp_path):
    logs = tmp_path / "logs"
    with started("mqnamesrv", "-c", write_config(tmp_path), "--log-dir", str(logs), home=tmp_path) as server:
        server.end()
    assert sorted(path.name for path in logs.iterdir()) == ["namesrv.log", "namesrv_default.log"]
    assert " INFO __main__ - The Name Server boot success." in (logs / "namesrv.log").read_text()
    (tmp_path / "file").write_text("")
    refused = run("mqnamesrv", "-c", write_config(tmp_path), "--log-dir", str(tmp_path / "file"), home=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr == f"mqnamesrv: {tmp_path}/file: File exists; check the path and its permissions\n"
