"""What docs/architecture.md says of the servers' threads is what their modules do."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTS_A_THREAD = re.compile(r"\b(to_thread|run_in_executor|ThreadPoolExecutor|Thread)\(")


def test_every_module_that_uses_a_thread_is_named():
    using = {
        str(path.relative_to(ROOT))
        for package in ("common", "remoting", "store", "namesrv", "broker")
        for path in (ROOT / package).rglob("*.py")
        if STARTS_A_THREAD.search(path.read_text("utf-8"))
    }
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    paragraph = page.split("- In threads beside the loop run only:")[1].split("\n- ")[0]
    assert set(re.findall(r"`([\w/]+\.py)`", paragraph)) == using
