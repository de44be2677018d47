"""What pages, docstrings and comments name in this repository is there."""

import pytest

from tests.named_places import ROOT, missing, prose, texts


def test_what_is_named_is_there():
    found = {str(place.relative_to(ROOT)): names for place, text in texts() if (names := missing(text, place))}
    assert found == {}, (
        "these files name what is not there (a path counts from the root or from a folder above the file)"
    )


def test_pages_docstrings_and_comments_of_every_folder_are_read():
    read = {str(place.relative_to(ROOT)) for place, _ in texts()}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "store/flush.py",
        "mqadmin/commands/topic/topic_route.py",
        "scripts/test.py",
        "tests/conftest.py",
        "src/rocketmq_ops/pytest_plugin.py",
    } <= read


@pytest.mark.parametrize(
    "text",
    [
        "see `store/log/commit_log.py`",
        "see `commit_log.py` and ``batch_items.py``",
        "see `queue/consume_queue.py`, above this folder",
        "`store/log/` and `store`",
        "`scripts/gen_*.py`, `mqadmin/commands/<family>/`",
        "`store/flush.py` `FlushService`",
        "`store/flush.py`: `FlushService.__init__`",
        "rocketmq_ops.store.flush, rocketmq_ops.store.flush.FlushService, rocketmq_ops.store.log",
        "`broker.conf`, `org.apache.rocketmq.store.CommitLog`, no_name.py without backticks",
    ],
)
def test_what_is_there_may_be_named(text):
    assert missing(text, ROOT / "store" / "log" / "half_written.py") == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see `store/log/commit_logs.py`", ["store/log/commit_logs.py"]),
        ("see `consume_queue.py`, which lies in another folder", ["consume_queue.py"]),
        ("see `docs/no_page.md`", ["docs/no_page.md"]),
        ("`store/logs/`", ["store/logs/"]),
        ("`store/log_*.py`", ["store/log_*.py"]),
        ("`mqadmin/command/<family>/`", ["mqadmin/command/<family>/"]),
        ("`store/flush.py` `NoService`", ["store/flush.py NoService"]),
        ("`store/flush.py`: `FlushService.no_method()`", ["store/flush.py FlushService.no_method"]),
        ("`store/flush.py`\n# `FlushService.no_method`", ["store/flush.py FlushService.no_method"]),
        ("rocketmq_ops.store.commit_log", ["rocketmq_ops.store.commit_log"]),
        ("rocketmq_ops.store.flush.NoService", ["rocketmq_ops.store.flush.NoService"]),
    ],
)
def test_what_is_not_there_is_found(text, names):
    assert missing(text, ROOT / "store" / "log" / "half_written.py") == names


def test_names_are_found_in_docstrings_and_comments_but_not_in_code():
    source = '''
"""Of the module: `store/a.py`."""
X = "`store/b.py`"  # of a line: `store/c.py`
class C:
    """Of a class: `store/d.py`."""
    async def m(self):
        """Of a method: `store/e.py`."""
'''
    assert missing(prose(source), ROOT / "x.py") == ["store/c.py", "store/a.py", "store/d.py", "store/e.py"]
