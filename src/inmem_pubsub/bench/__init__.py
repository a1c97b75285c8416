"""The benchmark: a load of a chosen shape against one server, and what it takes.

    shape.py      who subscribes to what and who publishes where    plan.py      all that is asked for
    pace.py       when the next publication is due
    runner.py     one benchmark, from its topics to its report      fleet.py     its processes, from outside
    worker.py     one process of the load                           board.py     what the processes see of each other
    entrance.py   opens the connections                             link.py      one of them
    engine.py     publishes at its pace, and books what comes
    tally.py      what was counted                                  histogram.py what was measured
    usage.py      what the server says that it has used
    report.py     the figures, and whether they can be trusted
    screen.py     a report for people                               progress.py  the line while it runs

stress (its neighbour, whose target, HTTP calls and child server it uses) checks each message; this one counts them, and
makes as many as it can. It, too, knows the server by its wire alone.
"""

__all__: list[str] = []
