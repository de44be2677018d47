"""Texts of the source that no reader meets, and modules whose texts are not translated, with the reason."""

from __future__ import annotations

#: Their texts: file or folder -> why.
NOT_TRANSLATED = {
    "mqadmin/apache_commands.py": "a table of names",
    "mqadmin/completion/scripts.py": "shell scripts",
    "mqadmin/exit_codes.py": "a page of the documentation",
    "mqadmin/explain/": "help, whose test is test_help_texts.py",
    "mqadmin/lang/": "said before there is a language",
    "mqadmin/main.py": "help, whose test is test_help_texts.py",
    "mqadmin/man.py": "manual pages are English",
    "mqadmin/reference.py": "a page of the documentation",
    "mqadmin/registry.py": "help, whose test is test_help_texts.py",
    "mqadmin/render/java/": "what Apache's tool prints",
    "mqadmin/render/sarif.py": "a document for programs",
    "mqadmin/schemas.py": "documents for programs",
    "common/foreign_keys.py": "logs of servers",
    "remoting/header_fields.py": "generated code",
    "remoting/response_meanings.py": "help, whose test is test_help_texts.py",
}
#: Not translated yet. It only becomes shorter.
NOT_YET = (
    "housekeeping/",
    "store/",
)
#: Single texts by module: names of tasks, what is written for programs, parts that hold nothing to translate.
NOT_READ = {
    "client/admin/groups/consumer_status.py": {" and "},
    "client/admin/brokers/stats.py": {
        " at ",
    },
    "client/client_processor.py": {
        "reset offsets {group}",
        "consume directly {group}",
        "The Consumer Group <{group}> not exist in this consumer",
    },
    "client/consumer/consume_services.py": {
        "consume {group}",
        "consume a batch",
        "consume again {topic}",
        "consume {topic} {queue_id}",
    },
    "client/consumer/push_consumer.py": {
        "renewing locks",
        "locks {group}",
    },
    "client/consumer/rebalance.py": {
        "pull {topic} {queue_id}",
    },
    "client/errors.py": {
        "\\brequest type (\\d+) not supported",
    },
    "client/instance.py": {
        "refreshing routes",
        "saving offsets",
        "rocketmq {name}",
    },
    "client/route.py": {
        "route {topic}",
    },
    "common/launch.py": {
        "Example property files: {shipped_path}\nEvery key: {shipped_path2}",
        "property file to start with",
        "name servers to register with, HOST:PORT separated by ';'",
        "accepted and not used, as in Apache's name server",
        "print all configuration keys and exit",
        "print the keys that take effect and exit",
        "log more, and print stack traces of failures",
        "a configuration key, which counts more than the property file's",
        "%(asctime)s %(levelname)s %(name)s: %(message)s",
        "{error}; {next_step} given with -c",
        "unexpected {name}: {error}; run it again with --debug and report what it prints",
    },
    "common/lazy.py": {
        "module {package} has no attribute {name}",
    },
    "common/tags.py": {
        "subString split error",
    },
    "mqadmin/commands/dev.py": {
        "export NAMESRV_ADDR={namesrv}  # store {store_dir}, {kept}",
        "mqadmin dev",
    },
    "mqadmin/commands/queue/query_cq.py": {
        "max: {max_index}, min: {min_index}",
        "idx: {index}",
    },
    "mqadmin/completion/complete.py": {
        "List the commands, or the options of one",
    },
    "mqadmin/declare.py": {
        " or ",
    },
    "mqadmin/dev_server.py": {
        "The Name Server boot success. serializeType=JSON, address {namesrv}, ready in {process_age_ms} ms",
    },
    "mqadmin/render/streaming.py": {
        "command: {command}\nschemaVersion: {version}\ndata:\n  {name}:\n",
    },
    "mqadmin/response_table.py": {
        "`mqadmin topicRoute -t {topic} -l`",
        "`mqadmin topicRoute -l`",
    },
    "mqadmin/run.py": {
        "mqadmin {name}: {where}{tr}{code}",
        "mqadmin {name}: {tr}: {tr2}",
    },
    "mqadmin/shell.py": {
        "mqadmin [{current}]> ",
        "\nmqadmin shell: {tr}\n",
        "bind ^I rl_complete",
        "tab: complete",
    },
    "mqadmin/store_options.py": {
        "mqadmin {command}: {tr}: {tr2}\n",
    },
    "remoting/client.py": {
        "request {code}",
        "connect {addr}",
    },
    "remoting/name_servers.py": {
        "fetching name servers",
    },
    "remoting/request_handlers.py": {
        " ({missed} more like it were not logged)",
        "request type {code} not supported",
    },
}
