from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer


def say(group, text):
    """Says something in a room, from anywhere but a consumer."""
    message = {"type": "websocket.receive", "text": text}
    async_to_sync(get_channel_layer().group_send)(
        group, {"type": "xx.oo", "message": message}
    )
