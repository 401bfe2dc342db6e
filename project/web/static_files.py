"""Scripts, styles and icons, served by the web process itself, from where they lie."""

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class WholeFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise has no types
    """Answers with the file in one piece.

    WhiteNoise streams it from a synchronous iterator. Under ASGI, Django reads such a one to its
    end before it sends anything, and warns on each request. The largest file there is has 4 MB.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        content = b""
        if found.file is not None:
            with found.file as opened:
                content = opened.read()
        answer = HttpResponse(content, status=int(found.status))
        del answer["Content-Type"]  # WhiteNoise knows better, and says none with a 304
        for name, value in found.headers:
            answer[name] = value
        return answer
