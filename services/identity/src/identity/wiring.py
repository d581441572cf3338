"""Which part does what: the use cases over the adapters they are given, and the HTTP application over the use cases."""

from fastapi import FastAPI

from chassis.clock import Clock
from chassis.health import Health
from chassis.problems import create_app
from identity.api import UseCases, routes
from identity.api_problems import add_account_problems
from identity.ports import Passwords, Principals, PrivacyNotices, Transactions
from identity.use_cases.accept_privacy_notice import AcceptPrivacyNotice
from identity.use_cases.change_password import ChangePassword
from identity.use_cases.issue_principal import IssuePrincipal
from identity.use_cases.read_session import ReadSession
from identity.use_cases.sign_in import SignIn
from identity.use_cases.sign_out import SignOut


def use_cases(
    transactions: Transactions, passwords: Passwords, principals: Principals, notices: PrivacyNotices, clock: Clock
) -> UseCases:
    read_session = ReadSession(transactions, notices, clock)
    return UseCases(
        sign_in=SignIn(transactions, passwords, notices, clock),
        sign_out=SignOut(transactions, read_session),
        read_session=read_session,
        change_password=ChangePassword(transactions, passwords, read_session, clock),
        accept_privacy_notice=AcceptPrivacyNotice(transactions, notices, read_session, clock),
        issue_principal=IssuePrincipal(read_session, principals),
        notices=notices,
        principals=principals,
    )


def application(use: UseCases, health: Health) -> FastAPI:
    app = create_app("identity", health)
    app.include_router(routes(use))
    add_account_problems(app)
    return app
