"""Fills `Columns` from a context's memos: `list_columns`, the facts about every known node without its edges.

They are the facts that `context_graph.build_graph` gives, in a fraction of its time: nothing is walked, and no object is made for
each node or edge, so that the collector has nothing to look at.

`_count_readers` counts the dependents of each.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from .._core.read import Key, Memo, View
from .columns import Columns
from .context_graph import list_known, size_of_memo
from .node_states import NodeStates, list_reads


def list_columns(view: View) -> Columns[Key]:
    """Returns the facts about every node that is known in the caches that a view sees, and about all that these read.

    Complexity: linear in the nodes; an edge takes as long as it takes to count an object.
    """
    standing = NodeStates(view)
    keys = list_known(view)
    memos = [standing.see(key) for key in keys]
    known = [memo or standing.known(key) for key, memo in zip(keys, memos, strict=True)]
    times_read, lost = _count_readers(keys, known)
    keys += lost
    memos += [standing.see(key) for key in lost]
    return Columns(
        keys,
        [key[0].name for key in keys],
        [standing.find_state(key, memo) for key, memo in zip(keys, memos, strict=True)],
        [key[0].is_source for key in keys],
        [0.0 if memo is None else memo.seconds for memo in memos],
        [0.0 if memo is None else max(0.0, memo.own_seconds) for memo in memos],
        times_read,
        [None if memo is None else size_of_memo(memo) for memo in memos],
    )


def _count_readers(keys: Sequence[Key], memos: Sequence[Memo | None]) -> tuple[list[int], list[Key]]:
    """Returns how many of the memos of these nodes read each node, then how many read each other one; and those others.

    A memo read what `list_reads` lists.  Nearly all read some of the other memos, as they stand: those reads are counted by memo.
    """
    known = [memo for memo in memos if memo is not None]
    odd = set(chain.from_iterable([memo.dependencies for memo in known])).difference(known)
    is_quick = [
        (memo.extra is None or not memo.extra.inner_nodes) and (not odd or odd.isdisjoint(memo.dependencies)) for memo in known
    ]
    counts = Counter(chain.from_iterable([memo.dependencies for memo, quick in zip(known, is_quick, strict=True) if quick]))
    slow = [memo for memo, quick in zip(known, is_quick, strict=True) if not quick]
    by_key = Counter(chain.from_iterable(map(list_reads, slow)))
    times_read = [(0 if memo is None else counts[memo]) + by_key[key] for key, memo in zip(keys, memos, strict=True)]
    lost = list(by_key.keys() - set(keys)) if by_key else []
    return [*times_read, *(by_key[key] for key in lost)], lost
