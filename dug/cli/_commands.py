"""`COMMANDS`, data only: the module of each command and its line of help, read with click or without."""

COMMANDS = {
    "demo": ("_demo", "Price a book of trades under what-if scenarios."),
    "run": ("_run", "Call a function, with tweaks, and save what it computed."),
    "record": ("_record", "Call a function, and record what its sources give."),
    "replay": ("_replay", "Call a function with recorded sources, and say what changed."),
    "show": ("_show", "Show what is in a file, or all about one node of it."),
    "failures": ("_failures", "List the nodes that failed, and why."),
    "explain": ("_explain", "Say where a value comes from."),
    "web": ("_web", "Show a file in the browser."),
    "graph": ("_graph", "Draw what read what."),
    "trace": ("_trace", "Write the runs of a file for Perfetto and speedscope."),
    "diff": ("_diff", "Say what changed from one file to another, and because of what."),
    "store": ("_store", "Look into the folder of a store, and look after it."),
    "flow": ("_flow", "Look at the runs that services share, and cancel, retry or remove them."),
    "info": ("_info", "Say when and by what a file was saved, and what is in it."),
}
"""The module of each command, and its line in the list of commands."""
