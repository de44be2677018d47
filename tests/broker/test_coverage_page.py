"""Every request code is served by a module or excused with a reason, and docs/coverage.md says so."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gen_coverage.py"


def generator():
    spec = importlib.util.spec_from_file_location("gen_coverage", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_request_code_is_served_or_excused():
    assert generator().uncovered() == []


def test_the_page_is_up_to_date():
    module = generator()
    assert module.PAGE.read_text("utf-8") == module.page(), "run: python scripts/gen_coverage.py"


def test_what_is_served_is_told_by_module():
    rows = {row.name: row for row in generator().code_rows()}
    assert rows["UPDATE_BROKER_CONFIG"].modules == ("broker/processors/admin/config.py",)
    assert rows["REGISTER_BROKER"].modules[0].startswith("namesrv/processors/")
    for name in ("NOTIFY_CONSUMER_IDS_CHANGED", "RESET_CONSUMER_CLIENT_OFFSET", "GET_CONSUMER_STATUS_FROM_CLIENT"):
        assert rows[name].modules == ("client/client_processor.py",)
    assert not rows["POP_MESSAGE"].modules and rows["POP_MESSAGE"].reason
