"""Messages a second of many links, from counters that are looked at now and then. Pure: `now` in
seconds.
"""

from collections.abc import Container

WINDOW = 10.0  # s over which a rate is taken


class Rates:
    def __init__(self) -> None:
        self._samples: dict[int, list[tuple[float, int]]] = {}  # (when, total), oldest first

    def rate(self, link: int, total: int, now: float) -> float:
        """The rate over about the last WINDOW, of a counter that says `total` now. A counter may
        begin anew.
        """
        samples = self._samples.get(link)
        if samples is None or samples[-1][1] > total:
            self._samples[link] = [(now, total)]
            return 0.0
        if samples[0][1] == samples[-1][1]:  # silent until now, and maybe not looked at meanwhile
            begin = max(samples[0][0], now - WINDOW)
            samples[:] = [(begin, samples[0][1]), (max(begin, samples[-1][0]), samples[0][1])]
        samples.append((now, total))
        if samples[0][1] == total:
            return 0.0
        while len(samples) > 2 and now - samples[1][0] >= WINDOW:
            del samples[0]
        since, before = samples[0]
        if samples[1][1] == before:  # nothing came in between: the window begins where it should
            since = max(since, min(now - WINDOW, samples[1][0]))
        if now > since:
            return round((total - before) / (now - since), 2)
        return 0.0

    def keep(self, links: Container[int]) -> None:
        """Forget all others."""
        self._samples = {link: samples for link, samples in self._samples.items() if link in links}
