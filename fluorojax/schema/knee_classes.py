"""What is delimited on a knee film: the names that simulation and measurements share."""

CLASSES = (
    "femoral_component",
    "tibial_component",
    "polyethylene",
    "cement",
    "femur",
    "tibia",
    "fibula",
    "patella",
    "radiolucency",
    "osteophyte",
)
