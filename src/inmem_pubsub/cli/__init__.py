"""The command line: one file per command.

main.py    `inmem-pubsub`: finds the command, and turns errors into one line and an exit code
flags.py   the settings as flags, and `--help`
serve.py   serve, also when no command is named
config.py  print every setting, its value, and where it came from
stress.py  stress a server
bench.py   load a server and measure it
extra.py   what these two need to be installed
"""

__all__: list[str] = []
