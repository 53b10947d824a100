"""Which memo answers for a node (`find`): for a node tweaked to a value that of the tweak, for any other by THE rule, `match`.

**The rule.**  A memo answers for its node in a scenario exactly when the scenario, restricted to the memo's footprint, holds
the very tweaks that the memo read: ``tweaks.restrict(memo.footprint) == memo.restriction``.  (`facts/memo` says what a footprint
and a restriction are; a scenario is an `ActiveTweaks`, and a tweak in it a `Tweak`, called a handle.)  The rule has one variant,
for a node beneath its own tweak, or untweaked under a tweak of its function: see the end of this text.

**Why it is right.**  These invariants hold:

* I1 the tweaks in force in a scenario never change, and a run keeps the scenario that it began with;
* I2 a footprint holds, as far as there are any, the bits that say what ran: those of its own node and function, or of the tweak
  of its own that a node met (beneath that one its key says it); and those of every node and function of which the run asked
  whether it is tweaked, directly or through its reads; of those that were not, too;
* I3 a memo is filed under exactly the tweaks that it read;
* I4 a target has its bit before any scenario tweaks it (`group.CacheGroup.give_bit` adds it to the memos that exist);
* I5 a memo that a node has at hand for a scenario (`NodeMemos.recall`) answers there, by the rule or by its variant;
* I6 the dependencies of a memo are everything that was returned or raised to its body, hits included, or what stands for it;
* I7 a memo that was filed stays until something that it ran is invalidated, its cache is cleared, or nobody holds a tweak that it
  read; while something that a run has read is invalidated, that run files none.  (That nobody holds a tweak any more frees memory
  only: no other tweak gets its serial, so the memo would match nowhere.  Errors leave, too, and what was moved or folded.)
* I8 the node of each memo in force is known as a reader of the nodes that it read, in one cache of the group: a walk goes by the
  keys through all of them, and misses none.

Take a memo of node n that matches scenario S.  Follow a fresh run of n in S beside the run that made the memo.  What ran for n
is in the footprint or in the key (I2), so both start in the same body, with the same arguments.  Each time the body asks for a
node m, the bit that says whether m is tweaked is in the footprint (I2, I4), and S has there the tweak that the memo read, or
none as it did (I3).  If m is tweaked to a value, both get it.  Else one code runs for m in both, its own or that of the tweak.
The memo of m is a dependency (I6), so its footprint is a part of this one, it matches S as well, and by induction m gives the
same value.  So the body does the same next, up to its end, and gives the same value.  Nothing outside the footprint was asked,
so nothing outside can matter.

What stands for a read (I6) keeps this true, as it asks for no less.  A read under a context that the run opened is replaced by
what that read saw of the tweaks around the run, as reads that hold outside of the context and as bits (`steps/settle`); so is a
read of a function that the run decorated itself, which nobody outside knows (`finish._settle_made`).  Of its own node beneath
its tweak a run takes over what that one read; the bits of the node itself, which are its own, say the rest
(`finish._add_up_beneath`).

**Consequences.** A tweaked node is masked, and so are all memos computed from it, because their footprints hold its bit: at the
first tweak of a node `CacheGroup.intern` has it added to them, and no later one needs a walk (I4).  A memo that read no tweak
has an empty restriction and answers wherever nothing in its footprint is tweaked, whoever computed it.  A child never changes
the memos that its parent finds, because it only adds memos, under its own restriction.  Siblings with the same tweaks share,
because handles are interned.  Entering again finds the memos that still match, for as long as somebody holds the tweaks (I7).

The order of the search is the order of cost: the memo at hand (which `begin` asks for, and the call path before it), the tweak
itself, the other memos of the node here, those in the caches that this one lies on.  Only then is another memo verified, or the
node run.  Short forms of the rule, for a single memo, are `NodeMemos.recall` and `View.matches`.

**The variant** (`_match_beneath`).  A node beneath its own tweak (see `begin`) is asked for as if the tweak in its key, and no
other, were in force for it; a node that is untweaked under a tweak of its function, as if none were.  The scenario does not say
which tweak the node itself meets there.  So two things are compared by themselves: the tweak that it meets with the body that
made the memo, and the scenario with `Memo.footprint_below`, what the reads brought.

In this file: `find_answer` serves looks, `find_masked` finds what a tweak hides, `value_memo` is the memo of a tweak to a value;
`_find_filed` looks in the table of a home.
"""

from typing import TYPE_CHECKING, Any

from ..facts.binding import Key
from ..facts.extra import OuterCall
from ..facts.memo import TWEAKED, Memo, NodeMemos
from ..facts.node import BENEATH
from ..native import machine
from ..state.scenario import ActiveTweaks, Tweak
from ..state.view import View

if TYPE_CHECKING:
    from ..state.cache import Cache


def find(view: View, key: Key, handle: Tweak | None, call: OuterCall | None) -> Memo | None:
    """Returns the memo that answers for `key`, which meets the tweak `handle`, in `view`, or None; runs nothing."""
    if handle is not None and handle.is_value:
        return value_memo(view, key, handle)
    return _find_filed(view, key, handle, call)


def find_answer(view: View, key: Key) -> Memo | None:
    """Returns the memo that answers for a node in `view`, errors of earlier calls included, after the group was drained."""
    if view.group.released:
        view.group.drain()
    try:
        memo = find(view, key, view.handle_of(key), None)
    except LookupError:  # beneath a tweak that is gone
        return None
    cache: Cache | None = view.cache if memo is None else None
    while cache is not None:
        home = cache.find_home(key)
        for found in () if home is None else home.memos():
            if found.call is not None and view.matches(found):  # `find` has seen all others
                return found
        cache = cache.beneath
    return memo


def find_masked(view: View, key: Key) -> Memo | None:
    """Returns the memo that answers for `key` in the nearest view around that has one: mostly one that is masked here."""
    around = view.parent
    while around is not None:
        memo = _find_computed(around, key)
        if memo is not None:
            return memo
        around = around.parent
    return None


def _find_computed(view: View, key: Key) -> Memo | None:
    """Returns the memo that answers for a node in a view, unless it is a tweak's."""
    try:
        handle = view.handle_of(key)
    except LookupError:  # beneath a tweak that is gone
        return None
    return None if handle is not None and handle.spec.is_value else _find_filed(view, key, handle, None)


def value_memo(view: View, key: Key, handle: Tweak) -> Memo:
    """Returns the memo that answers for a node tweaked to a value, by `handle`, which is a tweak of this very node.

    Beneath another tweak it is filed nowhere, and needs no footprint: the serial of that tweak says what lies beneath.
    """
    if key[0] is BENEATH:
        apart = Memo(NodeMemos(key, None), handle.spec.value, TWEAKED)
        apart.origin = handle.spec.telling
        return apart
    memo, cache = handle.memo, view.cache
    is_here = memo is not None and memo.home.token is cache._token and memo.home.alive
    return memo if is_here else handle.memo_of(cache.home_of(key))  # type: ignore[return-value]  # there is one


def _find_filed(view: View, key: Key, handle: Tweak | None, call: OuterCall | None) -> Memo | None:
    cache: Cache | None = view.cache
    while cache is not None:
        is_beneath = key[0] is BENEATH
        if is_beneath or (handle is not None and handle.spec.is_untweak):
            home = cache.find_home(key[1] if is_beneath else key)
            memo = None if home is None else _match_beneath(home, handle, view, call)
            if memo is not None:
                return memo
        home = cache.find_home(key)
        if home is not None:
            memo = match(home, view.tweaks, call)
            if memo is not None:
                return memo
        cache = cache.beneath
    return None


def match(home: NodeMemos, tweaks: ActiveTweaks, call: OuterCall | None) -> Memo | None:
    """THE rule: returns the memo of this node whose footprint sees here the very tweaks that it read."""
    plain = home.plain
    if plain is not None and not machine.overlap(plain.footprint, tweaks.mask) and plain.serves(call):
        return plain
    variants = home.variants
    if variants is None:
        return None
    if type(variants) is not dict:  # the only one
        lone: Any = variants
        return lone if tweaks.restrict(lone.footprint) == lone.restriction and lone.serves(call) else None
    for footprint, alike in variants.copy().items():  # in one step: other threads may file at the same time
        memo = alike.get(tweaks.restrict(footprint))
        if memo is not None and memo.serves(call):
            return memo
    return None


def _match_beneath(home: NodeMemos, handle: Tweak | None, view: View, call: OuterCall | None) -> Memo | None:
    """The rule for a node beneath its own tweak, where it meets `handle` or none: returns the memo in the node's plain home.

    The bits of the node itself say nothing there; on all others the scenario must agree with the memo, whose restriction may hold
    `own`, the serial of what its node met, beside them.
    """
    group = view.group
    met = None if handle is None or handle.spec.is_untweak else handle
    body = 0 if met is None else met.serial
    own = group.untweaked_serial(home.key) if met is None else frozenset((body,))
    for memo in home.memos():
        if memo.body != body or not memo.serves(call):
            continue
        restriction = view.tweaks.restrict(memo.footprint_below)
        if memo.restriction != restriction | own and (met is not None or memo.restriction != restriction):
            continue
        # A tweak of the function is one for all its nodes: if the memo read others of them, these must meet it here, too.
        if met is None or not memo.footprint_below & met.bit or body in restriction:
            return memo
    return None
