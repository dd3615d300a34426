"""A text that has a bit of everything."""

CELL = """\
# a comment
component:
  type: model   # kept
  text: ${input.text as text | a: b #c}
  flow: { text: ${input.query as text | a, b: c #d}, n: [1, 2] }
  empty:
  list:
    - a
    - b: 1
      c: "x"
  block: |
    hello
    there

other: yes
"""
