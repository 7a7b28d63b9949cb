"""The standing paragraphs of a report: how its figures are to be read."""

SIMILARITY = (
    "Self-similarity: time runs to the right and downwards, dark where two passages of four seconds "
    "have the same pitch classes. A dark line beside the diagonal is a passage that returns, a block a stretch that "
    "stays in one harmony; what is even returns to nothing."
)
TENSION = "How far the notes lie from the key, how dissonant they are, and how fast harmony moves."
ROLL = "Pitch over time."
PICTURES = (("similarity", "What returns", SIMILARITY), ("tension", "Tension", TENSION), ("roll", "The notes", ROLL))
"""Kind of picture, its section's title, and what is to be seen."""

DISTRIBUTIONS = (
    "For each feature the distances between pieces within the reference are set beside the distances from generated "
    "pieces to it. The overlapping area of the two densities is 1 where they are the same; the divergence "
    "(Kullback and Leibler, in nats) is 0. Both have 95 % intervals over pieces."
)
HALVES = (
    "Even real music does not reach 1, and smaller sets overlap less. So one half of the reference is set beside the "
    "other, ten times, and beside as many generated pieces: these two columns may be compared. The bar is the second, "
    "its mark the first, what is to be reached; behind the sign stands the standard deviation over halvings."
)
OTHER_COLUMNS = (
    "Within generated: the overlap of the distances among generated pieces with those among real ones; it alone falls "
    "when all generated pieces are alike. The usual form, area and divergence, is what the field's common tool "
    "computes, its faults included, to be set beside published figures only."
)
MEANS = (
    "Mean overlapping area of all features {every}, without degenerate ones {some}; with one half of the reference "
    "{half}, and of its halves with each other {real}, both without degenerate ones."
)
SINGLE_VALUES = (
    "Means over pieces with 95 % intervals drawn over pieces. The last column is the difference of the means in "
    "standard deviations of the reference, drawn from three below to three above: a line that leaves out the middle"
    " is a difference that chance hardly makes. None of these values says that music is good; they say how far it "
    "is from the reference, and in what."
)
COPYING = (
    "Notes shared with {training}. The reference shows what is usual of music that was not copied: generated pieces"
    " far above it repeat their training data."
)
PLANS = (
    "{ours} and {theirs} of the reference have a plan.yaml beside them: how much of what the plan asks for is found"
    " in the notes."
)
PIECES = (
    "Distance is the mean, over all single values, of how many robust standard deviations a piece lies from the "
    "reference's median (at most 10 each): {usual}. It says what is usual, not what is good. Deviations stand in "
    "brackets, with their sign."
)
USUAL_DISTANCE = "of the reference's own pieces nine tenths lie between {low} and {high}, half of them below {middle}"
SEEDS = "seed {seed}: of the draw that makes the sets equal, of the halves, and of all intervals"
EVERYTHING = "report.json holds every figure of every piece"
