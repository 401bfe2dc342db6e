"""What holds for a part of a JSON tree."""

import msgspec


class TreePlace(msgspec.Struct, frozen=True, gc=False):
    """`path`: the metric so far. `name`: the key or topic level that a value stands for. `time` in
    unix seconds.
    """

    device: str
    path: str = ""
    name: str = ""
    time: float | None = None
    unit: str = ""

    def below(self, key: str) -> "TreePlace":
        if key.isdecimal():
            name = self.name
        else:
            name = key
        if self.path:
            path = f"{self.path}.{key}"
        else:
            path = key
        return TreePlace(self.device, path, name, self.time)
