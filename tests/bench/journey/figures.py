"""Medians, and a table of them."""
import statistics


def median(values):
    return statistics.median(values)


def spread(values):
    """The largest distance from the median, as a share of it."""
    middle = median(values)
    return max(abs(value - middle) for value in values) / middle


def print_table(heads, rows):
    """`rows` of texts under `heads`; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]

    def line(row):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "| " + " | ".join(cells) + " |"
    print(line(heads))
    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        print(line(row), flush=True)
