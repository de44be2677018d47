"""The doctor: facts of a cluster, gathered once, and rules that judge them.

`gather.py` asks a live cluster, `facts.py` has what it found (a bundle holds the same), the modules named after the
subjects have the rules, and `examine.py` applies them.
"""
