"""START HERE: what the gateway is made of."""

from chassis.cli import service_cli
from chassis.clock import Clock, SystemClock
from chassis.health import Health, management_app
from chassis.lifecycle import HttpServer, run_service
from chassis.logs import configure_logs, get_logger
from chassis.settings import load_settings
from chassis.telemetry import configure_telemetry
from gateway.application import build
from gateway.brand import Brand
from gateway.pages import Pages
from gateway.parts import Parts
from gateway.principals import Principals
from gateway.sessions import SessionCookie
from gateway.settings import GatewaySettings
from gateway.static_files import StaticFiles
from gateway.upstreams import Upstreams, connected

log = get_logger()


async def serve() -> int:
    settings = load_settings(GatewaySettings)
    configure_logs("gateway", settings.log_level)
    configure_telemetry("gateway", settings.otlp_endpoint)
    health = Health()
    async with connected(settings) as upstreams:
        app = build(
            parts(settings, upstreams, SystemClock()),
            health,
            public_url=settings.public_url,
            trusted_proxies=settings.trusted_proxies,
            legal_dir=settings.legal_dir,
        )
        components = [
            HttpServer("http", app, settings.http_host, settings.http_port),
            HttpServer("management", management_app(health), settings.management_host, settings.management_port),
        ]
        return await run_service(components, settings.shutdown_seconds, health=health)


def parts(settings: GatewaySettings, upstreams: Upstreams, clock: Clock) -> Parts:
    brand = Brand.of(settings)
    if not brand.is_imprint_complete and settings.legal_dir is None:
        log.warning("imprint_incomplete", set="KUNDENPORTAL_BRAND_ADDRESS, _BRAND_EMAIL, _BRAND_REPRESENTATIVE")
    static = StaticFiles(brand)
    return Parts(
        upstreams=upstreams,
        principals=Principals(upstreams.identity, clock),
        cookie=SessionCookie(settings.public_url),
        pages=Pages(brand, static),
        static=static,
    )


cli = service_cli("gateway", serve, None, GatewaySettings)
