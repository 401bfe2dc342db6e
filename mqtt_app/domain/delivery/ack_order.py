"""In which order messages are acknowledged. Pure."""


class AckOrder:
    """Acknowledgements of one link in the order of receipt, as MQTT demands, whatever the order of
    the commits.
    """

    def __init__(self) -> None:
        self._done: dict[int, bool] = {}  # packet id -> committed; in order of receipt

    def __len__(self) -> int:
        return len(self._done)

    def __contains__(self, packet_id: int) -> bool:
        return packet_id in self._done

    def received(self, packet_id: int, *, done: bool = False) -> None:
        """`done`: need not wait for a commit."""
        self._done[packet_id] = done

    def mark_committed(self, packet_id: int) -> None:
        if packet_id in self._done:
            self._done[packet_id] = True

    def take_ready(self) -> list[int]:
        """Takes out what may be acknowledged now: all up to the first that is not committed."""
        ready = []
        for packet_id, done in self._done.items():
            if not done:
                break
            ready.append(packet_id)
        for packet_id in ready:
            del self._done[packet_id]
        return ready
