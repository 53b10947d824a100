"""The engine: decides what is found, run, filed and forgotten; knows no I/O, no clock and no event loop.

Imports point down: `_accel` < `_equality` < `_binding` < `_node` < `_events` < `_memo` < `_scenario` < `_registry` < `_view` <
`_find` < `_cache` < `_order` < `_frame` < `_call` < `_flight` < `_entry` < `_drive` < `_begin` < `_verify` < `_finish`.
"""
