"""The HTTP side of every service: an application whose errors are RFC 9457 problem documents."""

from chassis.problems.application import create_app
from chassis.problems.handlers import add_problem_handlers, problem_of
from chassis.problems.problem import Problem, problem_response, temporarily_unavailable

__all__ = [
    "Problem",
    "add_problem_handlers",
    "create_app",
    "problem_of",
    "problem_response",
    "temporarily_unavailable",
]
