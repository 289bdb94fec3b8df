"""What a callback raises."""


class TrainingDiverged(ArithmeticError):
    """A loss became infinite or not a number."""
