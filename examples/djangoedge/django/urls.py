from django.contrib.auth.views import LoginView
from django.urls import path, re_path

from chat import views

urlpatterns = [
    path("login/", LoginView.as_view()),
    path("whoami/", views.whoami),
    re_path(r"^room/(?P<group>[\w.-]+)/$", views.room),
    re_path(r"^room/(?P<group>[\w.-]+)/say/$", views.say),
]
