"""Options about what is kept on this machine: profiles, changes in the journal, files."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import path, positive

GivenFile = Annotated[str, Opt("FILE", help="the file to read", parse=path)]
ProfileName = Annotated[str, Opt("NAME", help="name of the profile")]
#: A change in the journal; `mqadmin history` lists them.
ChangeId = Annotated[int, Opt("CHANGE", help="id of the change", parse=positive)]
