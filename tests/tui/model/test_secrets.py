"""Secrets in the configuration of brokers: neither in a recording nor on the screen."""

from __future__ import annotations

from rocketmq_ops.tui.model.details.broker import past_configuration
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.model.recording import Kept, run_of

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
    section = past_configuration("broker-a", moment)
    assert section is not None
    assert "72" in repr(section)
    assert "hunter2xyz" not in repr(section)


def test_another_secret_was_changed_and_no_value_is_said():
    known, events = known_broker(), Events()
    moments = [told(known, secret(value), at) for at, value in enumerate(("hunter2xyz", "other3abc", "other3abc"))]
    assert [event.text for event in events.note(moments[0], moments[1])] == [f"{KEY} was changed"]
    assert len(events.note(moments[1], moments[2])) == 1, "the same once more is no change"
