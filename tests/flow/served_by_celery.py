"""A Celery app whose workers perform the processors of the tests: what is served is said by the environment."""

import os

from celery import Celery
from served import FUNCTIONS, make_services

from dug.flow.services.celery import dispatch_to, register

app = Celery("served")
app.conf.worker_prefetch_multiplier = 1
services = make_services(os.environ["CELERY_BROKER_URL"], "celery", FUNCTIONS, dispatch=dispatch_to(app))
register(app, services)
