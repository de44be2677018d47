"""The texts that `mqadmin errors` knows are constants of the classes in Apache's jars."""

from __future__ import annotations

import zipfile

import pytest
from tests.interop import toolchain
from tests.mqadmin.test_errors_command import RECORDED


@pytest.mark.parametrize("version", toolchain.VERSIONS)
def test_the_recorded_classes_have_the_texts(version: str) -> None:
    classes: dict[str, bytes] = {}
    for jar in sorted(toolchain.jars(version).glob(f"rocketmq-*-{version}.jar")):
        with zipfile.ZipFile(jar) as archive:
            for entry in archive.namelist():
                if entry.endswith(".class"):  # an inner class's constants count as its outer one's
                    name = entry.rsplit("/", 1)[1].removesuffix(".class").split("$")[0]
                    classes[name] = classes.get(name, b"") + archive.read(entry)
    looked_at = 0
    for text, where in RECORDED.items():
        for name in (name for name, versions in where.items() if version in versions.split() and name in classes):
            assert all(piece.encode() in classes[name] for piece in text.split("…")), (text, name)
            looked_at += 1
    assert looked_at > 80
