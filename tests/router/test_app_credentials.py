"""Who may post while credentials come, go and are replaced."""

import pytest
import yaml
from router_process import routes_document

from router.app import App
from router.config.routes_file import RoutesFile, by_channel
from router.config.secrets import Secrets
from router.notifiers import channels
from router.settings import Settings, load_settings

TOKEN = "a-token-of-this-test"


@pytest.fixture
def make(tmp_path):
    path = tmp_path / "routes.yml"
    path.write_text(yaml.safe_dump(routes_document()), encoding="utf-8")
    token = tmp_path / "token"
    token.write_text(TOKEN, encoding="utf-8")

    def app(listen):
        environ = {"ALERT_ROUTER_TOKEN_FILE": str(token)}
        options = {"routes": str(path), "store.url": f"sqlite:///{tmp_path / 'router.db'}", "listen": listen}

        def read(path):
            if path != str(token):
                raise FileNotFoundError(path)
            return token.read_bytes()

        kinds = {name: channel.Settings for name, channel in channels().items()}
        settings = load_settings(options, environ, read, kinds)
        assert isinstance(settings, Settings), settings
        file = RoutesFile(str(path), by_channel(channels()))
        file.reload()
        return App(settings, Secrets(environ), file, "1"), token

    return app


@pytest.mark.parametrize("listen", ["0.0.0.0:9095", "127.0.0.1:9095"])
@pytest.mark.parametrize("lose", [lambda path: path.unlink(), lambda path: path.write_text("")])
def test_a_token_file_that_is_lost_while_serving_opens_the_door_to_nobody(make, listen, lose):
    app, token = make(listen)
    assert app.authenticate(f"Bearer {TOKEN}".encode(), "main")
    lose(token)
    assert not app.authenticate(None, "main")
    assert not app.authenticate(b"Bearer something", "main")


def test_others_find_the_door_shut_although_nobody_has_ever_shown_the_token(make):
    app, token = make("0.0.0.0:9095")
    token.unlink()
    assert not app.authenticate(None, "main")


def test_on_this_machine_a_token_that_comes_later_is_needed_from_then_on(make):
    app, token = make("127.0.0.1:9095")
    token.unlink()
    assert app.authenticate(None, "main")
    token.write_text(TOKEN, encoding="utf-8")
    assert not app.authenticate(None, "main")
    assert app.authenticate(f"Bearer {TOKEN}".encode(), "main")
