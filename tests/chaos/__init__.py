"""Chaos in Jepsen's manner: a cluster of ours under load, faults out of a seed, and what must hold of what was written down.

`python -m tests.chaos --seeds 1-50` runs many; `test_seeds.py` runs three. Linux only: servers are reached on 127.0.0.2, through
links that can be cut, and listen on 127.0.0.1.
"""
