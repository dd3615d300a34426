"""The language that documents are written in: YAML with places, expressions, and typed fields.

cell/          YAML text as values that know where they were written; edits that splice
expressions/   `${…}`: scanned, parsed, evaluated
fields         the vocabulary: `Bound[T]`, model sources, devices, secrets
kinds          what an input can be, and the mark on a field that takes one
description    what a set of fields says of itself, read once for panel, help, schema and completion
problems       what a field's check found, in the document's words, at its place
inputs         what a call needs: the inputs that expressions name
"""
