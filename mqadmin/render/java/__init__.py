"""What Apache's mqadmin 5.3.3 prints, column for column, for scripts that parse it; loaded for `--output java` only.

One module a family of commands; a function has the name of the command's. It takes the command's result and its
options and returns the text. The printf formats of Apache's SubCommand classes are the specification. Where Apache
lists a hash map, rows are sorted here. A figure that is not known is `unknown` where Apache prints 0.
"""
