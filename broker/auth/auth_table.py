"""A table of accounts of a broker: a RocksDB in the folder `config` of its store, as Apache's brokers keep it.

Without the package rocksdict (the extra `rocksdb`) it is a JSON file there. A file that an earlier start without the
package has left goes into the database, and is renamed. Where a start cannot know what counts, there is none.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.config_rocksdb import ConfigRocksDBStorage, NoReaderError, is_rocksdb
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.files import PRIVATE_FILES, SmallFiles
from rocketmq_ops.common.state_files import Write

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: What is added to the name of a file that went into the database.
MOVED: Final = ".moved"


class AuthTable(ConfigManager):
    """Sub-classes say what the table is called, and how an entry is written in both ways.

    An entry's `fields` are those of the file, its `model` what Apache's broker has in its database.
    """

    files: SmallFiles = PRIVATE_FILES
    #: What is kept: the name of the folder, and of the object in the file.
    what: ClassVar[str]

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._database: ConfigRocksDBStorage | None = None

    def fields(self) -> dict[str, dict[str, Any]]:
        """Every entry by name, as it is in the file."""
        raise NotImplementedError

    def take(self, entries: dict[str, dict[str, Any]]) -> None:
        """Have these entries, as the file has them. Raises CorruptDataError."""
        raise NotImplementedError

    def model_of(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """An entry of the file as the database has it."""
        raise NotImplementedError

    def fields_of(self, name: str, model: dict[str, Any]) -> dict[str, Any]:
        """An entry of the database as the file has it. Raises CorruptDataError."""
        raise NotImplementedError

    @property
    def folder(self) -> str:
        """The database."""
        return self.path.removesuffix(".json")

    def load(self) -> None:
        """Read what is stored. Raises RocketMQError."""
        found = self.document(self._read)
        try:
            self._database = ConfigRocksDBStorage(self.folder)
        except NoReaderError:
            if found is None and is_rocksdb(self.folder):
                raise RocketMQError(
                    f"the {self.what} of this store are in the RocksDB {self.folder}, which cannot be read without the "
                    "package rocksdict",
                    "install it with: pip install 'rocketmq-ops[rocksdb]'",
                ) from None
            return
        stored = self._stored(self._database.entries())
        if not stored:
            self._database.replace(self._models(found or {}))
        elif found is None:
            self.take(stored)
        elif found != stored:
            raise RocketMQError(
                f"there are {self.what} in {self.path} and others in the RocksDB {self.folder}",
                "move away the one that does not count",
            )
        if found is not None:
            log.info("the %s of %s are now in the RocksDB %s", self.what, self.path, self.folder)
            with suppress(FileNotFoundError):
                os.unlink(self.path + ".bak")
            with suppress(FileNotFoundError):
                os.replace(self.path, self.path + MOVED)

    def encode(self, *, pretty: bool = False) -> bytes:
        """Every entry by name."""
        return fastjson.dumps({self.what: dict(sorted(self.fields().items()))}, pretty=pretty)

    def write_of_now(self) -> Write:
        """What stores the entries as they are now."""
        database = self._database
        if database is None:
            return super().write_of_now()
        fields = self.fields()
        return lambda: database.replace(self._models(fields))

    def close(self) -> None:
        """Let go of the database, if there is one."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _read(self, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = document.get(self.what) or {}
        self.take(found)
        return self.fields()

    def _models(self, entries: dict[str, dict[str, Any]]) -> dict[bytes, bytes]:
        return {name.encode(): fastjson.dumps(self.model_of(name, fields)) for name, fields in entries.items()}

    def _stored(self, entries: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
        found = {}
        for key, value in entries.items():
            name = key.decode("utf-8", "replace")
            try:
                model = fastjson.loads(value)
                if not isinstance(model, dict):
                    raise CorruptDataError("not a JSON object")
                found[name] = self.fields_of(name, model)
            except CorruptDataError as error:
                raise CorruptDataError(
                    f"{self.folder}: the entry of '{name}' cannot be read: {error}", "check the store"
                ) from None
        return found
