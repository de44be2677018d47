"""Screens of what does not exist say so, as one of the names is wrong."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import dead_letters, name_server
from rocketmq_ops.tui.model.details.detail import Asking
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.views.every import VIEWS
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import said, settled
from tests.tui.pictures.answers import Answers


class NoLetters(Answers):
    """A cluster in which no topic of dead letters is, and these groups are."""

    def __init__(self, *groups: str) -> None:
        super().__init__("usual")

        async def no_topic(topic: str, *_: object, **__: object) -> Any:
            raise NotFoundError(f"no route for topic '{topic}'", "")

        async def progress(group: str) -> Any:
            if group not in groups:
                raise NotFoundError(f"group '{group}' has no offsets", "check the name")
            return SimpleNamespace()

        self.messages.queues = no_topic
        self.groups = SimpleNamespace(progress=progress)


def asking(address: Address, known: Moment, admin: Answers) -> Asking:
    return Asking(admin=admin, model=FakeModel(known), address=address)  # type: ignore[arg-type]


def letters_of(group: str, *known: str) -> Any:
    (part,) = dead_letters.parts(asking(Address("dead-letters", group), moment(), NoLetters(*known)))
    return asyncio.run(part.ask())  # type: ignore[arg-type]


def test_a_group_that_does_not_exist_has_not_merely_no_dead_letters() -> None:
    assert letters_of("group-00001").note == "this group has no dead letters", "the moment knows it"
    assert letters_of("without-offsets", "without-offsets").note == "this group has no dead letters"
    with pytest.raises(NotFoundError, match="'nosuch'"):
        letters_of("nosuch")


def test_an_address_that_is_no_name_server_is_refused_once_they_are_known() -> None:
    known = moment()
    listed = next(iter(known.name_servers))

    async def asked(address: str, at: Moment) -> None:
        for part in name_server.parts(asking(Address("name-server", address), at, Answers("usual"))):
            await part.ask()

    asyncio.run(asked(listed, known))
    asyncio.run(asked("1.2.3.4:1", Moment(time_ms=1)))
    with pytest.raises(NotFoundError, match=r"'1\.2\.3\.4:1' is none of the name servers"):
        asyncio.run(asked("1.2.3.4:1", known))


def test_a_client_that_nobody_knows_has_no_parts() -> None:
    async def main() -> None:
        app = dashboard(FakeModel(moment()), ":client/nosuch", views=VIEWS, admin=Answers("usual"))  # type: ignore[arg-type]
        async with app.run_test(size=(100, 30)) as pilot:
            await settled(pilot)
            assert "no consumer group of client 'nosuch' is known" in said(pilot, "#note")
            assert said(pilot, "#parts").strip() == ""

    asyncio.run(main())
