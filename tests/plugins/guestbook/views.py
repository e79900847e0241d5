from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from djng import Router
from guestbook.conf import max_length
from guestbook.models import Entry

router = Router(app_name="guestbook")


@router.get("/", template="guestbook/index.html", name="index")
def index(request: HttpRequest) -> dict[str, object]:
    return {"max_length": max_length()}


@router.post("/")
def write(request: HttpRequest) -> HttpResponse:
    Entry.objects.create(text=request.POST["text"][: max_length()])
    return redirect("guestbook:index")
