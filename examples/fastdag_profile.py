"""A page of a shop, put together of what three services say, in the spelling of fastdag; only the import line is dug's.

Run it with ``python examples/fastdag_profile.py``.
"""

from dug.compat.fastdag import Graph, Node, add_child, add_parent


class Request:
    """What the nodes know of the request: any object will do."""

    def __init__(self, user_id):
        self.user_id = user_id


class User(Node):
    """A root: it reads nothing but the request."""

    def load(self, context):
        """Return who asks."""
        return {"name": f"user {context.user_id}", "city": "Berlin"}


class Orders(Node):
    """Reads the user as a named argument."""

    def load(self, context, user):
        """Return what was bought."""
        return {"orders": [f"order {context.user_id}.1 of {user['name']}", f"order {context.user_id}.2"]}


class Weather(Node):
    """Reads the user by position, and loads while the orders do."""

    def load(self, context, data):
        """Return what to wear."""
        return {"weather": f"rain in {data['city']}", "asked_by": context.user_id}


@add_parent("orders", "orders")
@add_child("page", "offers")
class Offers(Node):
    """Says by ids what it reads, and what reads it."""

    def load(self, context, orders):
        """Return how many offers there are."""
        return {"offers": len(orders["orders"]) + context.user_id % 2}


class Page(Node):
    """A leaf: what it gives comes last into the merged data."""

    def load(self, context, weather, offers):
        """Return the title."""
        return {"title": f"{offers['offers']} offers for user {context.user_id}, {weather['weather']}"}


def make():
    """Return the graph."""
    user, orders, weather, page = User("user"), Orders("orders"), Weather("weather"), Page("page")
    orders.add_parent(user, "user")
    user.add_child(weather)
    page.add_parent(weather)
    graph = Graph()
    graph.add_root(user)
    graph.add_root(Offers("offers"))
    return graph


if __name__ == "__main__":
    node_data, merged = make().run(Request(7))
    for node, data in node_data.items():
        print(node, data)
    print(merged["title"])
