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

Where databases differ, this one is strict: types are not converted, but for INTEGER in a REAL column; INTEGER has 64
bits and its division drops the fraction; overflow and division by zero are errors. Names are the same in any case,
also in quotes. LIKE regards case and has no escape character unless ESCAPE names one. NULL comes first in ascending
order and last in descending, unless NULLS FIRST or LAST says otherwise. Without ORDER BY, no order is promised.

A condition on all columns of the PRIMARY KEY or of a UNIQUE reads one row, on the first columns of a key or a range
of an INTEGER PRIMARY KEY what is there, and any other the whole table. What was read is what can conflict.
"""
