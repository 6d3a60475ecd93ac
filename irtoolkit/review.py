"""The short list: which slides a person should look at, and why, judged by their roll and their own figures."""

from collections.abc import Sequence

from irtoolkit.results import Row


def judge_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows, each with its `review` and its `weight`, how much it matters."""
    return [row | {"weight": float(bool(row.get("review")))} for row in rows]
