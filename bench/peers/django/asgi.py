"""What daphne serves: ws://…/room/GROUP/."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from consumers import RoomConsumer  # noqa: E402 (Django wants its settings first)

application = ProtocolTypeRouter({"websocket": URLRouter([path("room/<str:group>/", RoomConsumer.as_asgi())])})
