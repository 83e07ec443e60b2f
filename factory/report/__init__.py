"""The record and the outcomes → tables for people, documents for programs, JUnit for CI."""

from factory.report import documents
from factory.report.audits import audit_document, audit_text
from factory.report.coldstarts import cold_start_properties, cold_start_table
from factory.report.explanations import explanation_text
from factory.report.judged import judged_text
from factory.report.summary import summary
from factory.report.tables import (
    columns,
    doctor_table,
    matrix_table,
    plan_table,
    status_table,
)
from factory.report.words import failure_lines, verdict_words

__all__ = [
    "audit_document",
    "audit_text",
    "cold_start_properties",
    "cold_start_table",
    "columns",
    "doctor_table",
    "documents",
    "explanation_text",
    "failure_lines",
    "judged_text",
    "matrix_table",
    "plan_table",
    "status_table",
    "summary",
    "verdict_words",
]
