"""A terminal that goes away."""

from __future__ import annotations

import errno
import sys
import threading
from io import StringIO

import pytest
from textual.drivers import _writer_thread

from rocketmq_ops.tui.app import Dashboard
from tests.tui.fakes import dashboard


class Closed(StringIO):
    """Takes so much, and then nothing any more."""

    def write(self, text: str) -> int:
        if self.tell() >= 3:
            raise OSError(errno.EIO, "Input/output error")
        return super().write(text)


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals of this kind")
def test_nobody_waits_for_ever_to_write_to_a_terminal_that_was_closed() -> None:
    from textual.drivers import linux_driver

    app: Dashboard = dashboard()
    assert app.get_driver_class() is linux_driver.LinuxDriver
    gone = Closed()
    writer = linux_driver.WriterThread(gone)
    writer.start()

    def draw() -> None:
        for _ in range(3 * _writer_thread.MAX_QUEUED_WRITES):
            writer.write("x")
        writer.stop()

    drawing = threading.Thread(target=draw, daemon=True)
    drawing.start()
    drawing.join(30)
    assert not drawing.is_alive()
    assert gone.getvalue() == "xxx"
