"""A notebook that says what a cell costs, remembers it, and tests hypotheses about your data.

In a notebook: `%load_ext kosmos_nb`, then `%%kosmos_profile`, `%kosmos_research`,
`%%kosmos_sql` and `%kosmos_history`. Importing this package is cheap; each name is loaded
when it is first used.
"""
