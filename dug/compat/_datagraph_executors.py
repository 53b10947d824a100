"""Where processors in Datagraph's spelling run: `LocalExecutor`, `CeleryExecutor`; `make_services`, what shares their runs.

`Executor` is what both are; `is_open` tells whether a run goes on.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..flow import FlowError

if TYPE_CHECKING:
    from ..flow.services import Services, ServicesRun


class Executor:
    """Where processors run: in this process, or elsewhere."""


class LocalExecutor(Executor):
    """Runs processors in the process that starts the flow, and in those that call ``Supervisor.instance.serve()``.

    Args:
        settings: are not needed here, such as a group of tasks.
    """

    def __init__(self, *settings: Any) -> None:
        self.settings = settings


class CeleryExecutor(Executor):
    """Has processors performed by the workers of a Celery app, whose module attaches a supervisor with it; needs a server.

    Args:
        app: the ``celery.Celery``, with a broker.
        queue: the queue from which its workers take processors; None: the usual one.

    Raises:
        ImportError: Celery is not installed; the message says what to type.
        TypeError: it is not a Celery app.
    """

    def __init__(self, app: Any, queue: str | None = None) -> None:
        from ..flow.services.celery import dispatch_to  # with the client of the server, which a program of one process needs not

        self.app = app
        self.dispatch = dispatch_to(app, queue=queue)
        """Sends a processor of a run to the queue."""


async def is_open(run: "ServicesRun") -> bool:
    """Returns whether a run goes on."""
    try:
        return (await run.state()).state == "open"
    except LookupError:  # it was deleted
        return False


def make_services(
    executor: Executor | None, config: Mapping[str, Any], secret: str | bytes | None, namespace: str
) -> "Services":
    """Returns what shares the runs of a supervisor, by its settings.

    Raises:
        FlowError: there is no url, or more than that.
    """
    from ..flow.services import Services  # as above

    if set(config) != {"url"}:
        raise FlowError(
            f"redis_config takes a url and nothing else, not {sorted(map(str, config))}. "
            "Write redis_config={'url': 'redis://:password@localhost:6379/0'}."
        )
    key = secret.encode() if isinstance(secret, str) else secret
    if not isinstance(executor, CeleryExecutor):
        return Services(config["url"], key=key, namespace=namespace)
    from ..flow.services.celery import register  # as above

    services = Services(config["url"], key=key, namespace=namespace, dispatch=executor.dispatch)
    register(executor.app, services)
    return services
