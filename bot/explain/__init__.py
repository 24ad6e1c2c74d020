"""Names and numbers of troubles, what each means, and the mend: data for the manual and for whoever explains one.

Here live the reasons for which a call ends, the warnings of the log, Twilio's error numbers, the failures of a
Realtime session and the exit codes of `bot`. Nothing here decides anything, and nothing that runs in a call imports it.
To start: `log_lines`. A new reason, warning or failure is added here too; tests find what is missing.
"""
