"""The stylesheet of the dashboard: what it says of a widget is found once.

Textual goes through all rules for each widget of each screen that is opened, and whenever something of it changes, as
who has the keys; with nine widgets that was a quarter of what opening a screen takes. What the rules say depends on the
widget and on those around it by their classes, ids and states alone, so that it is kept by these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from textual.css.stylesheet import Stylesheet
from textual.widget import Widget

from rocketmq_ops.common.bounded import Bounded

if TYPE_CHECKING:
    from textual.css.styles import RulesMap
    from textual.dom import DOMNode

#: So much is kept: there are some twenty kinds of widgets on a screen, and some states of each.
_KEPT: Final = 1000
#: Rules whose values are of one widget each: Textual makes them anew.
_OWN: Final = ("layout", "transitions")


class _Asked(NamedTuple):
    """What the rules ask of a kind of widget: its states, each alone; whether any of them is of its place among others,
    which is not kept; and what Textual notes of them at the widget."""

    states: Sequence[set[str]]
    of_places: bool
    hover: bool
    focus_within: bool
    order: bool
    odd_or_even: bool


class _Found(NamedTuple):
    """What the rules say: as they say it, and as a widget that had nothing has it then, if one was seen."""

    said: RulesMap
    had: RulesMap | None


class KeptStyles(Stylesheet):
    """As Textual's."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        #: The rules that it was found by.
        self._of: object = None
        self._asked: dict[object, _Asked] = {}
        self._found: Bounded[object, _Found] = Bounded(_KEPT)

    def apply(self, node: DOMNode, *, animate: bool = False, cache: dict[Any, RulesMap] | None = None) -> None:
        """See `Stylesheet`."""
        rules = self.rules_map
        if rules is not self._of:  # another theme, or widgets that were not there before, have others
            self._of = rules
            self._asked.clear()
            self._found.clear()
        path = node.css_path_nodes
        kinds = tuple([(type(each), each.id, each.classes) for each in path])
        asked = self._asked.get(kinds[-1])
        if asked is None:
            asked = self._asked[kinds[-1]] = self._asked_of(node)
        if asked.of_places:
            super().apply(node, animate=animate, cache=cache)
            return
        key = kinds, tuple([each.has_pseudo_classes(state) for state in asked.states for each in path])
        found = self._found.get(key)
        new = not animate and not node.styles.base.get_rules() and isinstance(node, Widget) and not node.is_mounted
        if found is None or (new and found.had is None):
            own: dict[Any, RulesMap] = {}
            super().apply(node, animate=animate, cache=own)
            for said in own.values():
                self._found[key] = _Found(said, node.styles.base.get_rules() if new else None)
            return
        node._has_hover_style, node._has_focus_within = asked.hover, asked.focus_within
        node._has_order_style, node._has_odd_or_even = asked.order, asked.odd_or_even
        if new and found.had is not None:
            _give(node, found.had)
        else:
            self.replace_rules(node, found.said, animate=animate)
        self._process_component_classes(node)

    def _asked_of(self, node: DOMNode) -> _Asked:
        """As Textual finds it."""
        rules = self.rules_map
        names = rules.keys() & node._selector_names
        states = set[str]().union(*[rule.pseudo_classes for name in names for rule in rules[name]])
        return _Asked(
            states=[{state} for state in sorted(states)],
            of_places=not states.isdisjoint(self._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE),
            hover="hover" in states,
            focus_within="focus-within" in states,
            order=not states.isdisjoint({"first-of-type", "last-of-type", "first-child", "last-child", "empty"}),
            odd_or_even=not states.isdisjoint({"odd", "even"}),
        )


def _give(node: DOMNode, rules: RulesMap) -> None:
    """As `replace_rules` does it to a widget that has none and is not mounted, without looking at each value again."""
    base = node.styles.base
    base.merge_rules(rules)
    for name in _OWN:
        if name in rules:
            base.clear_rule(name)
            setattr(base, name, rules[name])
    node.notify_style_update()
