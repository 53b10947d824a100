"""What the ledger counts on, where the random scripts of `test_model.py` once doubted a good engine."""

from __future__ import annotations

from ledger import Ledger, learn
from oracle import Level, Oracle
from programs import Argument, Bump, Call, Constant, Outside, Read, Within
from strategies import SOURCE_NODES


def test_what_heard_a_bump_over_an_equal_one_goes_with_its_context():
    """The same bump outside is another tweak: no cut-off can start from what a body computed in a context that it closed."""
    same = Bump("add", 0)
    inside = Within({1: same}, Read(3, Argument()), {}, Constant(0), scoped=False)
    bodies = (Outside(), Outside(), Constant(0), Read(1, Argument()), inside, Read(4, Argument()))
    oracle, ledger = Oracle(bodies, dict.fromkeys(SOURCE_NODES, 0)), Ledger()
    ledger.hold([(1, same)])
    for top in (Call(5, 0), Call(3, 0)):
        reasons = list(ledger.settle(learn(oracle.ask(top, (Level({1: same}, "root"),)))))

    assert reasons == [(Call(3, 0), bodies[3])]
