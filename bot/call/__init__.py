"""One call, pure: messages, notes and the time go in, messages, reports and facts come out.

No clock, socket, task, chance or environment. `call` says who handles what, `wiring` who is given whom, `states`
where a call can be, `machines` what else of it has states.
"""
