"""Whatever form a secret stands in, it does not get into a bundle: of planted ones no byte is found in the file."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.secrets import REMOVED, lines_without, text_without
from rocketmq_ops.housekeeping.bundle.bundle import Bundle, LogTail, write_bundle
from rocketmq_ops.housekeeping.bundle.redact import redacted
from tests.housekeeping.doctor import healthy as h

NAMES = (
    "password", "passwd", "db.password", "PASSWORD", "userPassword", "pwd", "DB_PWD", "ak", "sk", "aliyun.ak",
    "accessKey", "access_key", "secretKey", "SECRET-KEY", "apiKey", "api_key", "x-api-key", "token", "accessToken",
    "securityToken", "auth.token", "credentials", "privateKey", "passphrase", "tls.server.keyPassword",
)  # fmt: skip
WORD = string.ascii_letters + string.digits
HARD = WORD + "!#$%&()*+,-./:;<=>?@[]^_{|}~"
MARK = "2026-11-26 14:05:01 INFO main - "
BODY = ("TIIEow", "IBAAKCAQEA")

Form = Callable[[random.Random, str], tuple[str, str]]


def _word(chance: random.Random, alphabet: str, least: int = 8) -> str:
    """Begins and ends with a letter, so that no value is taken for a sign of the form."""
    inner = "".join(chance.choice(alphabet) for _ in range(chance.randrange(least, 30)))
    return f"Q{chance.choice(WORD)}{inner}Z"


def _lines(chance: random.Random, lead: str) -> str:
    return "\n".join(f"{lead}{_word(chance, WORD)}" for _ in range(3))


def properties(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD + " ")
    return (
        secret,
        f"{chance.choice(('', '  ', MARK, '#', 'export '))}{name}{chance.choice(('=', ' = ', ':', ': '))}{secret}",
    )


def properties_with_blank(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, f"{name} {secret}"


def properties_over_lines(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD)
    return secret, f"{name}=abc\\\n{chance.choice(('', '    '))}def\\\n{secret}\nnext=1"


def json_value(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD + " \"\\'")
    line = json.dumps({"a": 1, name: secret, "z": "last"}, indent=chance.choice((None, 2)))
    return secret, f"{MARK}{line}"


def json_in_json(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD + " ")
    return secret, MARK + json.dumps({"body": json.dumps({name: secret, "z": 1})})


def json_list(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, json.dumps({name: ["x", secret], "z": "last"}, indent=chance.choice((None, 2)))


def json_pair(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD + " ")
    return secret, json.dumps([{"name": name, "value": secret}], indent=chance.choice((None, 2)))


def yaml_value(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD + "-_.#")
    quote = chance.choice(("", "'", '"'))
    return secret, f"accounts:\n  - {name}: {quote}{secret}{quote}\n    admin: true"


def yaml_block(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, f"acl:\n  {name}: {chance.choice(('|', '>-', '|2', ''))}\n    first\n\n    {secret}\n  other: 1"


def yaml_list(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, f"{name}:\n{chance.choice(('', '  '))}- first\n{chance.choice(('- ', '  - '))}{secret}\nother: 1"


def yaml_pair(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, f"env:\n- name: {name}\n  value: {chance.choice((secret, repr(secret)))}\n- name: OTHER"


def yaml_single_quoted(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD + "\\")
    return secret, f"{{user: 'a\\', {name}: '{secret}', x: 'y'}}"


def quoted_over_lines(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD)
    return secret, f'{MARK}{name}="abc\n{secret} def"\nnext'


def java_object(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD)
    return secret, f"{MARK}Resource{{x='1', {name}={chance.choice((secret, repr(secret)))}, y='2'}}"


def option(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    told = chance.choice((secret, f"'{secret}'", f'"{secret} x"'))
    return (
        secret,
        f"{MARK}sh tools.sh --topic T {chance.choice(('-', '--'))}{name}{chance.choice((' ', '=', '  '))}{told}",
    )


def option_in_list(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, HARD)
    return secret, f"{MARK}run {json.dumps(['x', f'--{name}', secret])}"


def xml(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD)
    return secret, chance.choice(
        (f"  <{name}>{secret}</{name}>", f'<property name="{name}" value="{secret}"/>', f'<a {name}="{secret}"/>')
    )


def query(chance: random.Random, name: str) -> tuple[str, str]:
    secret = _word(chance, WORD + "-_%.~")
    return secret, f"{MARK}GET /x?a=1&{name}={secret}&c=2 HTTP/1.1"


def authorization(chance: random.Random, _: str) -> tuple[str, str]:
    secret = _word(chance, WORD + "+/._-=", 16)
    header = chance.choice(("Authorization", "authorization", "Proxy-Authorization", "X-Auth"))
    scheme = chance.choice(("Bearer ", "Basic ", "Digest username=a, response=", ""))
    form = chance.choice(
        ("{h}: {s}{v}", "> {h}: {s}{v}", "curl -H '{h}: {s}{v}' http://h/", '{{"{h}": "{s}{v}", "x": 1}}', "{h}={s}{v}",
         "headers=[{h}: {s}{v}, Accept: x]", '{{"name": "{h}", "value": "{s}{v}"}}')
    )  # fmt: skip
    return secret, MARK + form.format(h=header, s=scheme, v=secret)


def bearer(chance: random.Random, _: str) -> tuple[str, str]:
    secret = _word(chance, WORD + "._-", 16)
    return secret, f"{MARK}refused: Bearer {secret} is too old"


def cookie(chance: random.Random, _: str) -> tuple[str, str]:
    secret = _word(chance, WORD)
    return secret, f"{MARK}{chance.choice(('Cookie', 'Set-Cookie', 'cookies'))}: a=b; sid={secret}; Path=/; HttpOnly"


def url(chance: random.Random, _: str) -> tuple[str, str]:
    secret = _word(chance, WORD + "!$&*+,-.:;=@_~%")
    scheme = chance.choice(("http", "https", "jdbc:mysql", "redis", "amqp+ssl"))
    return secret, f"{MARK}connects to {scheme}://{chance.choice(('me', ''))}:{secret}@host:80/x?y=1"


def pem(chance: random.Random, _: str) -> tuple[str, str]:
    secret = base64.b64encode(chance.randbytes(30)).decode()
    kind = chance.choice(("PRIVATE KEY", "RSA PRIVATE KEY", "CERTIFICATE", "ENCRYPTED PRIVATE KEY"))
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    lines = [begin, *BODY, secret, *BODY, end]
    return secret, chance.choice(
        (
            "\n".join(["before", *lines, "after"]),
            "\n".join(MARK + line for line in lines),
            "  tls: |\n    " + "\n    ".join(lines),
            json.dumps({"x": "\n".join(lines), "z": 1}),
            "\n".join(["before", *lines[:-1]]),  # its end is not there
            "\n".join([*lines[1:], "after"]),  # its beginning was cut
        )
    )  # fmt: skip


FORMS: tuple[Form, ...] = (
    properties, properties_with_blank, properties_over_lines, json_value, json_in_json, json_list, json_pair,
    yaml_value, yaml_block, yaml_list, yaml_pair, yaml_single_quoted, quoted_over_lines, java_object, option,
    option_in_list, xml, query, authorization, bearer, cookie, url, pem,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_planted_secret_is_not_in_the_bundle(form: Form, tmp_path: Path) -> None:
    chance = random.Random(form.__name__)
    logs, secrets = [], []
    for number in range(300):
        secret, text = form(chance, NAMES[number % len(NAMES)])
        assert secret in text or json.dumps(secret)[1:-1] in text, "it was planted"
        secrets.append((secret, text))
        logs.append(LogTail(f"{number}.log", ["before", *text.split("\n"), "after"], False))
    facts = h.facts()
    config = {f"some.{number}": text for number, (_, text) in enumerate(secrets)}
    facts.configs[h.A.address] |= config
    path = tmp_path / "b"
    write_bundle(str(path), redacted(Bundle(made_by="test", facts=facts, logs=logs)))
    written = path.read_text()
    leaked = [text for secret, text in secrets if secret in written or json.dumps(secret)[1:-1] in written]
    assert leaked == []


def test_lines_that_hold_no_secret_stay() -> None:
    lines = [
        "2026-11-26 14:05:01 INFO main - key=abc, topic=secretary sent",
        "the user has no password",
        "tokenEnable=true",
        "authorizationProvider=org.apache.rocketmq.auth.Provider",
        "namesrvAddr=10.0.0.1:9876;10.0.0.2:9876",
        "http://10.0.0.1:8080/x?mail=me@host",
        "register broker[0]broker-a to name server 10.0.0.1:9876 OK",
        "java.lang.IllegalStateException: not started",
        "\tat org.apache.rocketmq.broker.BrokerController.start(BrokerController.java:1234)",
        '{"secretKey": "", "token": null, "x": 1}',
        "----- a line of hyphens -----",
    ]
    assert lines_without(lines) == lines


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"secretKey": "abc", "x": 1}', f'{{"secretKey": {REMOVED}, "x": 1}}'),
        ("PlainResource{accessKey='abc', admin='false'}", f"PlainResource{{accessKey={REMOVED}, admin='false'}}"),
        ("accessKey:abc ok", f"accessKey:{REMOVED}"),
        ("password = abc\nnext = 1", f"password = {REMOVED}\nnext = 1"),
        ("GET https://me:abc@host/x", f"GET https://me:{REMOVED}@host/x"),
        ("<password>abc</password>\n<x>1</x>", f"<password>{REMOVED}\n<x>1</x>"),
        ("a: 1\nsecret: |\n  abc\n  def\nb: 2", f"a: 1\nsecret: {REMOVED}\n{REMOVED}\n{REMOVED}\nb: 2"),
        (
            "x -----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- y\nz",
            f"x {REMOVED}\n{REMOVED}\n{REMOVED} y\nz",
        ),
    ],
)
def test_what_stays_of_a_text(text: str, clean: str) -> None:
    assert text_without(text) == clean


def test_a_long_line_takes_no_longer_than_its_length() -> None:
    """Of a name repeated, of blanks and of quotes: what is quadratic would not end."""
    for part in ("token", "token ", "token=", 'token"', "-token ", "<token ", "a:b@", "x://a:", "\\", "name: token "):
        line = part * ((64 << 10) // len(part))
        assert len(lines_without([line])) == 1
