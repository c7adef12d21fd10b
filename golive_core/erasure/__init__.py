"""Erasing a person: from what is kept, and from what comes later.

`known` is the list of who was erased, as keyed hashes; `scrub` finds them in rows and texts;
`person` gathers what somebody is called; `perform` takes them out of a home; `proof` looks, by
other means, for what is left.
"""
