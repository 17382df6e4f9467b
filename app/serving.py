"""Settings of the server that `flask up` runs: one worker with threads, the scheduler inside."""

import logging
from typing import Any

from flask import Flask

from app.worker import start_scheduler

log = logging.getLogger(__name__)
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
    _warn_of_a_proxy(application)
    application.extensions["zhiping.scheduler"] = start_scheduler(application)


def _warn_of_a_proxy(application: Flask) -> None:
    """Say that failures are counted of the proxy: HTTPS is never spoken without one here."""
    is_https = application.config["PUBLIC_URL"].startswith("https://")
    if is_https and not application.config["TRUSTED_PROXIES"]:
        log.warning(
            "PUBLIC_URL 是 https，而 TRUSTED_PROXIES 为 0：登录失败会记在代理的地址上，"
            "所有人共用一个计数。请设置 TRUSTED_PROXIES（代理的层数，通常为 1）后重新启动"
        )


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the running chore finish before the process ends."""
    scheduler = worker.wsgi.extensions.get("zhiping.scheduler") if worker.wsgi else None
    if scheduler is not None:
        scheduler.shutdown(wait=True)
