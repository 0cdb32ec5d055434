"""A process with a channel layer of Python's channels_redis, told what to do by its standard input.

The argument is the layer's configuration, each line of input a command, each line of output its answer: JSON objects. It ends with its input.
JSON has no bytes and one kind of number, so bytes travel as {"$bytes": "<hex>"}, and floats as {"$float": "<hex of their 8 bytes>"}. Of a long text
an answer tells {"$sha256": "<hex>"}.
"""

import asyncio
import base64
import hashlib
import json
import random
import struct
import sys

import msgpack
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from cryptography.fernet import Fernet, MultiFernet

# What channels_redis 4.0.0 has no option for, and newer ones have from 4.2.1 on: the JSON serializer, and encryption of the pub/sub layer.


def make_codec(config):
    """The two functions of a message's body: to bytes, and back."""
    pack, unpack = msgpack.packb, msgpack.unpackb
    if config["serializer"] == "json":
        pack, unpack = lambda message: json.dumps(message).encode(), json.loads
    if not config["keys"]:
        return pack, unpack
    keys = [base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()) for key in config["keys"]]
    fernet = MultiFernet([Fernet(key) for key in keys])
    ttl = 70 if config["layer"] == "core" else None
    return lambda message: fernet.encrypt(pack(message)), lambda body: unpack(fernet.decrypt(body, ttl))


def make_layer(config):
    """The layer. Where version 4.0.0 can do what is asked for, it is used as it is."""
    hosts, prefix, keys = config["hosts"], config["prefix"], config["keys"]
    pack, unpack = make_codec(config)

    class Core(RedisChannelLayer):
        def serialize(self, message):
            return random.randbytes(12) + pack(message)

        def deserialize(self, value):
            return unpack(value[12:])

    class PubSub(RedisPubSubChannelLayer):
        def serialize(self, message):
            return pack(message)

        def deserialize(self, payload):
            return unpack(payload)

    as_json = config["serializer"] == "json"
    if config["layer"] == "pubsub":
        return (PubSub if as_json or keys else RedisPubSubChannelLayer)(hosts=hosts, prefix=prefix)
    options = {"hosts": hosts, "prefix": prefix, "capacity": config["capacity"]}
    if as_json:
        return Core(**options)
    return RedisChannelLayer(symmetric_encryption_keys=keys or None, **options)


def plain(value):
    """A value as JSON can say it."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, float):
        return {"$float": struct.pack(">d", value).hex()}
    if isinstance(value, str) and len(value.encode()) > 10000:
        return {"$sha256": hashlib.sha256(value.encode()).hexdigest()}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def rich(value):
    """The value that JSON said."""
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return bytes.fromhex(value["$bytes"])
        if set(value) == {"$float"}:
            return struct.unpack(">d", bytes.fromhex(value["$float"]))[0]
        return {key: rich(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rich(each) for each in value]
    return value


class Process:
    """What the commands work on."""

    def __init__(self, config):
        self.layer = make_layer(config)
        self.receiving = {}  # channel -> a receive() under way: one that is cancelled may lose a message

    async def new_channel(self):
        return await self.layer.new_channel()

    async def group_add(self, group, channel):
        await self.layer.group_add(group, channel)

    async def group_discard(self, group, channel):
        await self.layer.group_discard(group, channel)

    async def group_send(self, group, message):
        await self.layer.group_send(group, rich(message))

    async def send(self, channel, message):
        await self.layer.send(channel, rich(message))

    async def receive(self, channel, seconds):
        """The next message, or None when none comes in time."""
        task = self.receiving.pop(channel, None) or asyncio.create_task(self.layer.receive(channel))
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            self.receiving[channel] = task
            return None
        return plain(task.result())


async def main(config):
    process = Process(config)
    lines = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        try:
            answer = {"ok": await getattr(process, command.pop("op"))(**command)}
        except Exception as error:  # whatever it is, the test says it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
