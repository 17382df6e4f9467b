"""What only the server's operators do: get an administrator back in."""

import click

from app.accounts.operations import reset_credential
from app.accounts.queries import credential_by_name
from app.accounts.second_factor import remove_factor
from app.accounts.sessions import activation_link
from app.admin.views import bp
from app.core import audit
from app.core.clock import now
from app.core.db import transaction


@bp.cli.command("reset-account")
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="forget the device and the recovery codes too")
def reset_account(name: str, *, second_factor: bool) -> None:
    """Reset the account with this login name or identity number; prints its one-time link.

    Administrators' accounts are reset here only: a page for it would let one of them become
    another.
    """
    with transaction():
        account = credential_by_name(name)
        if account is None:
            raise click.ClickException("没有这个账号 / no such account")
        if second_factor and remove_factor(account.person_id):
            subject = ("person", account.person_id)
            audit.record("account:factor_reset", subject=subject, actor_id=None, now=now())
        secret = reset_credential(account, actor=None, now=now())
        click.echo(f"{account.person.name}  {activation_link(secret)}")
