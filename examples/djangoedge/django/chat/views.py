from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from chat import rooms


def room(request, group):
    return render(request, "chat/room.html")


@require_POST
def say(request, group):
    rooms.say(group, request.POST["text"])
    return HttpResponse(status=204)


def whoami(request):
    """The name of who is logged in."""
    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    return HttpResponse(request.user.username, content_type="text/plain")
