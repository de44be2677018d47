"""The options that several commands have, each declared once: names, type, parser and what it means.

A command takes one as the annotation of a parameter, `topic: TopicName` or `topic: TopicName | None = None`; where it
means something narrower there, the text beside it says so: `topic: Annotated[TopicName | None, "only this topic"]`.
Names are Apache's; where Apache spells one meaning in several ways, each spelling is a type of its own here. What one
command alone has stands in that command's file. A module for each subject: a command makes only the types that it may
need.
"""
