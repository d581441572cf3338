"""The life of a service's process; see `service` for the rules, `http_server` and `periodic` for components to use."""

from chassis.lifecycle.http_server import HttpServer
from chassis.lifecycle.periodic import Periodic
from chassis.lifecycle.service import Component, run_service
from chassis.lifecycle.watchdog import Watchdog

__all__ = ["Component", "HttpServer", "Periodic", "Watchdog", "run_service"]
