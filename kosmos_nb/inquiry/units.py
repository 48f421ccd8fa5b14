"""Units of measurement, as column names end in them."""

UNITS = {
    word: word
    for word in (
        "mm cm m km in ft mi g kg mg t lb oz s ms us min h d yr l ml pct usd eur gbp k c f pa hpa bar "
        "hz khz mhz ghz v mv a ma w kw mwh kwh j kj cal kcal mol mmol ppm ppb px mb gb kb deg rad"
    ).split()
}
UNITS["pct"] = "%"


def unit_of(column: str) -> str:
    """Return the unit in which a column's name ends (`flipper_length_mm`: mm), or nothing."""
    head, _, last = column.rpartition("_")
    return UNITS.get(last.lower(), "") if head else ""


def share_of(column: str, level: str) -> str:
    """Return the unit of a change in how many rows have that level: `share of survived = 1`."""
    return f"share of {column} = {level}"


def slope_unit(y: str, y_unit: str, x: str, x_unit: str) -> str:
    """Return the unit of a change in y for one unit of x: `mm/g`, or `price per area`.

    Args:
        y, x: Names. y_unit, x_unit: Their units, empty where unknown.
    """
    if y_unit and x_unit:
        return f"{y_unit}/{x_unit}"
    return f"{y_unit or y} per {x_unit or x}"
