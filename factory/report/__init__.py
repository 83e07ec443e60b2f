"""The record and the outcomes → tables for people, documents for programs, JUnit for CI."""

from factory.report import documents
from factory.report.junit import write_junit
from factory.report.tables import (
    columns,
    doctor_table,
    matrix_table,
    plan_table,
    status_table,
    summary,
)

__all__ = [
    "columns",
    "doctor_table",
    "documents",
    "matrix_table",
    "plan_table",
    "status_table",
    "summary",
    "write_junit",
]
