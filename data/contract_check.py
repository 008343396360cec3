"""The contract of a table as SQL: every column cast, and the first thing that is wrong with a row.

Answers, for a relation of raw columns (text, or already typed), a query that yields the typed
columns and `fault`: a struct of column, value and words, or NULL where the row keeps its contract.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from data.code_forms import code_form, codes_form
from data.tables import LONGEST_TEXT, Column, OnYearEnd, Table

_SHOWN = 40
_UNPRINTABLE = r"[\p{C}\p{Zl}\p{Zp}]"
"""Control and format characters, line and paragraph separators, as DuckDB's patterns say it."""
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_NATIVE: dict[str, set[str]] = {
    "date": {"DATE"},
    "integer": _INTEGERS,
    "cents": _INTEGERS,
    "number": {"DOUBLE", "FLOAT"},
    "flag": {"BOOLEAN"},
}
_DUCKDB = {
    "text": "VARCHAR", "date": "DATE", "integer": "BIGINT", "cents": "BIGINT", "number": "DOUBLE",
    "flag": "BOOLEAN", "choice": "VARCHAR",
}  # fmt: skip


def quoted(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def named(column: str) -> str:
    """`column` as an SQL identifier."""
    return '"' + column.replace('"', '""') + '"'


def duckdb_type(column: Column) -> str:
    """The DuckDB type that a column of the contract has once it is cast."""
    return _DUCKDB[column.type]


def in_code_form(table: Table, column: Column, text: str, system: str) -> str | None:
    """SQL: `text` in the form of the codes that the column holds, NULL where nothing is left of it.

    None for a column that holds no codes; `system` is SQL for the row's own code system.
    """
    if column.code_system is not None:
        form = codes_form if column.several else code_form
        return form(text, quoted(column.code_system))
    if column.name == "code" and "code_system" in table.names:
        return code_form(text, system)
    return None


def _cast(column: Column, text: str, coded: str | None) -> str:
    match column.type:
        case "date":
            # 2010-03-31 or 20100331, and a time of day that is midnight
            return (
                f"CASE WHEN regexp_full_match({text}, '[12]\\d{{3}}-\\d{{2}}-\\d{{2}}"
                f"([ T]00:00:00(\\.0*)?)?') THEN TRY_CAST(substr({text}, 1, 10) AS DATE) "
                f"WHEN regexp_full_match({text}, '[12]\\d{{7}}') THEN "
                f"TRY_CAST(substr({text}, 1, 4) || '-' || substr({text}, 5, 2) || '-' || "
                f"substr({text}, 7, 2) AS DATE) END"
            )
        case "integer" | "cents":
            return (
                f"CASE WHEN regexp_full_match({text}, '[+-]?\\d+(\\.0*)?') "
                f"THEN TRY_CAST(split_part({text}, '.', 1) AS BIGINT) END"
            )
        case "number":
            cast = f"TRY_CAST({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) THEN {cast} END"
        case "flag":
            return (
                f"CASE WHEN lower({text}) IN ('true', 't', '1', 'yes') THEN true "
                f"WHEN lower({text}) IN ('false', 'f', '0', 'no') THEN false END"
            )
        case "choice":
            choices = ", ".join(quoted(choice) for choice in column.choices)
            case = (
                "upper" if all(choice == choice.upper() for choice in column.choices) else "lower"
            )
            return f"CASE WHEN {case}({text}) IN ({choices}) THEN {case}({text}) END"
        case _ if coded is not None:
            return coded
        case _ if column.lower_case:
            return f"lower({text})"
        case _:
            return text


def _system(table: Table, types: Mapping[str, str]) -> str:
    """SQL: the code system that the row names, however it is written."""
    return f"upper({named('~code_system')})" if "code_system" in types else "NULL"


def _words(column: Column) -> str:
    match column.type:
        case "date":
            return "is not a date"
        case "integer" | "cents":
            return "is not a whole number"
        case "number":
            return "is not a number"
        case "flag":
            return "is not true or false"
        case "choice":
            return f"is none of {', '.join(column.choices)}"
        case _:
            return "is empty once blanks and punctuation are gone"


def _fault(column: str, value: str, words: str) -> str:
    return f"{{'column': {quoted(column)}, 'value': {value}, 'words': {quoted(words)}}}"


def checked(
    table: Table, relation: str, types: Mapping[str, str], keep: Collection[str] = ()
) -> str:
    """SQL that yields `keep`, each contract column cast, and `fault`, for each row of `relation`.

    `types` gives the DuckDB type of each contract column that `relation` has; the others are
    empty. Faults are looked for in the order of the columns, then of the row rules.
    """
    typed: list[str] = []
    texts: list[str] = []
    faults: list[str] = []
    present: set[str] = set()
    for column in table.columns:
        if column.name not in types:
            typed.append(f"NULL::{duckdb_type(column)} AS {named(column.name)}")
            continue
        present.add(column.name)
        source, text, value = named(column.name), named(f"~{column.name}"), named(column.name)
        missing = _fault(column.name, "NULL", "is missing")
        if types[column.name] in _NATIVE.get(column.type, ()):
            texts.append(f"{source} AS {text}")
            typed.append(f"{text}::{duckdb_type(column)} AS {value}")
            if column.required:
                faults.append(f"CASE WHEN {text} IS NULL THEN {missing} END")
        else:
            texts.append(f"nullif(trim({source}::VARCHAR), '') AS {text}")
            coded = in_code_form(table, column, text, _system(table, types))
            typed.append(f"{_cast(column, text, coded)} AS {value}")
            if column.required:
                faults.append(f"CASE WHEN {text} IS NULL THEN {missing} END")
            if column.type != "text" or (coded and column.required):
                wrong = _fault(column.name, text, _words(column))
                faults.append(f"CASE WHEN {text} IS NOT NULL AND {value} IS NULL THEN {wrong} END")
            if column.type == "text":
                wrong = _fault(column.name, "NULL", "holds a character that cannot be printed")
                match = f"regexp_matches({value}, {quoted(_UNPRINTABLE)})"
                faults.append(f"CASE WHEN {match} THEN {wrong} END")
                wrong = _fault(column.name, value, f"is longer than {LONGEST_TEXT} characters")
                faults.append(f"CASE WHEN length({value}) > {LONGEST_TEXT} THEN {wrong} END")
        for bound, sign, words in ((column.minimum, "<", "below"), (column.maximum, ">", "above")):
            if bound is not None:
                wrong = _fault(column.name, f"{value}::VARCHAR", f"is {words} {bound:g}")
                faults.append(f"CASE WHEN {value} {sign} {bound} THEN {wrong} END")
    for rule in table.rules:
        if {rule.column, rule.other} <= present:
            told, other = named(rule.column), named(rule.other)
            words, breach = f"is before {rule.other}", f"{told} < {other}"
            if isinstance(rule, OnYearEnd):
                words = "is no 31 December, the day of a calendar year's total"
                breach = f"{other} = {quoted(rule.value)} AND strftime({told}, '%m-%d') <> '12-31'"
            wrong = _fault(rule.column, f"{told}::VARCHAR", words)
            faults.append(f"CASE WHEN {breach} THEN {wrong} END")
    shown = [named(f"~{name}") for name in table.names if name in present]
    names = [named(name) for name in table.names]
    first = f"coalesce({', '.join(faults)})" if faults else "NULL"
    return (
        f"SELECT {', '.join([*keep, *names, first])} AS fault FROM ("
        f"SELECT {', '.join([*keep, *typed, *shown])} FROM ("
        f"SELECT {', '.join([*keep, *texts])} FROM {relation}))"
    )


def reason(fault: str = "fault") -> str:
    """SQL: a fault as a sentence fragment, such as birth_on: '19991340' is not a date."""
    shown = f"coalesce('''' || {fault}.value[:{_SHOWN}] || ''' ', '')"
    return f"{fault}.column || ': ' || {shown} || {fault}.words"
