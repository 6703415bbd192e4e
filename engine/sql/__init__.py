"""SQL over the engine's transactions: tables are rows of a `Space`, so a conflict in SQL is a conflict as any other.

execute.py            a statement in a transaction, and its result
parse.py              text to statement, by sqlglot; parse_statement.py and parse_expression.py translate its tree
statements.py         what a statement is, once parsed
values.py             the five types: checks, arithmetic, LIKE, CAST
expressions.py        names and parameters bound, kinds checked, three-valued logic
scope.py              which columns a name can mean
tables.py             tables, rows, keys and ids in a `Space`
access.py             which rows have to be read
select.py             SELECT; grouping.py has GROUP BY and aggregates
write.py              INSERT, UPDATE and DELETE
"""
