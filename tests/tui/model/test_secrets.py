"""Secrets in the configuration of brokers: neither in a recording nor on the screen."""

from __future__ import annotations

from rocketmq_ops.tui.model.details.broker import config_section, known_configuration
from rocketmq_ops.tui.model.details.compare import against
from rocketmq_ops.tui.model.details.secret_settings import without_secrets
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.model.recording import Kept, run_of
from rocketmq_ops.tui.model.table import Health, by_key

AT = "10.0.0.1:10911"
KEY = "innerClientAuthenticationCredentials"


def secret(value: str) -> dict[str, str]:
    return {KEY: f'{{"accessKey":"rmq","secretKey":"{value}"}}', "fileReservedTime": "72"}


def told(known: Known, settings: dict[str, str], at_ms: int) -> Moment:
    known.settings(AT, settings)
    return Moment(time_ms=at_ms, brokers=dict(known.brokers))


def known_broker() -> Known:
    known = Known()
    known.brokers[AT] = BrokerSeen(address=AT, cluster="c", broker_name="broker-a", broker_id=0)
    return known


def test_a_secret_setting_is_in_no_text_of_a_recording_and_not_on_the_screen():
    moment = told(known_broker(), secret("hunter2xyz"), 1)
    texts = run_of(Kept(moment)).texts
    assert KEY in texts[f"settings/{AT}"]
    assert not [name for name, text in texts.items() if "hunter2xyz" in text]
    section = known_configuration("broker-a", moment)
    assert section is not None
    assert "72" in repr(section)
    assert "hunter2xyz" not in repr(section)


def test_another_secret_was_changed_and_no_value_is_said():
    known, events = known_broker(), Events()
    moments = [told(known, secret(value), at) for at, value in enumerate(("hunter2xyz", "other3abc", "other3abc"))]
    assert [event.text for event in events.note(moments[0], moments[1])] == [f"{KEY} was changed"]
    assert len(events.note(moments[1], moments[2])) == 1, "the same once more is no change"


def test_secrets_beside_each_other_differ_or_not_and_are_not_shown():
    section = config_section({"a": secret("hunter2xyz"), "b": secret("other3abc"), "c": secret("hunter2xyz")}, "5.3")
    assert section.table is not None
    row = by_key(section.table)[KEY]
    assert (row.cells[1], row.health) == ("between them", Health.WARNING)
    assert row.cells[2] == row.cells[4] != row.cells[3]
    assert "hunter2xyz" not in repr(section) and "other3abc" not in repr(section)
    same = config_section({"a": secret("hunter2xyz"), "b": secret("hunter2xyz"), "c": None}, "5.3")
    assert same.table is not None
    row = by_key(same.table)[KEY]
    assert row.cells[1] != "between them"
    assert row.cells[2] == row.cells[3] == "(removed)"
    assert "hunter2xyz" not in repr(same)


def test_a_secret_that_is_the_default_does_not_differ_from_it():
    sources, usual = without_secrets({"a": {"password": "public"}, "b": {"password": "own"}}, {"password": "public"})
    assert (sources, usual["password"]) == (
        {"a": {"password": "(removed) #1"}, "b": {"password": "(removed) #2"}},
        "(removed) #1",
    )


def test_of_recorded_secrets_it_is_not_known_whether_they_are_the_same():
    known = known_broker()
    other = "10.0.0.2:10911"
    known.brokers[other] = BrokerSeen(address=other, cluster="c", broker_name="broker-b", broker_id=0)
    known.settings(other, secret("other3abc"))
    moment = told(known, secret("hunter2xyz"), 1)
    past = known_configuration("broker-a", moment)
    assert past is not None and past.table is not None
    row = by_key(past.table)[KEY]
    assert (row.cells[1], row.health) == ("not known", Health.UNKNOWN)
    assert by_key(past.table)["fileReservedTime"].cells[1] == ""
    now = config_section({"broker-a": secret("hunter2xyz"), "broker-b": secret("other3abc")}, "5.3")
    assert now.table is not None
    rows = by_key(against(now.table, past.table)[0])
    assert not [cell for cell in rows[KEY].cells if "→" in str(cell)], "whether it has changed is not known"
