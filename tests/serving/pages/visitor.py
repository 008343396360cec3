"""A browser without one that keeps its cookies, for what no real one can be made to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import quote, urlsplit

import httpx

from tests.serving.pages.asking import TOKEN

_ON = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


class Visitor:
    """`cookies` is what it holds; nothing else is kept between requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx.Response:
        return self._kept(httpx.get(self.address + path, headers=self._headers(), timeout=30))

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        sent = self._headers() | headers
        return self._kept(
            httpx.post(self.address + path, data=dict(form), headers=sent, timeout=30)
        )

    def led_to_provider(self, back: str = "/model") -> httpx.Response:
        """Presses the button of the sign-in page."""
        shown = self.get(f"/sign-in?next={quote(back, safe='')}").text
        token = TOKEN.search(shown)
        assert token is not None
        form = {"form_token": token[1], "next": back}
        return self.post("/sign-in/open-id", form)

    def led_back(self, back: str = "/model") -> str:
        """Signs in at the provider; the path and query to which it leads back."""
        on = _ON.search(self.led_to_provider(back).text)
        assert on is not None
        place = unescape(on[1]).replace("/authorize?", "/done?")
        led = urlsplit(httpx.get(place, timeout=30).headers["location"])
        return f"{led.path}?{led.query}"

    def _headers(self) -> dict[str, str]:
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"accept": "text/html"} | ({"cookie": held} if held else {})

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        for line in answer.headers.get_list("set-cookie"):
            for name, told in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if told["max-age"] != "0":
                    self.cookies[name] = told.value
        return answer
