"""Help in Chinese: no text of a declaration, of an error or of a topic without a translation, and none that slips."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common.config import ConfigClass
from rocketmq_ops.mqadmin import declare, exit_codes, lang, registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.explain import help_topics
from rocketmq_ops.mqadmin.explain.known_errors import KNOWN
from rocketmq_ops.mqadmin.lang.catalogue import Template, template_of
from rocketmq_ops.mqadmin.response_table import ADVICE, UNKNOWN
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting import response_meanings
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig
from tests.mqadmin.conftest import Cli
from tests.mqadmin.lang.slips import is_chinese, slips

ROOT = Path(__file__).parents[3]
FOLDER = Path(lang.__file__).with_name("zh")
#: Translations that are names themselves.
NAMES = {"Topic", "Name Server"}


def entries(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    lang.begin([], {})


def declarations() -> Iterator[tuple[registry.Entry, declare.Declaration]]:
    for entry in registry.ENTRIES:
        module = importlib.import_module(f"rocketmq_ops.mqadmin.commands.{entry.module}")
        yield entry, declare.declaration_of(module)


def texts_of_commands() -> set[str]:
    """Sections, summaries and descriptions."""
    found = {text for entry in registry.ENTRIES for text in (entry.section, entry.summary)}
    return found | {inspect.cleandoc(declared.function.__doc__ or "") for _, declared in declarations()} - {""}


def texts_of_options() -> set[str]:
    return {option.help for _, declared in declarations() for _, option, _ in declare.all_options(declared).values()}


def texts_of_errors() -> set[str]:
    meanings = [*response_meanings.MEANINGS.values(), response_meanings.UNKNOWN]
    found = {text for known in KNOWN for text in (known.cause, known.remedy)}
    found |= {text for meaning in meanings for text in (meaning.cause, meaning.next_step)}
    found |= {advice.next_step for advice in [*ADVICE.values(), UNKNOWN]}
    return found | set(exit_codes.MEANINGS.values())


def texts_of_configuration() -> set[str]:
    classes: list[type[ConfigClass]] = [
        BrokerConfig, MessageStoreConfig, NettyServerConfig, NettyClientConfig, AuthConfig, NamesrvConfig,
        TlsSystemConfig,
    ]  # fmt: skip
    infos = [info for cls in classes for info in map(cls.key_info, cls.keys())]
    return {text for info in infos if info.used for text in (info.used.doc, info.used.because) if text} | {
        info.refused.because for info in infos if info.refused
    }


@pytest.mark.parametrize(
    ("name", "texts"),
    [("commands", texts_of_commands), ("options", texts_of_options), ("explain", texts_of_errors)],
)
def test_each_text_has_a_translation_and_each_translation_a_text(name: str, texts: object) -> None:
    assert callable(texts)
    there, wanted = set(entries(name)), texts()
    assert not wanted - there, f"{name}.json lacks {sorted(wanted - there)}"
    assert not there - wanted, f"{name}.json has what nobody says: {sorted(there - wanted)}"


def test_pages_and_keys_of_configuration_have_translations() -> None:
    about = {topic.about for topic in help_topics.TOPICS.values()}
    assert about <= set(entries("pages"))
    assert texts_of_configuration() <= set(entries("configuration"))


def literals() -> str:
    """Every text of mqadmin's source, of the generator of the page on configuration, and of typer's, a line each."""
    root = Path(lang.__file__).parents[1]
    files = [
        *root.rglob("*.py"),
        ROOT / "scripts/gen_config_docs.py",
        *Path(typer.__file__).parent.rglob("*.py"),
    ]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return "\n".join({node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)})


def parts_of(template: Template) -> list[str]:
    """The words between a key's fields and marks, which the source may put together."""
    return [part for piece in template.pieces for part in re.split(r"[?;,()']|\b(?:or|requires)\b", piece)]


def test_wrong_usage_and_pages_have_no_translation_of_what_nobody_says() -> None:
    said = literals().lower()
    for name in ("usage", "pages", "configuration"):
        own = texts_of_configuration() if name == "configuration" else set()
        unused = [
            key
            for key, chinese in entries(name).items()
            if key not in own and not all(part.strip().lower() in said for part in parts_of(template_of(key, chinese)))
        ]
        assert unused == [], name


@pytest.mark.parametrize("name", ["commands", "options", "explain", "usage", "pages", "configuration"])
def test_no_translation_slips(name: str) -> None:
    for english, chinese in entries(name).items():
        assert not slips(english, chinese), f"{english!r}: {slips(english, chinese)}"
        words = any(char.isalpha() for char in "".join(template_of(english, chinese).pieces))
        assert is_chinese(chinese) or chinese in NAMES or not words or any(char in chinese for char in "：（）"), (
            english
        )
        chinese.encode("gbk")
        assert not any(mark in chinese for mark in ("。.", ", 和", "、、")) and chinese == chinese.strip(" ")


def test_help_of_every_command_is_chinese(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    translations = entries("commands") | entries("options") | entries("usage")
    for entry, declared in declarations():
        ran = cli(None, *entry.name.split(), "--help", "--lang", "zh")
        assert (ran.code, ran.err) == (0, "")
        solid = "".join(ran.out.split())
        described = inspect.cleandoc(declared.function.__doc__ or "")
        options = [option.help for _, option, _ in declare.all_options(declared).values()]
        for text in [entry.summary, *([described] if described else []), *options, "Show this message and exit."]:
            assert "".join(translations[text].split()) in solid, f"{entry.name}: {text}"
        assert ran.out.startswith(f"用法：mqadmin {entry.name} [OPTIONS]") and "\n选项：\n" in ran.out
        required = [name for name, (_, _, default) in declared.options().items() if default is inspect.Parameter.empty]
        assert ran.out.count("[必填]") == len(required)


def test_the_listing_and_a_group_are_chinese(cli: Cli) -> None:
    translations = entries("commands")
    for ran in (cli(None, "--lang", "zh", "help"), cli(None, "--lang", "zh")):
        assert ran.code == 0
        for entry in registry.ENTRIES:
            assert f"  {entry.name} " in ran.out and f"  {translations[entry.summary]}\n" in ran.out
            assert f"{translations[entry.section]}：\n" in ran.out
    for words in (("--lang", "zh", "store"), ("store", "--lang=zh"), ("help", "store", "--lang", "zh")):
        assert translations["Compare two stores message by message"] in cli(None, *words).out
    wrong = cli(None, "help", "offsets", "--lang", "fr")
    assert (wrong.code, wrong.out) == (2, "")


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        ("topicRoute", ["缺少选项 '-t' / '--topic'", "参见 `mqadmin topicRoute --help`"]),
        ("topicRoute -t", ["选项 '-t' 需要一个值", "参见 `mqadmin topicRoute --help`"]),
        ("topicRoute --topik x", ["没有选项 --topik", "是否想用 --topic？参见 `mqadmin topicRoute --help`"]),
        ("topicRoute --xyzzy", ["没有选项 --xyzzy", "参见 `mqadmin topicRoute --help`"]),
        ("topicRoute -t x y", ["多余的参数（y）", "参见 `mqadmin topicRoute --help`"]),
        ("topicRoute -t x --debug=1", ["选项 '--debug' 不接受值", "参见 `mqadmin topicRoute --help`"]),
        ("topicRoute -t x -o json", ["没有选项 -o", "要以 json 格式输出，请用 --output json；参见 `mqadmin topicRoute --help`"]),
        ("updateTopic -t x", ["请给出 -b 或 -c", "参见 `mqadmin updateTopic --help`"]),
        ("store ls", ["缺少参数 'STORE_DIR'", "参见 `mqadmin store ls --help`"]),
        ("topicRuote", ["没有命令 'topicRuote'", "是否想用 topicRoute？`mqadmin help` 列出所有命令"]),
        ("deleteTopik", ["没有命令 'deleteTopik'", "是否想用 deleteTopic（会做变更）？`mqadmin help` 列出所有命令"]),
        ("zzzzzz", ["没有命令 'zzzzzz'", "`mqadmin help` 列出所有命令"]),
        ("-t x topicRoute", ["命令在前，其选项在后：'-t' 写在了命令之前", "mqadmin topicRoute -t x"]),
        ("-t", ["没有给出命令：'-t' 是选项", "mqadmin COMMAND OPTIONS；`mqadmin help` 列出所有命令"]),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_in_chinese(argv: str, lines: list[str], cli: Cli) -> None:
    words = argv.split()
    ran = cli(None, "--lang", "zh", *words)
    assert (ran.code, ran.out) == (2, "")
    cause, next_step = ran.err.splitlines()
    assert cause.split(": ", 1)[1] == lines[0]
    assert next_step == f"  下一步: {lines[1]}"


def test_an_empty_value_and_one_too_many(cli: Cli) -> None:
    empty = cli(None, "--lang", "zh", "topicRoute", "-t", " ")
    assert empty.err.startswith("mqadmin topicRoute: -t / --topic 的值无效：值为空\n")
    both = cli(None, "--lang", "zh", "queryMsgById", "-i", "x", "-s", "maybe")
    assert both.code == 2 and both.err.startswith("mqadmin queryMsgById: -s / --sendMessage: ")


def test_errors_are_explained_in_chinese_and_their_document_is_english(cli: Cli) -> None:
    translations = entries("explain")
    for known in KNOWN:
        ran = cli(None, "errors", known.key, "--lang", "zh")
        assert f"  原因: {translations[known.cause]}\n  下一步: {translations[known.remedy]}\n" in ran.out
    listed = cli(None, "errors", "--lang", "zh", "--output", "wide").out
    for code, meaning in response_meanings.MEANINGS.items():
        assert translations[meaning.cause] in listed
        told = cli(None, "errors", ResponseCode(code).name, "--lang", "zh").out
        assert told.startswith(f"响应码 {int(code)} ") and f"  原因: {translations[meaning.cause]}\n" in told
        assert "命令以退出码" in told
    chinese, english = (cli(None, "errors", "14", "--output", "json", *words) for words in (("--lang", "zh"), ()))
    assert chinese.out == english.out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_errors_are_found_by_chinese_words_whatever_the_language(language: str, cli: Cli) -> None:
    found = cli(None, "errors", "磁盘 预热", "--lang", language, "--output", "json")
    assert found.code == 0 and [item["name"] for item in found.json["data"]["found"]] == ["mmap-timeout"]
    assert cli(None, "errors", "没有这种说法", "--lang", language).code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(("shell", "between"), [("fish", "\t"), ("zsh", ":")])
def test_completion_describes_in_chinese(shell: str, between: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETMQ_OPS_LANG", "zh")
    commands, options = entries("commands"), entries("options")
    offered = cli(None, "__complete", shell, "").out.splitlines()
    for entry in registry.ENTRIES:
        if " " not in entry.name:
            assert f"{entry.name}{between}{commands[entry.summary]}" in offered
    flags = cli(None, "__complete", shell, "topicRoute", "--").out.splitlines()
    assert f"--topic{between}{options['topic name']}" in flags
    assert all(is_chinese(line) for line in flags)
