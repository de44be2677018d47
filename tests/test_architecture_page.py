"""The tree and the pictures of docs/architecture.md are those of the packages."""

import importlib.util
import re
from pathlib import Path

import generated
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def generator():
    pytest.importorskip("grimp")
    spec = importlib.util.spec_from_file_location("gen_architecture", ROOT / "scripts" / "gen_architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator):
    current = generator.PAGE.read_text("utf-8")
    assert current == generator.page(current), "run: python scripts/gen_architecture.py"


def test_every_folder_is_in_the_tree(generator):
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert folders - {"build", "dist"} == {*generator.PACKAGES, *generator.OTHERS}


def test_every_package_says_what_it_is_for(generator):
    lines = generator.tree().splitlines()[1:-1]
    assert [line for line in lines if not line.partition("/")[2].strip()] == []
    assert any(line.startswith("  log/") for line in lines) and any(line.startswith("    check/") for line in lines)


def test_arrows_are_shown_once_and_only_between_the_names(generator):
    shown = generator.picture({("b", "a"), ("a", "a"), ("a/x", "b"), ("c", "a")}, ("a", "b", "a/x"))
    assert shown.splitlines()[1:-1] == [
        "graph TD",
        '    a["a"]',
        '    b["b"]',
        '    a_x["a/x"]',
        "    a_x --> b",
        "    b --> a",
    ]


def test_marks_that_are_missing_are_named():
    with pytest.raises(ValueError, match=r"the line '<!-- generated: tree -->' is needed once"):
        generated.between("text", "tree", "new")
    with pytest.raises(ValueError, match=r"'<!-- end -->' is missing"):
        generated.between("<!-- generated: tree -->\nold", "tree", "new")
    page = "a\n<!-- generated: tree -->\nold\n<!-- end -->\nb"
    assert generated.between(page, "tree", "new\n") == "a\n<!-- generated: tree -->\nnew\n<!-- end -->\nb"


def test_what_runs_in_threads_is_listed(generator):
    text = generator.PAGE.read_text("utf-8")
    listed = re.search(r"\n- In threads beside the loop run only: .*?(?=\n- )", text, re.DOTALL)
    assert listed is not None
    found = {
        path.relative_to(ROOT).as_posix()
        for package in generator.PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\b(to_thread|run_in_executor|Thread|ThreadPoolExecutor)\(", path.read_text("utf-8"))
    }
    assert set(re.findall(r"`([\w/]+\.py)`", listed[0])) == found
