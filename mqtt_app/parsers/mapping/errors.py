"""What is wrong with a mapping itself, told at the field where it can be mended."""


class MappingError(ValueError):
    """`field` is the place in the definition, such as `metrics.2.value`; `str(error)` is a
    sentence that says what to change.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field
