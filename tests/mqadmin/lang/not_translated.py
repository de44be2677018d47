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
    "remoting/header_fields.py": "generated code",
    "remoting/http_page.py": "what a server answers to programs",
    "remoting/self_signed.py": "what servers say at their start",
    "remoting/server_certificates.py": "lines of a server's log",
    "remoting/server_tls.py": "lines of a server's log",
    "remoting/ssl_handler.py": "lines of a server's log",
    "remoting/tls_system_config.py": "what servers say at their start",
    "remoting/response_meanings.py": "help, whose test is test_help_texts.py",
    "store/footprint.py": "a line of the broker at its start",
    "store/log/replica_appender.py": "lines of a slave's log",
    "store/store_stats.py": "what brokers answer, as Apache writes it",
}
#: Single texts by module: names of tasks, what is written for programs, parts that hold nothing to translate.
NOT_READ = {
    "remoting/metrics_page.py": {
        "metrics page",
    },
    "mqadmin/dashboard.py": {
        "mqadmin tui: {text}\n",
    },
    "tui/app.py": {
        "Copy selected text",
    },
    "tui/catalogue.py": {
        "{name} is the name of two screens",
    },
    "tui/model/details/detail.py": {
        "an answer for several parts",
        "of ",
    },
    "tui/model/details/group_clients.py": {
        "client ",
    },
    "tui/model/details/store.py": {
        "broken {offset}",
    },
    "tui/model/live.py": {
        "dashboard asks clients",
        "dashboard sampler",
    },
    "tui/model/members.py": {
        "{client_id} producer",
    },
    "tui/model/recording.py": {
        "{name} read {read} write {write} permission {perm}",
    },
    "tui/model/timeline.py": {
        "dashboard reads its file",
        "dashboard writes its file",
    },
    "tui/model/sampler.py": {
        "dashboard {lane} {address}",
        "dashboard groups {address}",
    },
    "client/admin/accounts/access.py": {
        " from {source_ips}",
    },
    "client/admin/brokers/stats.py": {
        " at ",
    },
    "client/admin/groups/consumer_status.py": {
        " and ",
    },
    "client/admin/groups/group_listing.py": {
        "{group} at {address}",
    },
    "client/admin/messages/message_scan.py": {
        " {queue_id} on {broker_name}",
    },
    "client/admin/messages/message_send.py": {
        " on {broker_name}",
    },
    "client/client_processor.py": {
        "The Consumer Group <{group}> not exist in this consumer",
        "consume directly {group}",
        "reset offsets {group}",
    },
    "client/consumer/consume_services.py": {
        "consume a batch",
        "consume again {topic}",
        "consume {group}",
        "consume {topic} {queue_id}",
    },
    "client/tracing.py": {
        "send traces",
        "sending traces",
        "traces {group}",
    },
    "client/consumer/group_consumer.py": {
        "locks {group}",
        "renewing locks",
    },
    "client/consumer/rebalance.py": {
        "pull {topic} {queue_id}",
    },
    "client/errors.py": {
        "\\brequest type (\\d+) not supported",
    },
    "client/instance.py": {
        "refreshing routes",
        "rocketmq {name}",
        "saving offsets",
    },
    "client/consumer/deduplicate.py": {
        "consume keys",
        "renew keys",
        "settle keys",
    },
    "client/producer/spool.py": {
        "send spool",
    },
    "client/producer/spool_disk.py": {
        "send spool",
    },
    "client/producer/spool_turns.py": {
        "keep a message",
        "send in order",
    },
    "client/route.py": {
        "route {topic}",
    },
    "common/foreign_keys.py": {
        "remove the key to run it open to all who reach its port, or run Apache's",
        "this server has no access control and would serve everybody",
    },
    "common/launch.py": {
        "%(asctime)s %(levelname)s %(name)s: %(message)s",
        "Example property files: {shipped_path}\nEvery key: {shipped_path2}",
        "a configuration key, which counts more than the property file's",
        "accepted and not used, as in Apache's name server",
        "log more, and print stack traces of failures",
        "memory: {own}",
        "name servers to register with, HOST:PORT separated by ';'",
        "print all configuration keys and exit",
        "print the keys that take effect and exit",
        "property file to start with",
        "unexpected {name}: {error}; run it again with --debug and report what it prints",
        "{error}; {next_step} given with -c",
        "{resident} MB of its own now",
    },
    "common/lazy.py": {
        "module {package} has no attribute {name}",
    },
    "common/tags.py": {
        "subString split error",
    },
    "housekeeping/bundle/bundle.py": {
        "rocketmq-ops bundle",
    },
    "housekeeping/doctor/local.py": {
        " (deleted)",
    },
    "housekeeping/history/gone.py": {
        "{cluster}/{name} at {address}",
    },
    "housekeeping/history/recorder.py": {
        "read {read_queue_nums} write {write_queue_nums} permission {perm}",
    },
    "housekeeping/host/dropins.py": {
        "# Written by 'os apply' of rocketmq-ops, removed by 'os undo'. Settings of your own belong in a file of yours.",
        "* hard nofile {value}\nroot hard nofile {value2}",
        "sysctl --system",
        "udevadm control --reload && udevadm trigger --subsystem-match=block --action=change",
        "{user} {kind} nproc {limit}",
    },
    "housekeeping/host/items.py": {
        "Max locked memory",
        "Max open files",
        "Max processes",
    },
    "housekeeping/host/record.py": {
        "dir {name}",
        "rocketmq-ops os 1",
    },
    "housekeeping/host/sizing.py": {
        'export JAVA_OPT_EXT="{heap}"',
        'export JAVA_OPT_EXT="{heap} -XX:MaxDirectMemorySize={direct}m"',
    },
    "housekeeping/probe/alerts.py": {
        "{name} is {value} {unit}",
    },
    "housekeeping/probe/delivery.py": {
        "receiving from {topic} {queue_id}",
    },
    "housekeeping/probe/expectations.py": {
        "bytes of the commitlog that a slave lacks",
        "bytes of the commitlog that no consumer can see yet",
        "from a question to the name server's answer",
        "from a send to its answer, the slowest of a broker's messages",
        "from a send to the message's arrival, the slowest",
        "how full the disk of the commitlog is",
        "how much later (or earlier) than its delay a message comes",
        "messages of a queue that came before an earlier one",
        "messages that a group gives up",
        "messages that a group sends back to be consumed again",
        "messages that came more than once",
        "messages that were stored, or so the answer says, and did not come",
        "the broker's clock against this machine's",
        "until a slave has the broker's last message",
        "until the oldest dead letter of a group is deleted",
    },
    "housekeeping/probe/groups.py": {
        "{group} at {address}",
        "{topic} at {address}",
    },
    "mqadmin/commands/dev.py": {
        "export NAMESRV_ADDR={namesrv}  # store {store_dir}, {kept}",
        "mqadmin dev",
    },
    "mqadmin/commands/errors.py": {
        "  {tr_word}: mqadmin {line}",
        "a command ends with exit code {exit_code} ({name}){again}",
    },
    "mqadmin/commands/metadata/rocks_db_config_to_json.py": {
        "{word} {entries} {kind} to {export_file}",
    },
    "mqadmin/commands/queue/query_cq.py": {
        "idx: {index}",
        "max: {max_index}, min: {min_index}",
    },
    "mqadmin/completion/complete.py": {
        "List the commands, or the options of one",
    },
    "mqadmin/dev_server.py": {
        "The Name Server boot success. serializeType=JSON, address {namesrv}, ready in {process_age_ms} ms",
    },
    "common/filter/conditions.py": {
        "at '{rest}'",
    },
    "mqadmin/render/exporter_names.py": {
        "Messages that are {what} a second, of the last minute",
        "Bytes of the commitlog that a slave lacks",
        "Messages that the group has not consumed",
        "The broker's figure {key}",
    },
    "mqadmin/render/monitoring.py": {
        "# HELP {name} {help_text}\n# TYPE {name2} gauge\n{fromkeys}",
        "How long the run took",
        "Messages of the last run",
        "The measure {name}",
        "What the last run found wrong, by the code of its severity",
        "When the run began",
    },
    "mqadmin/render/streaming.py": {
        "command: {command}\nschemaVersion: {version}\ndata:\n  {name}:\n",
    },
    "mqadmin/repeating/exporter.py": {
        "GET only\n",
        "the first run has not ended yet\n",
        "the metrics are at /metrics\n",
    },
    "mqadmin/run.py": {
        "mqadmin {name}: {tr}: {tr2}",
        "mqadmin {name}: {where}{tr}{code}",
    },
    "mqadmin/shell.py": {
        "\nmqadmin shell: {tr}\n",
        "bind ^I rl_complete",
        "mqadmin [{current}]> ",
        "tab: complete",
    },
    "mqadmin/store_options.py": {
        "mqadmin {command}: {tr}: {tr2}\n",
    },
    "mqadmin/values.py": {
        "HH:mm, ",
    },
    "remoting/client.py": {
        "connect {addr}",
        "request {code}",
    },
    "common/code_table.py": {
        "{number} is not a valid {name}",
    },
    "remoting/name_servers.py": {
        "fetching name servers",
    },
    "remoting/request_handlers.py": {
        " ({missed} more like it were not logged)",
        "request type {code} not supported",
    },
    "store/files/checkpoint.py": {
        "load() comes first",
    },
    "store/inspect/check/small_files.py": {
        "{TABLES} is {why}",
        "{name} is {why}: {stake}",
    },
    "store/inspect/predict/apache.py": {
        "{relative} is {why}",
    },
    "store/inspect/view/diff.py": {
        "in {w}: {t}",
    },
    "store/inspect/view/sql.py": {
        " or ",
    },
    "store/message_store.py": {
        "load() comes first",
    },
}
