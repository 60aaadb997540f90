"""One thing that grows: what was measured, as a table in Markdown and as a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chart import Chart, Line, number
from benchmarks.markdown import markdown


@dataclass(frozen=True)
class Growth:
    """What was measured while something grew.

    Attributes:
        name: of the chart's file.
        what: grows, in a few words.
        title: of the chart.
        unit: what the figures of the first column count; the chart shows these.
        columns: name of each column of figures.
        rows: size -> its figures.
        should: size -> what the first figure would be on the straight line.
        drawn: how many of the columns are lines of the chart, all of them in the same unit.
    """

    name: str
    what: str
    title: str
    unit: str
    columns: Sequence[str]
    rows: Mapping[float, Sequence[float]]
    should: Mapping[float, float]
    should_be: str
    log: bool = True
    drawn: int = 1

    def markdown(self) -> str:
        titles = [self.what, self.columns[0], self.should_be, *self.columns[1:]]
        rows = ([size, figures[0], self.should[size], *figures[1:]] for size, figures in self.rows.items())
        return "\n".join(markdown(titles, [list(map(number, row)) for row in rows]))

    def chart(self) -> Chart:
        columns = enumerate(self.columns[: self.drawn])
        measured = [Line(name, [(size, row[place]) for size, row in self.rows.items()]) for place, name in columns]
        should = Line(self.should_be, list(self.should.items()), should=True)
        return Chart(self.title, self.what, self.unit, [*measured, should], self.log)
