"""`app`, a Celery app for workers that do nothing but answer sweeps: ``celery -A dug.executors.celery_app worker``.

Celery reads where its broker is, and where results go, from CELERY_BROKER_URL and CELERY_RESULT_BACKEND.
"""

from .._extras.packages import import_extra
from .celery import register

__all__ = ["app"]

app = import_extra("celery", "celery", "dug.executors.celery_app").Celery("dug")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    worker_prefetch_multiplier=1,  # a batch that waits behind another one could run elsewhere
    broker_connection_retry_on_startup=True,
)
register(app)
