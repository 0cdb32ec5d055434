from django.core.management import BaseCommand

from chat import rooms


class Command(BaseCommand):
    help = "Says something in a room."

    def add_arguments(self, parser):
        parser.add_argument("group")
        parser.add_argument("text")

    def handle(self, group, text, **options):
        rooms.say(group, text)
