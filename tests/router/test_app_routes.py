"""The metrics tell whether the routes on disk are in force."""

import pytest
import yaml
from router_process import routes_document

from router.app import App
from router.config.routes_file import RoutesFile, by_channel
from router.config.secrets import Secrets
from router.notifiers import channels
from router.settings import Settings, load_settings


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "routes.yml"
    path.write_text(yaml.safe_dump(routes_document()), encoding="utf-8")
    options = {"routes": str(path), "store.url": f"sqlite:///{tmp_path / 'router.db'}"}

    def nothing(path):
        raise FileNotFoundError(path)

    settings = load_settings(options, {}, nothing, {name: channel.Settings for name, channel in channels().items()})
    assert isinstance(settings, Settings)
    file = RoutesFile(str(path), by_channel(channels()))
    file.reload()
    return App(settings, Secrets({}), file, "1"), path


def shown(app, name):
    lines = app.metrics().decode().splitlines()
    return [line.rpartition(" ")[2] for line in lines if line.startswith(f"alert_router_{name}")]


def test_routes_that_are_refused_show_until_the_file_is_good_again(app):
    router, path = app
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("fallback_after: 1m", "fallback_after: soon"), encoding="utf-8")
    router._look_at_routes(router._routes_file.check)
    router._look_at_routes(router._routes_file.check)
    assert shown(router, "routes_reload_failed") == ["1.0"]
    assert shown(router, 'routes_reloads_total{result="refused"}') == ["1.0"]
    path.write_text(good, encoding="utf-8")
    router._look_at_routes(router._routes_file.reload)
    assert shown(router, "routes_reload_failed") == ["0.0"]
