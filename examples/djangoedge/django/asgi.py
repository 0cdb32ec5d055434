import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
http = get_asgi_application()  # before anything that needs Django set up

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from chat.consumers import ChatConsumer, HelloConsumer  # noqa: E402

sockets = URLRouter(
    [
        re_path(r"^room/(?P<group>[\w.-]+)/$", ChatConsumer.as_asgi()),
        path("hello/", HelloConsumer.as_asgi()),
    ]
)
application = ProtocolTypeRouter(
    {"http": http, "websocket": AuthMiddlewareStack(sockets)}
)
