from asgiref.sync import async_to_sync
from channels.exceptions import StopConsumer
from channels.generic.websocket import WebsocketConsumer


class ChatConsumer(WebsocketConsumer):
    """A room: what one says, all in the group of the URL hear."""

    @property
    def group(self):
        return self.scope["url_route"]["kwargs"]["group"]

    def websocket_connect(self, message):
        async_to_sync(self.channel_layer.group_add)(self.group, self.channel_name)
        self.accept()

    def websocket_receive(self, message):
        async_to_sync(self.channel_layer.group_send)(
            self.group, {"type": "xx.oo", "message": message}
        )

    def xx_oo(self, event):
        self.send(event["message"]["text"])

    def websocket_disconnect(self, message):
        async_to_sync(self.channel_layer.group_discard)(self.group, self.channel_name)
        raise StopConsumer()


class HelloConsumer(WebsocketConsumer):
    """Greets who comes in by name, answers, and closes when it is told to."""

    def websocket_connect(self, message):
        self.accept()
        self.send(f"来了呀客官 {self.scope['user'].username}")

    def websocket_receive(self, message):
        if message["text"] == "关闭":
            self.close()
        else:
            self.send(message["text"])

    def websocket_disconnect(self, message):
        raise StopConsumer()
