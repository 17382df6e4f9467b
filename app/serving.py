"""Settings of the server that `flask up` runs: one worker with threads, the scheduler inside."""

from typing import Any

from flask import Flask

from app.worker import start_scheduler

workers = 1
worker_class = "gthread"
timeout = 60
graceful_timeout = 10
accesslog = None
loglevel = "warning"
proc_name = "zhiping"
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Start the scheduler in the process that serves."""
    application: Flask = worker.wsgi
    application.extensions["zhiping.scheduler"] = start_scheduler(application)


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the running chore finish before the process ends."""
    scheduler = worker.wsgi.extensions.get("zhiping.scheduler") if worker.wsgi else None
    if scheduler is not None:
        scheduler.shutdown(wait=True)
