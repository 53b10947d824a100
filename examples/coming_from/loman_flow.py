"""The calls of a ``Computation`` of Loman, one by one, and of a flow of dug; both sides give the same answers."""

from tempfile import TemporaryDirectory

from dug.flow import Flow


def spread(high: float, low: float = 1.0) -> float:
    """Return a difference."""
    return high - low


def there() -> dict[str, object]:  # noqa: PLR0915  a call after the other
    """With Loman: a computation is changed by its methods, and what was known below a change is stale."""
    import loman

    comp = loman.Computation()
    comp.add_node("high", value=7.0)
    comp.add_node("spread", spread)
    comp.add_node("wide", lambda one, other: one + other, kwds={"one": "spread", "other": "high"}, tags=["report"])
    comp.add_node("twice", lambda one: 2 * one, args=["wide"])
    comp.add_node("bad", lambda high: high / 0)
    comp.add_node("later", lambda rate: rate)
    answers: dict[str, object] = {"validate": [str(name) for name in comp.validate().placeholders]}
    answers["plan"] = [str(name) for name in comp.plan("twice").execution_order]
    answers["draw"] = "twice" in str(comp.draw().svg())
    comp.delete_node("later")
    comp.compute(["twice", "spread"])
    answers["compute"] = [comp.v.twice, comp.value("spread")]
    try:
        comp.compute("bad", raise_exceptions=True)
    except ZeroDivisionError as exc:
        answers["an error"] = type(exc).__name__
    comp.compute_all()
    answers["a table"] = sorted(str(name) for name in comp.to_df().index)
    answers["states"] = [comp.s.high.name, comp.s.twice.name, comp.s.bad.name]
    answers["wires"] = [sorted(comp.get_inputs("wide")), comp.get_outputs("wide")]
    answers["ends"] = [sorted(comp.get_original_inputs()), sorted(comp.get_final_outputs())]
    answers["tags"] = list(comp.nodes_by_tag("report"))

    comp.insert("high", 9.0)
    comp.compute("twice")
    answers["insert"] = comp.v.twice
    comp.add_node("low")
    comp.add_node("spread", spread)  # a parameter with a default reads what was there when its node was added
    comp.insert_many([("high", 9.0), ("low", 3.0)])
    comp.compute("twice")
    answers["insert_many, and a default"] = comp.v.twice
    comp.add_node("wide", lambda high: 10 * high)
    comp.compute("twice")
    answers["another function"] = comp.v.twice

    comp.pin("wide", 5.0)
    comp.insert("high", 1.0)
    comp.compute("twice")
    answers["pin"] = [comp.v.twice, comp.s.wide.name]
    comp.unpin("wide")
    comp.set_stale("wide")
    comp.compute("twice")
    answers["unpin"] = comp.v.twice

    copy = comp.copy()
    copy.insert("high", 2.0)
    copy.compute("twice")
    answers["copy"] = [copy.v.twice, comp.v.twice]

    comp.link("same", "twice")
    comp.rename_node("high", "top")
    comp.add_node("other", value=100.0)
    comp.repoint("top", "other")
    comp.compute("same")
    answers["link, rename, repoint"] = [comp.v.same, comp.v.top]

    block = loman.Computation()
    block.add_node("price", value=3.0)
    block.add_node("quantity", value=2)
    block.add_node("worth", lambda price, quantity: price * quantity)
    book = loman.Computation()
    book.add_node("quote", value=4.0)
    for key, quantity in {"A": 10, "B": 20}.items():
        book.add_block(f"book/{key}", block, links={"price": "quote"})
        book.insert(f"book/{key}/quantity", quantity)
    book.add_node("total", lambda a, b: a + b, kwds={"a": "book/A/worth", "b": "book/B/worth"})
    book.compute("total")
    answers["blocks"] = book.v.total

    comp.restrict(["same"])
    answers["restrict"] = sorted(str(name) for name in comp.nodes())
    comp.delete_node("twice")
    answers["delete"] = comp.s.twice.name
    answers["what read the deleted node is stale"] = comp.s.same is not loman.States.UPTODATE

    with TemporaryDirectory() as folder:
        book.write_dill(f"{folder}/book.dill")
        kept = loman.Computation.read_dill(f"{folder}/book.dill")
    kept.insert("quote", 5.0)
    kept.compute("total")
    answers["a file"] = kept.v.total
    return answers


def here() -> dict[str, object]:  # noqa: PLR0915  a call after the other
    """With dug: a flow is changed by its methods, each a tweak, and only what reads a change is computed again."""
    flow = Flow(spread, values={"high": 7.0})
    flow.add(lambda one, other: one + other, "wide", inputs={"one": "spread", "other": "high"}, tags=["report"])
    flow.add(lambda one: 2 * one, "twice", inputs=["wide"])
    flow.add(lambda high: high / 0, "bad")
    flow.add(lambda rate: rate, "later")
    answers: dict[str, object] = {"validate": [name for problem in flow.validate() for name in problem.names]}
    answers["plan"] = [node.args[1] for node in flow.plan("twice").nodes]
    answers["draw"] = "twice" in flow.draw()
    flow.delete("later")
    found = flow.compute("twice", "spread")
    answers["compute"] = [found["twice"], flow["spread"]]
    try:
        flow.compute("bad")
    except ZeroDivisionError as exc:
        answers["an error"] = type(exc).__name__
    flow.compute_all()
    answers["a table"] = sorted(flow.states().to_frame()["name"])
    states = {row.name: row for row in flow.states()}
    words = {"inserted": "UPTODATE", "computed": "UPTODATE", "failed": "ERROR", "overridden": "PINNED", "missing": "PLACEHOLDER"}
    answers["states"] = [words[states[name].state] for name in ("high", "twice", "bad")]
    graph = flow.graph()
    answers["wires"] = [sorted(states["wide"].reads), list(graph.dependents("wide"))]
    answers["ends"] = [sorted(flow.inputs()), sorted(flow.outputs())]
    answers["tags"] = flow.by_tag("report")

    flow.insert("high", 9.0)
    answers["insert"] = flow.compute("twice")
    flow.insert_many({"high": 9.0, "low": 3.0})  # a parameter with a default reads what is there now
    answers["insert_many, and a default"] = flow.compute("twice")
    flow.add(lambda high: 10 * high, "wide")
    answers["another function"] = flow.compute("twice")

    flow.override("wide", 5.0)
    flow.insert("high", 1.0)
    answers["pin"] = [flow.compute("twice"), words[next(row.state for row in flow.states() if row.name == "wide")]]
    flow.release("wide")
    answers["unpin"] = flow.compute("twice")

    with flow.what_if({"high": 2.0}):
        inside = flow.compute("twice")
    answers["copy"] = [inside, flow.compute("twice")]

    flow.link("same", "twice")
    flow.rename("high", "top")
    flow.insert("other", 100.0)
    flow.repoint("top", "other")
    answers["link, rename, repoint"] = [flow.compute("same"), flow.compute("top")]

    block = Flow(values={"price": 3.0, "quantity": 2})
    block.add(times, "worth")
    book = Flow(name="book", values={"quote": 4.0})
    paths = book.add_each("book", block, {"A": {"quantity": 10}, "B": {"quantity": 20}}, links={"price": "quote"})
    book.add(plus, "total", inputs=[f"{path}/worth" for path in paths])
    answers["blocks"] = book.compute("total")

    flow.restrict("same")
    answers["restrict"] = sorted(flow.names())
    flow.delete("twice")
    after = {row.name: row.state for row in flow.states()}
    answers["delete"] = words[after["twice"]]
    answers["what read the deleted node is stale"] = after["same"] != "computed"

    with TemporaryDirectory() as folder:
        book.save(f"{folder}/book.dug")
        kept = Flow.load(f"{folder}/book.dug", [times, plus])
        kept.insert("quote", 5.0)
        answers["a file"] = kept.compute("total")
        kept.context.close()
    return answers


def times(price: float, quantity: int) -> float:
    """Return a product."""
    return price * quantity


def plus(a: float, b: float) -> float:
    """Return a sum."""
    return a + b


DIFFERENT = {"what read the deleted node is stale": (False, True)}
"""What differs, there and here."""
