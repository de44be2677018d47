"""`mqadmin profile add`: write a profile, or replace it."""

from __future__ import annotations

from typing import Annotated, Any

from rocketmq_ops.mqadmin import standard_input
from rocketmq_ops.mqadmin.connecting.connection import ProfileError
from rocketmq_ops.mqadmin.connecting.credentials import asked
from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.accounts import AccessKey
from rocketmq_ops.mqadmin.options.local import ProfileName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.profiles import ProfileReport, profile_outcome, view_of
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.secret_options import SecretKeyEnv, SecretKeyFile


@command(
    result=ProfileReport,
    offline=True,
    example="mqadmin profile add prod -n 10.0.0.1:9876,10.0.0.2:9876 --accessKey ops --secretKeyEnv MQ_SECRET",
)
async def profile_add(
    run: Run,
    name: ProfileName,
    access_key: Annotated[AccessKey | None, "access key of the ACL"] = None,
    secret_key_env: Annotated[SecretKeyEnv | None, "variable that holds the secret key, read at each run"] = None,
    secret_key_file: Annotated[SecretKeyFile | None, "file with the secret key, read at each run"] = None,
    secret_key_prompt: Annotated[bool, Opt("--secretKeyPrompt", help="ask for the secret key at each run")] = False,
    store_secret_key: Annotated[
        bool, Opt("--storeSecretKey", help="ask for the secret key now, or read it from stdin, and keep it in the file")
    ] = False,
    default: Annotated[bool, Opt("--default", help="use it when no other is named")] = False,
    replace: Annotated[bool, Opt("--replace", help="replace a profile of this name")] = False,
) -> Outcome:
    """`-n`, `--timeout`, `--addressMap` are the profile's. The file is the owner's alone. No secret is given here."""
    if run.options.namesrv is None:
        raise usage("no name server is given for the profile", "add -n HOST:PORT")
    file = ProfileFile.read() or ProfileFile(profiles_path(), {})
    if name in file.names and not replace:
        raise usage(f"there is a profile '{name}' already", "give --replace to replace it, or another name")
    entry: dict[str, Any] = {
        "namesrv": run.options.namesrv,
        "timeoutMs": run.options.timeout,
        "addressMap": run.options.address_map,
        "tls": run.options.tls,
        "accessKey": access_key,
        "secretKeyEnv": secret_key_env,
        "secretKeyFile": secret_key_file,
        "secretKeyPrompt": secret_key_prompt or None,
        "secretKey": _typed(access_key) if store_secret_key else None,
    }
    file.put(name, {key: value for key, value in entry.items() if value is not None})
    if default:
        file.use(name)
    notes = file.save()
    return profile_outcome(file.path, view_of(file.settings(name), default=file.default == name), notes)


def _typed(access_key: str | None) -> str:
    secret = asked(f"secret key of '{access_key}'") if standard_input.is_terminal() else standard_input.line()
    if not secret:
        raise ProfileError("the secret key is empty", "type it, or send it on standard input")
    return secret
