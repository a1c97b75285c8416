"""The stress run: the documented scenarios at full speed against one server, each checked to the last message.

    target.py     which server: its HTTP base and its WebSocket URL
    plan.py       quick, simple and full: which scenarios, in which sizes
    scenarios.py  what a scenario does, on a stage
    stage.py      one topic, its publishers and subscribers, and the cleaning up
    audit.py      what was promised, against what came: pure, no socket, no clock
    payloads.py   what is published, and how it is recognised
    replies.py    what a server says, decoded
    wire.py       one WebSocket connection          rest.py    the HTTP calls
    child.py      a server of our own               runner.py  one run, from plan to report
    report.py     results as a table or as JSON     progress.py  the bar on a terminal

It knows the server by its wire alone and imports nothing from it, so that what it checks is what any client sees.
"""
