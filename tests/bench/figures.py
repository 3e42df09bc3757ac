"""Figures beside the limits promised for them, and what they were computed from."""

import statistics


class Report:
    """Rows of one part, shown as a table when it is over."""

    def __init__(self, title):
        self.title = title
        self.rows = []
        self.notes = []

    def row(self, what, figure, unit, limit=None, peer=None):
        """peer is another program's figure in the same unit."""
        self.rows.append((what, figure, unit, limit, peer))

    def note(self, text):
        """How it was measured, or what explains a figure; shown below the table."""
        self.notes.append(text)

    def show(self):
        if self.rows:
            print(f"\n{self.title:46} {'figure':>10} {'limit':>10} {'ratio':>6}  peer")
        for what, figure, unit, limit, peer in self.rows:
            line = f"  {what:44} {_number(figure):>10}"
            line += f" {_number(limit):>10} {figure / limit:6.2f}" if limit else " " * 18
            line += f"  {_number(peer)} ({peer / figure:.0f} times)" if peer and figure > 0 else ""
            print(f"{line.rstrip():74} {unit}".rstrip())
        for note in self.notes:
            print("  # " + note.replace("\n", "\n  #   "))
        print(end="", flush=True)


def _number(value):
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def quantile(values, share):
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def spread(report, what, values, unit, limits=None, peers=None):
    """Rows of minimum, median, 90th percentile and maximum; limits and peers by these names."""
    for name, value in (("min", min(values)), ("median", statistics.median(values)),
                        ("p90", quantile(values, 0.9)), ("worst", max(values))):
        report.row(f"{what}, {name}", value, unit, (limits or {}).get(name),
                   (peers or {}).get(name))
