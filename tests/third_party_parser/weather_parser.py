"""`weather/<station>`: temperature and humidity as `21.5;40`."""

from collections.abc import Sequence

from mqtt_app.domain.facts import Fact, ParseError, ParseErrorKind, ReadingFact
from mqtt_app.parsers.base import Message


class WeatherParser:
    name = "weather"
    version = "1"

    def matches(self, topic: str, sample: bytes) -> float:
        return 0.9 if topic.startswith("weather/") else 0.0

    def parse(self, message: Message) -> Sequence[Fact]:
        try:
            temperature, humidity = map(float, message.payload.split(b";"))
        except ValueError:
            raise ParseError(ParseErrorKind.PARSE, "expected <temperature>;<humidity>") from None
        station = message.topic.removeprefix("weather/")
        return [
            ReadingFact(device=station, metric="temperature", value=temperature),
            ReadingFact(device=station, metric="humidity", value=humidity),
        ]
