"""Rules about addresses, name servers and registration."""

from __future__ import annotations

from collections.abc import Iterator

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.history.gone import Gone, gone, place_of
from rocketmq_ops.housekeeping.rules import Hit

_LOOPBACK = ("127.", "localhost:", "[::1]:", "0.0.0.0:")
_WRITE = 2
#: Time enough to have a certificate renewed, ms.
_RENEW_MS = 30 * 86_400_000


@rule(
    "net.name-server-down",
    Severity.CRITICAL,
    "A name server of the list does not answer; clients that begin with it wait for their timeout.",
    needs=(),
    absence_of=(Part.NAME_SERVERS,),
    remedy="start it, or take it out of the list of every client and of namesrvAddr of every broker",
    false_alarms="A firewall lies between this host and the name server, but not between it and the clients.",
)
def name_server_down(facts: Facts) -> Iterator[Hit]:
    for each in facts.missing:
        if each.part == Part.NAME_SERVERS:
            yield Hit(each.target, f"no list of brokers from it: {each.cause}")


@rule(
    "net.broker-unreachable",
    Severity.CRITICAL,
    "A broker is registered under an address that cannot be reached from here; its clients fail likewise.",
    needs=(Part.NAME_SERVERS,),
    absence_of=(Part.RUNTIME,),
    remedy="start the broker; if it runs, set brokerIP1 to an address that clients reach, and restart it",
    false_alarms="Clients are in the broker's network and this host is not: give `--address-map`.",
)
def broker_unreachable(facts: Facts) -> Iterator[Hit]:
    by_address = {broker.address: broker for broker in facts.brokers}
    for each in facts.missing:
        if each.part == Part.RUNTIME and each.target in by_address:
            # Who was connected to needs no other address.
            remedy = "" if each.cause.startswith("cannot connect") else "look at its load, its log and what ACLs allow"
            evidence = f"advertised to clients, and it does not answer: {each.cause}"
            yield Hit(label(by_address[each.target]), evidence, remedy)


@rule(
    "net.loopback-advertised",
    Severity.CRITICAL,
    "A broker advertises an address that means the client's own machine, while its name server is another machine.",
    needs=(Part.NAME_SERVERS,),
    remedy="set brokerIP1 in the broker's file to an address that clients reach, and restart it",
    false_alarms="All clients run on the broker's machine.",
)
def loopback_advertised(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        servers = [server for server, listed in facts.listed.items() if broker in listed]
        if broker.address.startswith(_LOOPBACK) and not any(server.startswith(_LOOPBACK) for server in servers):
            yield Hit(label(broker), f"registered at {', '.join(servers)} under {broker.address}")


@rule(
    "net.name-servers-differ",
    Severity.CRITICAL,
    "A broker is registered at some name servers and not at others; clients of the others do not find its queues.",
    needs=(Part.NAME_SERVERS,),
    remedy="put all name servers into namesrvAddr of the broker's file, and check that it reaches each of them",
    false_alarms="The broker was started or stopped within the last two minutes.",
)
def name_servers_differ(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        without = [server for server, listed in facts.listed.items() if broker not in listed]
        if without:
            known = [server for server in facts.listed if server not in without]
            yield Hit(label(broker), f"known to {', '.join(known)}, not to {', '.join(without)}")


@rule(
    "net.two-masters",
    Severity.CRITICAL,
    "Name servers list different masters for one broker name; messages go to either, depending on the client.",
    needs=(Part.NAME_SERVERS,),
    remedy="stop one of the two, or give it its own brokerName",
    false_alarms="The master has just moved to another address.",
)
def two_masters(facts: Facts) -> Iterator[Hit]:
    addresses: dict[tuple[str, str], dict[str, None]] = {}
    for broker in facts.masters():
        addresses.setdefault((broker.cluster or "", broker.broker_name or ""), {})[broker.address] = None
    for (cluster, name), found in addresses.items():
        if len(found) > 1:
            yield Hit(f"{cluster}/{name}", f"masters at {', '.join(found)}")


@rule(
    "net.shared-broker-name",
    Severity.CRITICAL,
    "Brokers of two clusters have one name; the name server keeps one of them, and changes reach the wrong one.",
    needs=(Part.NAME_SERVERS,),
    remedy="give each broker its own brokerName, and restart it",
)
def shared_broker_name(facts: Facts) -> Iterator[Hit]:
    clusters: dict[str, set[str]] = {}
    for broker in facts.brokers:
        clusters.setdefault(broker.broker_name or "", set()).add(broker.cluster or "")
    for name, found in clusters.items():
        if len(found) > 1:
            yield Hit(name, f"in the clusters {', '.join(sorted(found))}")


@rule(
    "net.registered-as-another",
    Severity.CRITICAL,
    "The broker behind an address has another name, cluster or id than it is registered with.",
    needs=(Part.NAME_SERVERS, Part.CONFIG),
    remedy="stop the broker that is registered under this name by mistake; each address belongs to one broker",
    false_alarms="The broker's configuration was changed and takes effect at its next registration.",
)
def registered_as_another(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        told = [facts.setting(broker.address, key) for key in ("brokerClusterName", "brokerName")]
        listed = [broker.cluster, broker.broker_name]
        if None not in told and told != listed:
            yield Hit(
                label(broker), f"registered as {'/'.join(map(str, listed))}, but it is {'/'.join(map(str, told))}"
            )


@rule(
    "net.name-servers-of-broker",
    Severity.WARNING,
    "The name servers in a broker's configuration are not those that are used here.",
    needs=(Part.NAME_SERVERS, Part.CONFIG),
    remedy="give clients and brokers the same list: `mqadmin updateBrokerConfig -k namesrvAddr -v ADDRS`",
    false_alarms="One side uses host names or another network's addresses for the same servers.",
)
def name_servers_of_broker(facts: Facts) -> Iterator[Hit]:
    here = set(facts.name_servers)
    for broker in facts.brokers:
        told = facts.setting(broker.address, "namesrvAddr")
        theirs = {part.strip() for part in (told or "").split(";") if part.strip()}
        if theirs and theirs != here:
            parts = [f"only the broker has {', '.join(sorted(theirs - here))}"] if theirs - here else []
            parts += [f"only this list has {', '.join(sorted(here - theirs))}"] if here - theirs else []
            yield Hit(label(broker), "; ".join(parts))


@rule(
    "net.no-master",
    Severity.CRITICAL,
    "A broker name has slaves and no master: nothing can be sent to it.",
    needs=(Part.NAME_SERVERS,),
    remedy="start the master; with a controller, `mqadmin electMaster`",
    false_alarms="An acting master serves while the master is away on purpose.",
)
def no_master(facts: Facts) -> Iterator[Hit]:
    masters = {(broker.cluster, broker.broker_name) for broker in facts.masters()}
    slaves: dict[tuple[str | None, str | None], list[str]] = {}
    for broker in facts.brokers:
        if broker.broker_id != MASTER_ID and (broker.cluster, broker.broker_name) not in masters:
            slaves.setdefault((broker.cluster, broker.broker_name), []).append(broker.address)
    for (cluster, name), addresses in slaves.items():
        yield Hit(f"{cluster}/{name}", f"only slaves are registered: {', '.join(addresses)}")


@rule(
    "net.broker-gone",
    Severity.CRITICAL,
    "A master that the prober saw within the last hour is not registered any more: name servers forget a killed one.",
    needs=(Part.NAME_SERVERS, Part.HISTORY),
    remedy="start it; messages on it cannot be read meanwhile",
    false_alarms="It was taken out on purpose.",
)
def broker_gone(facts: Facts) -> Iterator[Hit]:
    for each in _gone(facts):
        if each.master and not each.replaced:
            yield Hit(each.name, f"the master at {each.address} {_last_seen(facts, each)}")


@rule(
    "net.replica-gone",
    Severity.WARNING,
    "A slave, or a master that another one has replaced, was registered within the last hour and is not any more.",
    needs=(Part.NAME_SERVERS, Part.HISTORY),
    remedy="start it: there is a copy less of what the broker holds",
    false_alarms="It was taken out on purpose.",
)
def replica_gone(facts: Facts) -> Iterator[Hit]:
    for each in _gone(facts):
        if each.replaced:
            yield Hit(each.name, f"the master at {each.address} {_last_seen(facts, each)}; another is the master")
        elif not each.master:
            yield Hit(each.name, f"a slave at {each.address} {_last_seen(facts, each)}")


def _gone(facts: Facts) -> Iterator[Gone]:
    now = {place_of(b.cluster, b.broker_name, b.address): b.broker_id or 0 for b in facts.brokers}
    return gone(facts.registered, now, facts.taken_at)


def _last_seen(facts: Facts, each: Gone) -> str:
    return f"was registered {human_span(facts.taken_at - each.last_ms)} ago, and no name server lists it now"


@rule(
    "net.certificate-ended",
    Severity.CRITICAL,
    "A certificate is not valid any more: clients that check it do not connect.",
    needs=(Part.CERTIFICATES,),
    remedy="renew it, and have the server or client read it anew",
    false_alarms="No client checks it (tls.client.authServer, tls.server.need.client.auth).",
)
def certificate_ended(facts: Facts) -> Iterator[Hit]:
    for target, until in facts.certificates.items():
        if until <= facts.taken_at:
            yield Hit(target, f"its certificate ended {human_span(facts.taken_at - until)} ago")


@rule(
    "net.certificate-ends",
    Severity.WARNING,
    "A certificate will not be valid any more within 30 days.",
    needs=(Part.CERTIFICATES,),
    remedy="renew it, and have the server or client read it anew",
    false_alarms="It is renewed by a program that waits until shortly before its end.",
)
def certificate_ends(facts: Facts) -> Iterator[Hit]:
    for target, until in facts.certificates.items():
        if 0 < until - facts.taken_at <= _RENEW_MS:
            yield Hit(target, f"its certificate ends {human_span(until - facts.taken_at)} from now")


@rule(
    "net.write-permission-wiped",
    Severity.CRITICAL,
    "A name server lists a topic of a broker as not writable although the broker takes messages: producers avoid it.",
    needs=(Part.NAME_SERVERS, Part.TOPICS, Part.ROUTES),
    remedy="give it back when the maintenance is over: `mqadmin addWritePerm -b BROKER`",
    false_alarms="The permission was taken on purpose, to drain the broker.",
)
def write_permission_wiped(facts: Facts) -> Iterator[Hit]:
    found: dict[tuple[str, str], list[str]] = {}
    for broker in facts.masters():
        name = broker.broker_name or ""
        for route in facts.routes:
            topic = facts.topics.get(broker.address, {}).get(route.topic)
            perm = (route.perms or {}).get(name)
            if topic is not None and topic.perm & _WRITE and perm is not None and not perm & _WRITE:
                found.setdefault((name, route.name_server), []).append(route.topic)
    for (name, server), topics in found.items():
        remedy = f"`mqadmin addWritePerm -b {name}`, unless it is being drained"
        yield Hit(name, f"{server} lists {', '.join(topics)} of it without write permission", remedy)


@rule(
    "net.topic-not-routed",
    Severity.CRITICAL,
    "A name server has no route to a topic that a broker holds: clients of this name server cannot use it there.",
    needs=(Part.NAME_SERVERS, Part.TOPICS, Part.ROUTES),
    remedy="check that the broker registers at this name server (log `register broker`), or update the topic again",
    false_alarms="The topic was made within the last minute; a broker with lite or split registration.",
)
def topic_not_routed(facts: Facts) -> Iterator[Hit]:
    for broker in facts.masters():
        held = facts.topics.get(broker.address, {})
        for route in facts.routes:
            listed = broker in facts.listed.get(route.name_server, [])
            if listed and route.topic in held and (broker.broker_name or "") not in (route.perms or {}):
                yield Hit(route.topic, f"{label(broker)} holds it, {route.name_server} has no route to it there")
