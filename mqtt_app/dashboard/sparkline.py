"""A series as the points of a small line. Pure."""

from collections.abc import Sequence

WIDTH = 120.0
HEIGHT = 28.0
MARGIN = 2.0  # half of the line's width, so that a flat line at an edge is not cut


def points(values: Sequence[float | None]) -> list[str]:
    """`values` at equal distances, None where there is none. Gives the `points` of an SVG polyline
    for each run of values; a gap stays one. A lone value is a short dash.
    """
    known = [value for value in values if value is not None]
    if not known:
        return []
    low = min(known)
    # Halves, so that the span of the largest numbers is not infinite.
    half = max(known) / 2 - low / 2
    step = WIDTH / max(1, len(values) - 1)
    lines: list[str] = []
    run: list[str] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            run.append(f"{place * step:.1f},{_height(value, low, half):.1f}")
        elif run:
            lines.append(_line(run, step))
            run = []
    return lines


def _height(value: float, low: float, half: float) -> float:
    if half <= 0:
        share = 0.5
    else:
        share = (value / 2 - low / 2) / half
    return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)


def _line(run: Sequence[str], step: float) -> str:
    if len(run) > 1:
        return " ".join(run)
    across, height = run[0].split(",")
    return f"{run[0]} {float(across) + min(step / 3, 3.0):.1f},{height}"
