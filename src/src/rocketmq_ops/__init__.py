"""Operations toolkit for Apache RocketMQ, with a lean name server and broker in the box.

The sub-packages are the repository's top-level folders (linked here so that an installation adds one import name only).
"""

__version__ = "0.1.0"
